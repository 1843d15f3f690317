"""Quality gates: missing, frozen and clipped samples are found and named; short gaps are mended."""

import numpy as np

MISSING, FLAT, CLIPPED = "missing samples", "flat line", "clipping"
MIN_CLIP_RUN = 3  # samples in a row at the extreme value; a peak alone is no clipping
MAX_CLIPPED = 0.05  # share of a channel's samples


def run_lengths(mask: np.ndarray) -> np.ndarray:
    """Length of the run of True that each entry of mask (n,) lies in, (n,); 0 where mask is False."""
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    runs = edges[1::2] - edges[::2]
    lengths = np.zeros(len(mask), int)
    lengths[mask] = np.repeat(runs, runs)
    return lengths


def flat(x: np.ndarray, min_run: int) -> np.ndarray:
    """Which samples of x (n_times,) lie in a run of min_run or more equal values."""
    next_equal = np.append(x[1:] == x[:-1], False)
    frozen = next_equal & (run_lengths(next_equal) + 1 >= min_run)
    return frozen | np.append(False, frozen[:-1])


def clipped(x: np.ndarray, limits: tuple[float, float] | None = None) -> np.ndarray:
    """Which samples of x (n_times,) lie in runs of 3 or more at or beyond limits, by default x's extremes."""
    low, high = limits or (x.min(), x.max())
    if x.min() == x.max():
        return np.zeros(len(x), bool)
    return np.maximum(run_lengths(x <= low), run_lengths(x >= high)) >= MIN_CLIP_RUN


def first_reason(x: np.ndarray, sfreq: float, max_flat_s: float, limits=None) -> str:
    """Why x (n_times,) or (n_chans, n_times) at sfreq Hz cannot be used, "" if it can.

    MISSING: a sample of any channel. FLAT: a channel stays at one value for max_flat_s seconds or more. CLIPPED: more
    than MAX_CLIPPED of a channel lie in runs at or beyond `limits`, see `clipped`.
    """
    rows = np.atleast_2d(x)
    if not np.isfinite(rows).all():
        return MISSING
    min_run = int(np.ceil(max_flat_s * sfreq))
    if any(flat(row, min_run).any() for row in rows):
        return FLAT
    return CLIPPED if any(clipped(row, limits).mean() > MAX_CLIPPED for row in rows) else ""


def repair(x: np.ndarray, sfreq: float, max_gap_s: float) -> np.ndarray:
    """x (n_times,) or (n_chans, n_times) with gaps (NaN, infinity) up to max_gap_s interpolated, a copy. Linear between
    the neighbours, the nearest value at the ends; longer gaps become NaN."""
    out = np.array(x, np.result_type(x, np.float32))
    for row in np.atleast_2d(out):
        missing = ~np.isfinite(row)
        if not missing.any():
            continue
        row[missing] = np.nan
        short = missing & (run_lengths(missing) <= max_gap_s * sfreq)
        if short.any() and not missing.all():
            row[short] = np.interp(np.flatnonzero(short), np.flatnonzero(~missing), row[~missing])
    return out
