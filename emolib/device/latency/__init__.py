"""*Measured* latency on the machine that this runs on: models, front ends, the engine, a stream, memory.

All but `files`, `lab`, `devices` and `reported` need numpy and an interpreter alone: they are what `emolib bench`
runs on a device. Those make tables of what was found, here and elsewhere.
"""
