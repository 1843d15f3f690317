"""Imported before numpy: one thread for its matrices, which are small. More wait for each other longer than
they work."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
