"""What numbers in files from outside may be at most: beyond, they are damage, or another unit."""

import numpy as np

FLOAT32_MAX = np.finfo(np.float32).max
MOST_HZ = 50_000.0  # of EEG and pulse; above, time stamps are finer than seconds
MOST_FPS = 10_000.0  # of a video
