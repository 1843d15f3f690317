"""Signals: from samples to model inputs with numpy only, so that training and device run the same code."""
