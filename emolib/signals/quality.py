"""Quality gates: missing, frozen and clipped samples are found, counted and named; short gaps are mended."""

from dataclasses import dataclass

import numpy as np

MISSING, FLAT, CLIPPED = "missing samples", "flat line", "clipping"
MIN_CLIP_RUN = 3  # samples in a row at the extreme value; a peak alone is no clipping


@dataclass(frozen=True)
class Quality:
    """How many samples are missing (NaN or infinite), in a flat line, clipped; and the `reasons` why a signal fails."""

    n_times: int
    n_missing: int
    n_flat: int
    n_clipped: int
    reasons: tuple[str, ...]


def run_lengths(mask: np.ndarray) -> np.ndarray:
    """Length of the run of True that each entry of mask (n,) lies in, (n,); 0 where mask is False."""
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    runs = edges[1::2] - edges[::2]
    lengths = np.zeros(len(mask), int)
    lengths[mask] = np.repeat(runs, runs)
    return lengths


def flat(x: np.ndarray, min_run: int) -> np.ndarray:
    """Which samples of x (n_times,) lie in a run of min_run or more equal finite values."""
    next_equal = np.append((x[1:] == x[:-1]) & np.isfinite(x[1:]), False)
    frozen = next_equal & (run_lengths(next_equal) + 1 >= min_run)
    return frozen | np.append(False, frozen[:-1])


def clipped(x: np.ndarray, limits: tuple[float, float] | None = None) -> np.ndarray:
    """Which samples of x (n_times,) lie in runs of 3 or more at or beyond limits, by default x's extremes."""
    finite = x[np.isfinite(x)]
    if not len(finite) or finite.min() == finite.max():
        return np.zeros(len(x), bool)
    low, high = limits or (finite.min(), finite.max())
    ends = (run_lengths(x <= low), run_lengths(x >= high))
    return np.maximum(*ends) >= MIN_CLIP_RUN


def assess(
    x: np.ndarray,
    sfreq: float,
    max_flat_s: float = 0.5,
    max_clipped: float = 0.05,
    limits: tuple[float, float] | None = None,
) -> Quality:
    """Quality of x (n_times,) or (n_chans, n_times) at sfreq Hz.

    It fails for a sample missing in any channel, for a channel that stays at one value for max_flat_s seconds
    or more, and for a channel with more than the share max_clipped of its samples clipped.
    """
    rows = np.atleast_2d(x)
    missing = ~np.isfinite(rows)
    is_flat = np.array([flat(row, int(np.ceil(max_flat_s * sfreq))) for row in rows])
    is_clipped = np.array([clipped(row, limits) for row in rows]) & ~is_flat
    failed = {
        MISSING: missing.any(),
        FLAT: is_flat.any(),
        CLIPPED: (is_clipped.mean(axis=1) > max_clipped).any(),
    }
    reasons = tuple(reason for reason, found in failed.items() if found)
    return Quality(rows.shape[1], int(missing.sum()), int(is_flat.sum()), int(is_clipped.sum()), reasons)


def repair(x: np.ndarray, sfreq: float, max_gap_s: float) -> np.ndarray:
    """x (n_times,) or (n_chans, n_times) with gaps (NaN, infinity) up to max_gap_s interpolated, a copy.

    Linear between the neighbours, the nearest value at the ends; longer gaps become NaN.
    """
    out = np.array(x, np.result_type(x, np.float32))
    for row in np.atleast_2d(out):
        missing = ~np.isfinite(row)
        row[missing] = np.nan
        short = missing & (run_lengths(missing) <= max_gap_s * sfreq)
        if short.any() and not missing.all():
            row[short] = np.interp(np.flatnonzero(short), np.flatnonzero(~missing), row[~missing])
    return out
