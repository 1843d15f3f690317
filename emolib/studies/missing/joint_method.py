"""The networks of a study of feature-level fusion as methods, to be asked with whatever is left of its branches."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from emolib.core.artifacts import Run
from emolib.core.errors import BadParameter
from emolib.core.experiment import INT8, model_name
from emolib.datasets.joint import MISSING, together
from emolib.device.interpreter import Model
from emolib.fusion.scores import softmax
from emolib.models import crossval
from emolib.studies.early_fusion.levels import Answers
from emolib.studies.early_fusion.networks import JointStudy, Network, networks
from emolib.studies.fusion import pairing
from emolib.studies.fusion.pairing import learned_weights
from emolib.studies.missing.methods import FoldWeights, fused
from emolib.studies.missing.sensed import Sensed, by_trial


@dataclass(frozen=True, eq=False)
class Joint:
    """A network of several branches: a branch that is gone is 0, the mean of training people.

    `weights` fuses its heads, by fold, where it has several; the head of a branch that is gone is silent.
    """

    name: str
    study: JointStudy
    network: Network
    weights: FoldWeights | None

    def __call__(self, fold: int, sensed: Mapping[str, Sensed | None]) -> np.ndarray:
        n_trials = len(next(of for of in sensed.values() if of is not None).fold)
        rows, at = joint_rows(self.network.branches, sensed, n_trials)
        scores = by_trial(self._answered(fold, sensed, rows), at, n_trials).astype(np.float32)
        return scores if self.weights is None else self._over_heads(scores, sensed, self.weights[fold])

    def _answered(self, fold: int, sensed, rows: np.ndarray) -> np.ndarray:
        """Scores of joint windows, (n_windows, n_classes) or (n_windows, n_heads, n_classes)."""
        run, name = self.study.run, model_name(self.study.artifact(self.name), fold)
        shapes, X = self.study.data.shapes, {}
        standardise = crossval.load_standardiser(run, name)
        for branch, column in zip(self.network.branches, rows.T, strict=True):
            there = column != MISSING
            X[branch] = np.zeros((len(rows), *shapes[branch]), np.float32)
            if there.any():
                X[branch][there] = standardise.branches[branch](sensed[branch].X[column[there]])
        with Model(run.read(f"{name}-{INT8}.tflite")) as model:
            return softmax(model.predict(X))

    def _over_heads(self, scores, sensed, weights) -> np.ndarray:
        for i, branch in enumerate(self.network.branches, start=1):
            gone = np.ones(len(scores), bool) if sensed[branch] is None else ~sensed[branch].present
            scores[gone, i] = np.nan
        heads = np.moveaxis(scores, 1, 0)
        return fused(heads, "weighted", np.repeat(weights[:, None], len(scores), axis=1))


def joint_rows(branches, sensed: Mapping[str, Sensed | None], n_trials: int) -> tuple[np.ndarray, np.ndarray]:
    """Window of each branch, (n_windows, n_branches), and the trial, (n_windows,), of each joint window."""
    nothing = np.empty(0, int)
    at = [nothing if sensed[branch] is None else sensed[branch].at for branch in branches]
    start_s = [np.empty(0) if sensed[branch] is None else sensed[branch].start_s for branch in branches]
    parts = [together([np.flatnonzero(of == trial) for of in at], start_s) for trial in range(n_trials)]
    return np.concatenate(parts), np.repeat(np.arange(n_trials), list(map(len, parts)))


def of_study(run: Run, name: str) -> list[Joint]:
    """The networks of every branch that 04b_early_fusion trained under this name.

    Raises BadArtifact where it did not, BadParameter for other trials than those of the same people.
    """
    made = run.parameters_of(f"scores/{name}-features.npz")
    if made["pairs"] != "same_trials":
        raise BadParameter(
            f"features: {name} pairs {made['pairs']}, expected same_trials: its branches have no stream."
        )
    given = {key: made[key] for key in ("sources", "task", "pairs", "n_virtual", "n_train", "seed")}
    study = JointStudy.load(run, name, **given)
    scores, found = run.arrays(f"scores/{name}-features.npz"), []
    for each, network in networks(study.sources, made["networks"]).items():
        if len(network.branches) > 1:
            heads = Answers(study, each, network, scores[each]).by_trial()
            weights = learned_weights(pairing.same_trials(heads), made["rule"]) if network.heads else None
            found.append(Joint(each, study, network, weights))
    return found
