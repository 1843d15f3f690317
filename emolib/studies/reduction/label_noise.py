"""Labels as a hurried crowd would give them: a known share is wrong.

Shved (2019) had one label an image and measured 9 % of them wrong; on a corpus with better labels the same
share can be put in, to see what it costs. Only training rows may be touched: noise in validation or test
moves the measure itself.
"""

import numpy as np

from emolib.core.errors import BadParameter

CROWD = 0.09  # share of wrong labels with one vote an image: Shved (2019)


def relabelled(
    y: np.ndarray,
    share: float,
    n_classes: int,
    seed: int,
    rows: np.ndarray | None = None,
    confusion: np.ndarray | None = None,
) -> np.ndarray:
    """A copy of labels y (n,) of which exactly round(share × len(rows)) changed, none to itself; seeded.

    `rows`: indices that may change, the training part; None: all. Without `confusion` every row is as likely
    to change, and every other class to come. With it, (n_classes, n_classes) counts or shares, true class by
    row, a row of y changes in proportion to the share of its class that is off the diagonal, into a class in
    proportion to its cell. Raises BadParameter.
    """
    rows = np.arange(len(y)) if rows is None else np.asarray(rows)
    _check(y, share, n_classes, rows)
    wrong = _wrong_shares(n_classes, confusion)
    n_changed = round(share * len(rows))
    chance = wrong.sum(axis=1)[y[rows]]
    if (chance > 0).sum() < n_changed:
        raise BadParameter(
            f"{n_changed} labels are to change, but the confusion matrix has other classes for "
            f"{(chance > 0).sum()} of {len(rows)} only: lower share, or give the matrix wrong answers in every class."
        )
    rng, noisy = np.random.default_rng(seed), y.copy()
    picked = rng.choice(rows, n_changed, replace=False, p=chance / chance.sum()) if n_changed else rows[:0]
    for label in np.unique(y[picked]):
        same = picked[y[picked] == label]
        noisy[same] = rng.choice(n_classes, len(same), p=wrong[label] / wrong[label].sum())
    return noisy


def _wrong_shares(n_classes: int, confusion: np.ndarray | None) -> np.ndarray:
    """How a class is taken for another one, (n_classes, n_classes), zeros on the diagonal. Raises
    BadParameter."""
    counts = np.ones((n_classes, n_classes)) if confusion is None else np.asarray(confusion, np.float64)
    if counts.shape != (n_classes, n_classes) or not np.isfinite(counts).all() or (counts < 0).any():
        raise BadParameter(
            f"confusion: got shape {counts.shape}, expected ({n_classes}, {n_classes}) of counts or shares, "
            "0 or more."
        )
    totals = counts.sum(axis=1, keepdims=True)
    return np.where(np.eye(n_classes, dtype=bool), 0.0, counts / np.where(totals > 0, totals, 1))


def _check(y: np.ndarray, share: float, n_classes: int, rows: np.ndarray):
    if not 0 <= share <= 1 or n_classes < 2:
        raise BadParameter(f"share {share} of {n_classes} classes: expected 0 to 1 of two classes or more.")
    if len(y) and (y.min() < 0 or y.max() >= n_classes):
        raise BadParameter(f"Labels are {y.min()} to {y.max()}, expected 0 to {n_classes - 1}.")
    if len(np.unique(rows)) < len(rows) or (len(rows) and not 0 <= rows.min() <= rows.max() < len(y)):
        raise BadParameter(f"rows: expected different indices from 0 to {len(y) - 1}, each once.")
