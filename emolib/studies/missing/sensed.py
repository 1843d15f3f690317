"""What a modality gives of some trials, in order of time, and what the networks of its folds make of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from emolib.core.artifacts import Run
from emolib.device.interpreter import Model
from emolib.evaluation import metrics
from emolib.fusion import reliability
from emolib.fusion.reliability import Typicality
from emolib.fusion.scores import softmax
from emolib.models import crossval
from emolib.signals.frontend import Windows
from emolib.signals.standardise import Standardiser
from emolib.studies.fusion.pairing import TrialScores

GONE = -1  # instead of the number of a trial


@dataclass(frozen=True, eq=False)
class Expert:
    """One fold's network of a modality, and what it learned of its people: how sure it may be, what is typical.

    `to_task` (n_classes, n_to) sums its classes into those of the study; temperature from the fold's val
    trials, typicality from its train windows.
    """

    file: Path
    standardiser: Standardiser
    to_task: np.ndarray
    temperature: float
    typicality: Typicality

    @classmethod
    def fit(
        cls,
        run: Run,
        stem: str,
        variant: str,
        to_task: np.ndarray,
        train: np.ndarray,
        val: tuple[np.ndarray, np.ndarray],
    ) -> "Expert":
        """From a fold's artifacts, its train windows, and scores and y of its val trials. Raises BadArtifact, BadSet."""
        standardiser = crossval.load_standardiser(run, stem)
        typicality = Typicality.fit(reliability.statistics(standardiser(train)))
        own = reliability.temperature(*val)
        return cls(run.read(f"{stem}-{variant}.tflite"), standardiser, to_task, own, typicality)

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Scores (n_windows, n_to) of windows as training saw them before the standardiser."""
        with Model(self.file) as model:
            summed = softmax(model.predict(self.standardiser(X))) @ self.to_task + 1e-7  # as study.trials_of
        return summed / summed.sum(axis=1, keepdims=True)

    def statistics(self, X: np.ndarray) -> np.ndarray:
        """reliability.statistics of windows, (n_windows, 5)."""
        return reliability.statistics(self.standardiser(X))

    def to_dict(self) -> dict:
        """What a device needs beside the network to weigh this modality, for JSON."""
        return {"temperature": self.temperature, "typicality": self.typicality.to_dict()}


def calibration(found: TrialScores, of_folds: Sequence[Expert]) -> dict[str, float]:
    """A row of a table: temperature (mean, least, most of the folds), log loss and ECE of test trials.

    before and after each trial's scores took the temperature of its fold, fitted on val trials alone.
    """
    test, temperatures = found.part == "test", np.array([expert.temperature for expert in of_folds])
    y, before = found.y[test], found.scores[test]
    after = reliability.calibrated(before, temperatures[found.fold[test]][:, None])
    row = {"modality": found.modality, "n": int(test.sum()), "temperature": temperatures.mean()}
    row |= {"temperature_min": temperatures.min(), "temperature_max": temperatures.max()}
    losses = {"log_loss_before": before, "log_loss_after": after}
    row |= {name: reliability.log_loss(scores, y) for name, scores in losses.items()}
    return row | {"ece_before": metrics.ece(y, before), "ece_after": metrics.ece(y, after)}


@dataclass(frozen=True, eq=False)
class Sensed:
    """Windows X (n_windows, *shape) of one modality; `at` (n_windows,) is the trial of each, 0 to n_trials - 1.

    X is as training saw it before a fold's standardiser; start_s (n_windows,) is where in its trial a window
    begins, NaN where the run does not say. fold (n_trials,) is the fold whose expert answers for each trial,
    GONE where the modality has nothing of it. Trials are in order of time.
    """

    experts: Sequence[Expert]
    X: np.ndarray
    start_s: np.ndarray
    at: np.ndarray
    fold: np.ndarray

    @classmethod
    def of(cls, experts: Sequence[Expert], trials: Sequence[Windows], fold: np.ndarray) -> "Sensed":
        """From the windows of each trial, and the fold of each (n_trials,)."""
        lengths = np.array([len(windows.X) for windows in trials])
        X, start_s = (
            np.concatenate([getattr(windows, name) for windows in trials]) for name in ("X", "start_s")
        )
        at = np.repeat(np.arange(len(trials)), lengths)
        return cls(experts, X, start_s, at, np.where(lengths > 0, fold, GONE))

    def showing(self, which: np.ndarray) -> "Sensed":
        """These windows as if trial i had sent those of trial which[i] (n_shown,); nothing where that is GONE."""
        trials = [Windows(self.X[self.at == j], self.start_s[self.at == j], {}) for j in which]
        return Sensed.of(self.experts, trials, self.fold[which])

    @property
    def present(self) -> np.ndarray:
        """Which trials the modality has something of, (n_trials,) bool."""
        return self.fold != GONE

    @cached_property
    def scores(self) -> np.ndarray:
        """Mean scores of the windows of each trial, (n_trials, n_classes) float32, NaN where there are none."""
        return self._by_trial(self._of_windows(Expert.scores, self.experts[0].to_task.shape[1])).astype(
            np.float32
        )

    @cached_property
    def calibrated(self) -> np.ndarray:
        """Scores at the temperature of each trial's fold, (n_trials, n_classes), NaN where there are none."""
        temperatures = np.array([expert.temperature for expert in self.experts])[self.fold]
        return reliability.calibrated(self.scores, temperatures[:, None])

    @cached_property
    def trust(self) -> np.ndarray:
        """Weight in [0, 1] of each trial, (n_trials,): typical of training windows, and not a repetition.

        0 where there is nothing.
        """
        found = self._of_windows(Expert.statistics, 5)
        weights = np.empty(len(found))
        for k, rows in self._folds():
            weights[rows] = self.experts[k].typicality(found[rows])
        typical = np.nan_to_num(self._by_trial(weights[:, None])[:, 0])
        return typical * reliability.fresh(self._by_trial(found))

    def _folds(self) -> list[tuple[int, np.ndarray]]:
        """Each fold with the rows of X that its expert answers for."""
        of_window = self.fold[self.at]
        return [(k, of_window == k) for k in np.unique(of_window)]

    def _of_windows(self, ask, n: int) -> np.ndarray:
        """What each window's expert says of it, (n_windows, n)."""
        answers = np.empty((len(self.X), n))
        for k, rows in self._folds():
            answers[rows] = ask(self.experts[k], self.X[rows])
        return answers

    def _by_trial(self, values: np.ndarray) -> np.ndarray:
        return by_trial(values, self.at, len(self.fold))


def by_trial(values: np.ndarray, at: np.ndarray, n_trials: int) -> np.ndarray:
    """Mean of values (n_windows, …) of each trial, (n_trials, …) float64, NaN where there are none.

    at (n_windows,) is the trial of each window.
    """
    sums = np.zeros((n_trials, *values.shape[1:]))
    np.add.at(sums, at, values)
    counts = np.bincount(at, minlength=n_trials).reshape(-1, *[1] * (values.ndim - 1))
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
