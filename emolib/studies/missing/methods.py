"""Ways from what the modalities of a trial give to one answer: each has a name and takes whatever is left.

A method is called with the number of the study's fold and a mapping from every modality to its Sensed, or to
None where it is gone for all trials; it answers with scores (n_trials, n_classes), NaN for a trial of which it
has nothing. Score-level ones read `Sensed.scores`; a network would read `Sensed.X` and `Sensed.at`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from emolib.core.errors import BadSet
from emolib.fusion.scores import fuse
from emolib.studies.fusion.pairing import LEARNED, Paired, learned_weights
from emolib.studies.missing.sensed import Sensed

PLAIN = ("mean", "product")
RELIABILITY = "reliability"
FoldWeights = Mapping[int, np.ndarray]  # (n_modalities,) of each fold, in the study's order


class Method(Protocol):
    """What robustness asks of every way to fuse."""

    name: str

    def __call__(self, fold: int, sensed: Mapping[str, Sensed | None]) -> np.ndarray: ...


@dataclass(frozen=True)
class Single:
    """One modality alone."""

    name: str

    def __call__(self, fold: int, sensed: Mapping[str, Sensed | None]) -> np.ndarray:
        return _stacked(sensed, "scores")[list(sensed).index(self.name)]


@dataclass(frozen=True)
class Rule:
    """A rule of emolib.fusion.scores, with weights of each fold where it learns them."""

    name: str
    weights: FoldWeights | None = None

    def __call__(self, fold: int, sensed: Mapping[str, Sensed | None]) -> np.ndarray:
        scores = _stacked(sensed, "scores")
        if self.weights is None:
            return fused(scores, self.name)
        return fused(scores, "weighted", np.repeat(self.weights[fold][:, None], scores.shape[1], axis=1))


@dataclass(frozen=True)
class Reliability:
    """Weighted geometric mean of calibrated scores; a modality weighs its validation weight × its trust in a trial.

    Where no modality that is there is trusted at all, they count equally.
    """

    weights: FoldWeights
    name: str = RELIABILITY

    def __call__(self, fold: int, sensed: Mapping[str, Sensed | None]) -> np.ndarray:
        scores = _stacked(sensed, "calibrated")
        return fused(scores, "product", self.weights[fold][:, None] * _stacked(sensed, "trust"))


def score_level(paired: Paired) -> list[Method]:
    """Each modality alone, mean, product, the rules that learn weights, and reliability."""
    learned = {rule: learned_weights(paired, rule) for rule in LEARNED}
    rules = [Rule(name) for name in PLAIN] + [Rule(name, weights) for name, weights in learned.items()]
    return [*map(Single, paired.modalities), *rules, Reliability(learned["weighted"])]


def fused(scores: np.ndarray, rule: str, weights: np.ndarray | None = None) -> np.ndarray:
    """`scores.fuse`, weights (n_modalities, n_trials), with NaN for trials that no modality has anything of."""
    there = ~np.isnan(scores).any(axis=2).all(axis=0)
    out = np.full(scores.shape[1:], np.nan, np.float32)
    if there.any():
        weights = None if weights is None else _not_all_zero(weights[:, there])
        out[there] = fuse(scores[:, there], rule, weights)
    return out


def _not_all_zero(weights: np.ndarray) -> np.ndarray:
    """Weights as `fuse` takes them; equal ones where all are 0, as it does itself for single trials."""
    return weights if weights.any() else np.ones_like(weights)


def _stacked(sensed: Mapping[str, Sensed | None], what: str) -> np.ndarray:
    """An attribute of every modality, (n_modalities, n_trials, …); NaN scores and no trust where it is gone."""
    left = next((getattr(of_one, what) for of_one in sensed.values() if of_one is not None), None)
    if left is None:
        raise BadSet(f"All modalities are gone ({', '.join(sensed)}), expected one or more to be left.")
    nothing = np.zeros_like(left) if left.ndim == 1 else np.full_like(left, np.nan)
    return np.stack([nothing if of_one is None else getattr(of_one, what) for of_one in sensed.values()])
