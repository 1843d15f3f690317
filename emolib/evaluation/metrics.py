"""How good scores are, how sure that is, and what guessing would give. Uncertainty is over subjects.

`y` (n,) is int, `scores` (n, n_classes) sum to one, `subject` (n,) holds labels of any kind. A class that does not occur
in y has no recall and is left out of UAR. Macro-F1 leaves out only classes that neither occur nor are predicted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from emolib.core.errors import BadSet

N_BINS = 15  # of the expected calibration error
N_BOOT = 2000  # resamplings of subjects
WITHIN, WHOLE = "labels exchanged within people", "labels exchanged between whole people"
N_SHUFFLED, N_EXCHANGED = 2000, 10_000  # of chance_test and paired_gain
CHUNK = 200  # of them at a time where each has a number a row
EXACT_SUBJECTS = 12  # up to here a paired test tries all exchanges
TINY = 1e-12  # sums in another order differ by less


@dataclass(frozen=True)
class Interval:
    """A share in [0, 1] and its 95 % interval over subjects."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Gain(Interval):
    """Percentage points of UAR of b over a, 95 % interval over subjects, and two-sided p of the paired test."""

    p: float

    def columns(self) -> dict[str, float]:
        """points, points_low, points_high and p, for a row of a table."""
        return {**columns_of("points", self), "p": self.p}


def columns_of(name: str, found) -> dict[str, float]:
    """<name>, <name>_low and <name>_high for a row of a table, of anything with value, low and high."""
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def confusion(y: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Counts (n_classes, n_classes): true class by row, predicted class by column. Raises BadSet."""
    return _confusions(y, scores, np.zeros(len(y), dtype=np.int64))[0]


def accuracy(counts: np.ndarray) -> np.ndarray:
    """Share of right answers, (…,), from confusion counts (…, n_classes, n_classes)."""
    return _share(np.trace(counts, axis1=-2, axis2=-1), counts.sum(axis=(-2, -1)))


def uar(counts: np.ndarray) -> np.ndarray:
    """Unweighted average recall over the classes that occur, (…,), from counts (…, n_classes, n_classes)."""
    return np.nanmean(recalls(counts), axis=-1)


def recalls(counts: np.ndarray) -> np.ndarray:
    """Recall of each class, (…, n_classes), from confusion counts; NaN for a class that does not occur."""
    return _share(np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-1))


def macro_f1(counts: np.ndarray) -> np.ndarray:
    """F1 averaged over the classes that occur or are predicted, (…,), from confusion counts."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    return np.nanmean(_share(2 * hits, counts.sum(axis=-1) + counts.sum(axis=-2)), axis=-1)


METRICS: dict[str, Callable] = {"accuracy": accuracy, "uar": uar, "macro_f1": macro_f1}


def macro_precision(counts: np.ndarray) -> float:
    """Precision averaged over the classes that occur, from counts (n_classes, n_classes); 0 for one never predicted."""
    precision = np.diag(counts) / np.maximum(counts.sum(axis=0), 1)
    return float(precision[counts.sum(axis=1) > 0].mean())


def ece(y: np.ndarray, scores: np.ndarray) -> float:
    """Expected calibration error in [0, 1]: 15 equal-width bins of the winning score (Guo et al. 2017)."""
    return float(_ece(_bin_sums(y, scores, np.zeros(len(y), dtype=np.int64))[0]))


def cross_entropy(y: np.ndarray, logits: np.ndarray) -> float:
    """-log p of the true class y (n,) from logits (n, n_classes), averaged per class and then over classes, as UAR is."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    nats = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(y)), y]
    return float(np.mean([nats[y == label].mean() for label in np.unique(y)]))


def auc(y: np.ndarray, scores: np.ndarray) -> float:
    """Area under the ROC curve, one class against the rest, averaged over the classes that occur; NaN for one class alone.
    Ties count half (Mann and Whitney 1947)."""
    return float(_aucs(y, scores, np.ones((1, len(y))))[0])


def auc_interval(y: np.ndarray, scores: np.ndarray, subject: np.ndarray) -> Interval:
    """`auc` with the percentile interval of a bootstrap over subjects. Raises BadSet as `evaluate` does."""
    _check(y, scores)
    ids = _ids(subject)
    n = int(ids.max()) + 1
    times = _times_drawn(n, seed=0)
    areas = np.concatenate([_aucs(y, scores, times[rows][:, ids]) for rows in _chunks(N_BOOT)])
    return _interval(auc(y, scores), areas[np.isfinite(areas)], n)


def evaluate(y: np.ndarray, scores: np.ndarray, subject: np.ndarray, seed: int = 0) -> dict[str, Interval]:
    """accuracy, uar, macro_f1 and ece, each with the percentile interval of a bootstrap over subjects (Field and Welsh
    2007). Raises BadSet for unequal lengths, labels out of range, NaN."""
    ids = _ids(subject)
    counts, bins = _confusions(y, scores, ids), _bin_sums(y, scores, ids)
    n = len(counts)
    times = _times_drawn(n, seed)
    resampled = _weighted(times, counts)
    found = {name: _interval(f(counts.sum(axis=0)), f(resampled), n) for name, f in METRICS.items()}
    return found | {"ece": _interval(_ece(bins.sum(axis=0)), _ece(_weighted(times, bins)), n)}


def per_subject(y: np.ndarray, scores: np.ndarray, subject: np.ndarray, classes: Sequence[str]):
    """Table: subject, n, accuracy, uar over the subject's own classes, macro_f1, recall_<class> (or NaN)."""
    counts = _confusions(y, scores, _ids(subject))
    table = {"subject": np.unique(subject), "n": counts.sum(axis=(1, 2))}
    table |= {name: f(counts) for name, f in METRICS.items()}
    table |= {f"recall_{c}": column for c, column in zip(classes, recalls(counts).T, strict=True)}
    return pd.DataFrame(table)


def paired_gain(y: np.ndarray, scores_a: np.ndarray, scores_b: np.ndarray, subject: np.ndarray, seed: int = 0) -> Gain:
    """Gain of b over a on the same trials, in percentage points of UAR.

    The interval is a bootstrap over subjects. p is the share of exchanges of a and b, subject by subject, that give a
    gain as far from 0: all exchanges up to 12 subjects, else random ones. Raises BadSet.
    """
    ids = _ids(subject)
    a, b = _confusions(y, scores_a, ids), _confusions(y, scores_b, ids)
    n, of_a, of_b = len(a), a.sum(axis=0), b.sum(axis=0)
    times = _times_drawn(n, seed)
    gain = uar(of_b) - uar(of_a)
    found = _interval(gain, uar(_weighted(times, b)) - uar(_weighted(times, a)), n)
    if is_exact := n <= EXACT_SUBJECTS:
        exchanged = np.arange(2**n)[:, None] >> np.arange(n) & 1
    else:
        exchanged = np.random.default_rng(seed).integers(2, size=(N_EXCHANGED, n))
    shift = _weighted(exchanged, b - a)
    as_far = abs(uar(of_b - shift) - uar(of_a + shift)) >= abs(gain) - TINY
    p = as_far.mean() if is_exact else (1 + as_far.sum()) / (1 + N_EXCHANGED)
    return Gain(100 * found.value, 100 * found.low, 100 * found.high, float(p))


def exchanged(y: np.ndarray, subject: np.ndarray) -> str:
    """What `chance_test` exchanges: WITHIN people, unless half of them or more have one class only; then labels of WHOLE people,
    because within them nothing is left to exchange, and class and person cannot be told apart."""
    n_classes = pd.Series(y).groupby(_ids(subject)).nunique()
    return WHOLE if (n_classes == 1).mean() >= 0.5 else WITHIN


def chance_test(y: np.ndarray, scores: np.ndarray, subject: np.ndarray) -> float:
    """p that labels reach this UAR when they are `exchanged` by the design. Within people: small where scores know more than who
    the person is. Of whole people: each gets labels drawn from those of another. Raises BadSet."""
    _check(y, scores)
    ids, predicted, rng = _ids(subject), scores.argmax(axis=1), np.random.default_rng(0)

    def uars(labels: np.ndarray) -> np.ndarray:
        """UAR against many sets of labels (n_sets, n)."""
        of_class = [labels == c for c in range(scores.shape[1])]
        hits = [(of_one & (labels == predicted)).sum(axis=1) for of_one in of_class]
        totals = [of_one.sum(axis=1) for of_one in of_class]
        return np.nanmean(_share(np.stack(hits, axis=1), np.stack(totals, axis=1)), axis=1)

    sizes = [rows.stop - rows.start for rows in _chunks(N_SHUFFLED)]
    shuffled = np.concatenate([uars(_shuffled(y, ids, size, rng)) for size in sizes])
    n_as_good = int((shuffled >= uars(y[None])[0] - TINY).sum())
    return (1 + n_as_good) / (1 + N_SHUFFLED)


def _shuffled(y, ids, n_sets, rng) -> np.ndarray:
    """Labels (n_sets, n) shuffled within subjects, or drawn from those of another subject."""
    order = np.argsort(ids, kind="stable")
    if exchanged(y, ids) == WHOLE:
        size = np.bincount(ids)
        giver = rng.permuted(np.tile(np.arange(len(size)), (n_sets, 1)), axis=1)[:, ids]
        place = (rng.random(giver.shape) * size[giver]).astype(int)
        return y[order][(np.cumsum(size) - size)[giver] + place]
    mixed = np.argsort(ids[order] + rng.random((n_sets, len(y))), axis=1)
    shuffled = np.empty((n_sets, len(y)), dtype=y.dtype)
    shuffled[:, order] = y[order][mixed]
    return shuffled


def _times_drawn(n, seed) -> np.ndarray:
    """How often each of n subjects is drawn in n draws, (N_BOOT, n)."""
    drawn = np.random.default_rng(seed).integers(n, size=(N_BOOT, n)) + n * np.arange(N_BOOT)[:, None]
    return np.bincount(drawn.ravel(), minlength=N_BOOT * n).reshape(N_BOOT, n)


def _weighted(weights, sums) -> np.ndarray:
    """Totals (n, …) of sums (n_subjects, …) with weights (n, n_subjects)."""
    return np.tensordot(weights.astype(np.float64), sums.astype(np.float64), axes=1)


def _chunks(n) -> list[slice]:
    return [slice(start, min(start + CHUNK, n)) for start in range(0, n, CHUNK)]


def _aucs(y, scores, weights) -> np.ndarray:
    """`auc` under weights (n_sets, n) of the rows, (n_sets,): the share of (positive, negative) pairs in the right order,
    ties half, averaged over classes with a pair; NaN where no class has one."""
    areas = []
    for c in np.unique(y):
        order = np.argsort(scores[:, c], kind="stable")
        starts = np.flatnonzero(np.diff(scores[order, c], prepend=-np.inf))
        is_positive, of_sorted = (y == c)[order], weights[:, order]
        pos = np.add.reduceat(of_sorted * is_positive, starts, axis=1)
        neg = np.add.reduceat(of_sorted * ~is_positive, starts, axis=1)
        right = (pos * (np.cumsum(neg, axis=1) - neg / 2)).sum(axis=1)
        areas.append(_share(right, pos.sum(axis=1) * neg.sum(axis=1)))
    valid = np.isfinite(areas)
    return _share(np.where(valid, areas, 0).sum(axis=0), valid.sum(axis=0))


def _interval(value, resampled, n_subjects) -> Interval:
    """The value with its 2.5th and 97.5th percentile; NaN for one subject, who says nothing about others."""
    low, high = np.percentile(resampled, [2.5, 97.5]) if n_subjects > 1 else (np.nan, np.nan)
    return Interval(float(value), float(low), float(high))


def _confusions(y, scores, ids) -> np.ndarray:
    """Confusion counts of each subject, (n_subjects, n_classes, n_classes) int."""
    _check(y, scores)
    n = scores.shape[1]
    cells = (ids * n + y) * n + scores.argmax(axis=1)
    return np.bincount(cells, minlength=(ids.max() + 1) * n * n).reshape(-1, n, n)


def _bin_sums(y, scores, ids) -> np.ndarray:
    """Sum of right answers minus winning scores of each subject by bin, with the number of windows last."""
    _check(y, scores)
    confidence = scores.max(axis=1).astype(np.float64)
    bins = np.clip(np.ceil(confidence * N_BINS).astype(np.int64) - 1, 0, N_BINS - 1)
    sums = np.zeros((ids.max() + 1, N_BINS + 1))
    np.add.at(sums, (ids, bins), (scores.argmax(axis=1) == y) - confidence)
    sums[:, -1] = np.bincount(ids)
    return sums


def _ece(sums) -> np.ndarray:
    return abs(sums[..., :-1]).sum(axis=-1) / sums[..., -1]


def _ids(subject) -> np.ndarray:
    return np.unique(subject, return_inverse=True)[1]


def _share(part, whole) -> np.ndarray:
    """part / whole, NaN where whole is 0."""
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=np.asarray(whole) > 0)


def _check(y, scores):
    if scores.ndim != 2 or len(y) != len(scores) or not len(y):
        raise BadSet(f"Got {len(y)} labels for scores {scores.shape}, expected (n, n_classes), n > 0.")
    if y.min() < 0 or y.max() >= scores.shape[1]:
        raise BadSet(f"Labels are {y.min()} to {y.max()}, expected 0 to {scores.shape[1] - 1}.")
    if not (np.abs(scores.sum(axis=1) - 1) < 1e-3).all() or (scores < 0).any():
        raise BadSet("Scores are negative, NaN or do not sum to one: take softmax of logits first.")
