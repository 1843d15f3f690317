"""Windows: where they start, and the samples in them. There are no partial windows."""

import numpy as np

from emolib.core.errors import BadParameter


def starts(n_times: int, window: int, hop: int) -> np.ndarray:
    """First sample of each whole window, (n_windows,), of n_times samples. Raises BadParameter."""
    if window < 1 or hop < 1:
        raise BadParameter(f"A window of {window} and a hop of {hop} samples, expected both to be 1 or more.")
    return np.arange(0, n_times - window + 1, hop)


def frame(x: np.ndarray, window: int, hop: int, axis: int = -1) -> np.ndarray:
    """Windows of x along axis, as a read-only view: n_windows stands at axis, window samples at the end.

    (n_chans, n_times) gives (n_chans, n_windows, window); fewer samples than a window give no windows.
    Raises BadParameter.
    """
    n_windows = len(starts(x.shape[axis], window, hop))
    shape, strides = list(x.shape), list(x.strides)
    shape[axis], strides[axis] = n_windows, hop * x.strides[axis]
    shape, strides = (*shape, window), (*strides, x.strides[axis])
    return np.lib.stride_tricks.as_strided(x, shape, strides, writeable=False)
