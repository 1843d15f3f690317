"""Scores of several modalities into one: numpy only, the same code in the notebooks and on the device.

Scores are (n_modalities, n_trials, n_classes) shares that sum to one; a row of NaN is a modality that is missing for
that trial: the others share its weight. Rules after Kittler et al. 1998, On combining classifiers.
"""

import numpy as np

from emolib.core.errors import BadParameter, BadSet

FLOOR = 1e-7
TIE_BREAK = 1e-3


def softmax(logits: np.ndarray, temperature: float = 1) -> np.ndarray:
    """Scores (…, n_classes) float32 from logits; a temperature above 1 makes them less sure."""
    powers = np.exp((logits - logits.max(axis=-1, keepdims=True)).astype(np.float64) / temperature)
    return (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float32)


def trial_scores(scores: np.ndarray, trial: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean scores of windows by trial: trials, first (n_trials,), scores (n_trials, n_classes) float32. Trials come in
    order of appearance; `first` is where a trial's first window is, for its label."""
    _, first, where = np.unique(trial, return_index=True, return_inverse=True)
    sums = np.stack([np.bincount(where, weights=column) for column in scores.T], axis=1)
    order = np.argsort(first)
    means = sums[order] / np.bincount(where)[order, None]
    return np.asarray(trial)[first[order]], first[order], means.astype(np.float32)


def fuse(scores: np.ndarray, rule: str, weights: np.ndarray | None = None) -> np.ndarray:
    """Fused scores (n_trials, n_classes) float32 of scores (n_modalities, n_trials, n_classes) by a rule.

    mean; product (geometric mean); max; vote (majority, ties by the mean score); weighted (mean with `weights`
    (n_modalities,) or (n_modalities, n_trials); where only modalities of weight 0 are there, they count equally). product
    may have weights too. Raises BadParameter for the rule or weights, BadSet for no shares or a trial without any.
    """
    if rule not in RULES:
        raise BadParameter(f"Unknown fusion rule {rule!r}, expected one of {', '.join(RULES)}.")
    if rule != "product" and (weights is None) == (rule == "weighted"):
        raise BadParameter(f"Rule {rule}: weights are for weighted and product, and weighted needs them.")
    scores = np.asarray(scores, dtype=np.float64)
    there = present(scores)
    weights = np.ones(len(scores)) if weights is None else np.asarray(weights, dtype=np.float64)
    fits = weights.shape in ((len(scores),), there.shape)
    if not fits or not (weights >= 0).all() or not 0 < weights.sum() < np.inf:
        raise BadParameter(f"Weights of shape {weights.shape}: expected {len(scores)} from 0, one above 0.")
    share = there * weights.reshape(len(scores), -1)  # 0 for a modality that is missing, sum one
    share = np.where(share.sum(axis=0) > 0, share, there)
    share = share / share.sum(axis=0)
    fused = RULES[rule](np.where(there[:, :, None], scores, 0), share[:, :, None])
    return (fused / fused.sum(axis=-1, keepdims=True)).astype(np.float32)


def present(scores) -> np.ndarray:
    """Which modality is there for which trial, (n_modalities, n_trials) bool. Raises BadSet."""
    if scores.ndim != 3:
        raise BadSet(f"Scores have shape {scores.shape}, expected (n_modalities, n_trials, n_classes).")
    present = ~np.isnan(scores).all(axis=-1)
    bad = present & ~((scores >= 0).all(axis=-1) & (np.abs(scores.sum(axis=-1) - 1) <= 1e-3))
    if bad.any():
        m, i = np.argwhere(bad)[0]
        raise BadSet(f"Modality {m}, trial {i}: {scores[m, i].tolist()} are no shares of one: take softmax.")
    if not present.any(axis=0).all():
        raise BadSet(f"Trial {present.any(axis=0).argmin()} has no modality at all, expected one: drop it.")
    return present


def _mean(scores, share):
    return (share * scores).sum(axis=0)


def _product(scores, share):
    logs = (share * np.log(np.maximum(scores, FLOOR))).sum(axis=0)
    return np.exp(logs - logs.max(axis=-1, keepdims=True))


def _vote(scores, share):
    votes = np.eye(scores.shape[-1])[scores.argmax(axis=-1)]
    return (share * (votes + TIE_BREAK * scores)).sum(axis=0)


RULES = {
    "mean": _mean,
    "product": _product,
    "max": lambda scores, share: scores.max(axis=0),
    "vote": _vote,
    "weighted": _mean,
}
