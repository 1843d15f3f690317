"""Weights of modalities, fitted on validation trials: scores (n_modalities, n_trials, n_classes), as in emolib.fusion.scores."""

import numpy as np
from scipy.optimize import minimize

from emolib.evaluation.metrics import confusion, uar
from emolib.fusion.scores import FLOOR, present

SHRINKAGE = 10.0


def validation_weights(scores: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Weights (n_modalities,) in proportion to UAR above chance, one over the number of classes of a modality's trials;
    equal if none is above. Missing trials are left out. Raises BadSet."""
    above = np.zeros(len(scores))
    for k, there in enumerate(present(scores)):
        if there.any():
            chance = 1 / len(np.unique(y[there]))
            above[k] = max(0.0, uar(confusion(y[there], scores[k][there])) - chance)
    return _normalised(above)


def fitted_weights(scores: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Weights (n_modalities,), non-negative, of sum one: least log loss of the weighted mean of scores.

    SHRINKAGE × squared distance from equal weights is added to the loss summed over validation trials. Only trials that
    no modality misses count; equal weights if there is none. Raises BadSet.
    """
    scores = np.asarray(scores, dtype=np.float64)
    whole = present(scores).all(axis=0)
    equal = np.full(len(scores), 1 / len(scores))
    if not whole.any():
        return equal
    right = np.maximum(scores[:, whole][:, np.arange(whole.sum()), y[whole]], FLOOR)

    def loss(weights):
        mixed = weights @ right
        value = -np.log(mixed).mean() + SHRINKAGE / whole.sum() * ((weights - equal) ** 2).sum()
        return value, -(right / mixed).mean(axis=1) + 2 * SHRINKAGE / whole.sum() * (weights - equal)

    simplex = {"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like}
    found = minimize(
        loss, equal, jac=True, method="SLSQP", bounds=[(0, 1)] * len(equal), constraints=simplex,
        options={"ftol": 1e-10, "maxiter": 500},
    )  # fmt: skip
    return _normalised(np.clip(found.x, 0, 1))


def _normalised(weights) -> np.ndarray:
    return weights / weights.sum() if weights.sum() > 0 else np.full(len(weights), 1 / len(weights))
