"""Ways from what the modalities of a trial give to one answer: each has a name and takes whatever is left.

A method is called with the number of the study's fold and a mapping from every modality to its Sensed, or to None where
it is gone for all trials. It answers with scores (n_trials, n_classes), NaN for a trial of which it has nothing. Rules read
`Sensed.scores`; the network of an early fusion reads the windows, `Sensed.X` and `Sensed.at`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from emolib.core.artifacts import Run
from emolib.core.errors import BadParameter, BadSet
from emolib.core.experiment import INT8, model_name
from emolib.datasets.joint import MISSING, together
from emolib.device.interpreter import Model
from emolib.fusion.scores import fuse, softmax
from emolib.models import crossval
from emolib.studies.early_fusion.study import JointStudy
from emolib.studies.fusion.pairing import Trials, same_trials
from emolib.studies.fusion.study import LEARNED, learned_weights
from emolib.studies.missing.streams import Given, Methods, by_trial

RELIABILITY = "reliability"
FoldWeights = Mapping[int, np.ndarray]  # (n_modalities,) of each fold, in the study's order


def score_level(paired: Trials) -> Methods:
    """Each modality alone, mean, product, the rules that learn weights, and reliability."""
    learned = {name: learned_weights(paired, name) for name in LEARNED}
    found = {name: partial(single, name=name) for name in paired.modalities}
    found |= {name: partial(by_rule, rule=name) for name in ("mean", "product")}
    found |= {name: partial(by_rule, rule="weighted", weights=weights) for name, weights in learned.items()}
    return found | {RELIABILITY: partial(reliability, weights=learned["weighted"])}


def single(fold: int, sensed: Given, name: str) -> np.ndarray:
    return _stacked(sensed, "scores")[list(sensed).index(name)]


def by_rule(fold: int, sensed: Given, rule: str, weights: FoldWeights | None = None) -> np.ndarray:
    """A rule of emolib.fusion.scores, with weights of each fold where it learns them."""
    scores = _stacked(sensed, "scores")
    of_fold = None if weights is None else np.tile(weights[fold][:, None], scores.shape[1])
    return fused(scores, rule, of_fold)


def reliability(fold: int, sensed: Given, weights: FoldWeights) -> np.ndarray:
    """Weighted geometric mean of calibrated scores; a modality weighs its validation weight × its trust in a trial."""
    trust = weights[fold][:, None] * _stacked(sensed, "trust")
    return fused(_stacked(sensed, "calibrated"), "product", trust)


def fused(scores: np.ndarray, rule: str, weights: np.ndarray | None = None) -> np.ndarray:
    """`scores.fuse`, weights (n_modalities, n_trials), with NaN for trials that no modality has anything of."""
    there = ~np.isnan(scores).any(axis=2).all(axis=0)
    out = np.full(scores.shape[1:], np.nan, np.float32)
    if there.any():
        trusted = weights is not None and weights[:, there].any()
        out[there] = fuse(scores[:, there], rule, weights[:, there] if trusted else None)
    return out


def _stacked(sensed: Given, what: str) -> np.ndarray:
    """An attribute of every modality, (n_modalities, n_trials, …); NaN scores and no trust where it is gone."""
    left = next((getattr(of_one, what) for of_one in sensed.values() if of_one is not None), None)
    if left is None:
        raise BadSet(f"All modalities are gone ({', '.join(sensed)}), expected one or more to be left.")
    nothing = np.full_like(left, 0 if left.ndim == 1 else np.nan)
    return np.stack([nothing if of_one is None else getattr(of_one, what) for of_one in sensed.values()])


@dataclass(frozen=True, eq=False)
class Joint:
    """A network of several branches: a branch that is gone is 0, the mean of training people.

    `weights` fuses its heads, by fold, where it has several; the head of a branch that is gone is silent.
    """

    name: str
    study: JointStudy
    branches: tuple[str, ...]
    weights: FoldWeights | None

    def __call__(self, fold: int, sensed: Given) -> np.ndarray:
        n_trials = len(next(of for of in sensed.values() if of is not None).fold)
        given = [sensed[branch] for branch in self.branches]
        own = [np.empty(0, int) if one is None else one.at for one in given]
        start_s = [np.empty(0) if one is None else one.start_s for one in given]
        parts = [together([np.flatnonzero(of == trial) for of in own], start_s) for trial in range(n_trials)]
        rows, at = np.concatenate(parts), np.repeat(np.arange(n_trials), list(map(len, parts)))
        scores = by_trial(self._window_scores(fold, sensed, rows), at, n_trials).astype(np.float32)
        if self.weights is None:
            return scores
        for i, one in enumerate(given, start=1):
            scores[slice(None) if one is None else ~one.present, i] = np.nan
        weights = np.tile(self.weights[fold][:, None], n_trials)
        return fused(np.moveaxis(scores, 1, 0), "weighted", weights)

    def _window_scores(self, fold: int, sensed: Given, rows: np.ndarray) -> np.ndarray:
        """Scores of joint windows, (n_windows, n_classes) or (n_windows, n_heads, n_classes). rows (n_windows,
        n_branches): the window of each branch."""
        run, name = self.study.run, model_name(self.study.artifact(self.name), fold)
        shapes, X = self.study.data.shapes, {}
        standardise = crossval.load_standardiser(run, name)
        for branch, column in zip(self.branches, rows.T, strict=True):
            there = column != MISSING
            X[branch] = np.zeros((len(rows), *shapes[branch]), np.float32)
            if there.any():
                X[branch][there] = standardise[branch](sensed[branch].X[column[there]])
        with Model(run.read(f"{name}-{INT8}.tflite")) as model:
            return softmax(model.predict(X))


def joint_networks(run: Run, name: str) -> dict[str, Joint]:
    """The networks of several branches that 04b_early_fusion trained under this name; none for "". Raises BadArtifact
    where it did not, BadParameter for other trials than those of the same people."""
    if not name:
        return {}
    from emolib.studies.early_fusion.networks import Answers, networks  # imports TensorFlow

    made = run.parameters_of(f"scores/{name}-early_fusion.npz")
    if made["pairs"] != "same_trials":
        raise BadParameter(f"early_fusion: {name} pairs {made['pairs']}, expected same_trials.")
    given = {key: made[key] for key in ("sources", "task", "pairs", "n_virtual", "n_train", "seed")}
    study = JointStudy.load(run, name, **given)
    scores, found = run.arrays(f"scores/{name}-early_fusion.npz"), {}
    for each, network in networks(study.sources, made["networks"]).items():
        if len(network.branches) > 1:
            heads = Answers(study, each, network, scores[each]).trial_scores()
            weights = learned_weights(same_trials(heads), made["rule"]) if network.heads else None
            found[each] = Joint(each, study, network.branches, weights)
    return found
