"""The power lab: what a meter logged, what the device did meanwhile, and the energy of one inference from both."""
