"""A study's test trials as streams: what each modality gives of them, and every method's answer to it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from emolib.core.artifacts import Run
from emolib.core.errors import BadParameter, check_names
from emolib.datasets.base import EmotionSet
from emolib.datasets.joint import MISSING
from emolib.datasets.splits import Fold
from emolib.evaluation import metrics
from emolib.fusion import reliability
from emolib.fusion.trust import loss
from emolib.signals.frontend import Windows
from emolib.studies.fusion.pairing import Trials
from emolib.studies.fusion.study import Expert, Study, class_shares, experts_of


@dataclass(frozen=True, eq=False)
class Sensed:
    """What one modality gives of some trials, in order of time.

    X (n_windows, *shape) are windows as training saw them before a fold's standardiser; `at` (n_windows,) is the trial
    of each, 0 to n_trials - 1; start_s (n_windows,) is where in its trial a window begins.
    fold (n_trials,) is the fold whose expert answers for each trial, MISSING where the modality has nothing of it.
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
        X, start_s = np.concatenate([of.X for of in trials]), np.concatenate([of.start_s for of in trials])
        at = np.repeat(np.arange(len(trials)), lengths)
        return cls(experts, X, start_s, at, np.where(lengths > 0, fold, MISSING))

    def showing(self, which: np.ndarray) -> "Sensed":
        """These windows as if trial i had sent those of trial which[i] (n_shown,); nothing where that is MISSING."""
        trials = [Windows(self.X[self.at == j], self.start_s[self.at == j], {}) for j in which]
        return Sensed.of(self.experts, trials, self.fold[which])

    @property
    def present(self) -> np.ndarray:
        """Which trials the modality has something of, (n_trials,) bool."""
        return self.fold != MISSING

    @cached_property
    def scores(self) -> np.ndarray:
        """Mean scores of the windows of each trial, (n_trials, n_classes) float32, NaN where there are none."""
        of_windows = self._of_windows(Expert.scores, self.X, self.experts[0].to_task.shape[1])
        return by_trial(of_windows, self.at, len(self.fold)).astype(np.float32)

    @cached_property
    def calibrated(self) -> np.ndarray:
        """Scores at the temperature of each trial's fold, (n_trials, n_classes), NaN where there are none."""
        temperatures = np.array([expert.temperature for expert in self.experts])[self.fold]
        return reliability.calibrated(self.scores, temperatures[:, None])

    @cached_property
    def trust(self) -> np.ndarray:
        """Weight in [0, 1] of each trial, (n_trials,): how typical it is; 0 for a repetition, and for nothing."""
        found, n = self._of_windows(Expert.statistics, self.X, 5), len(self.fold)
        weights = self._of_windows(lambda expert, of: expert.typicality(of)[:, None], found, 1)
        typical = np.nan_to_num(by_trial(weights, self.at, n)[:, 0])
        return typical * reliability.fresh(by_trial(found, self.at, n))

    def _of_windows(self, ask: Callable, X: np.ndarray, n: int) -> np.ndarray:
        """What each window's expert says of it, (n_windows, n), asked with its part of X."""
        answers, of_window = np.empty((len(X), n)), self.fold[self.at]
        for k in np.unique(of_window):
            answers[of_window == k] = ask(self.experts[k], X[of_window == k])
        return answers


def by_trial(values: np.ndarray, at: np.ndarray, n_trials: int) -> np.ndarray:
    """Mean of values (n_windows, …) by trial `at` (n_windows,), (n_trials, …) float64, NaN where there are none."""
    sums = np.zeros((n_trials, *values.shape[1:]))
    np.add.at(sums, at, values)
    counts = np.bincount(at, minlength=n_trials).reshape(-1, *[1] * (values.ndim - 1))
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)


Given = Mapping[str, Sensed | None]  # what each modality gives; None: it is gone for all trials
Change = Callable[[int, Given], Given]  # of a fold's number and what its modalities give
Methods = Mapping[str, Callable[[int, Given], np.ndarray]]  # by name, see `emolib.studies.missing.methods`


@dataclass(frozen=True, eq=False)
class Channel:
    """One modality of a study: its trials' scores, its folds' experts, and the clean windows of its test trials."""

    source: str
    found: Trials
    experts: Sequence[Expert]
    windows: Mapping[int, Windows]  # by row of `found`

    def sensed(self, rows: np.ndarray, noisy: Mapping[int, Windows] | None = None) -> Sensed:
        """The windows of rows of `found` (n_trials,), MISSING for none; those of `noisy` instead of the clean ones."""
        some, known = next(iter(self.windows.values())), self.windows if noisy is None else noisy
        nothing = Windows(some.X[:0], some.start_s[:0], {})
        fold = np.where(rows == MISSING, MISSING, self.found.fold[rows])
        return Sensed.of(self.experts, [known.get(row, nothing) for row in rows.tolist()], fold)

    def calibration(self) -> dict[str, float]:
        """A row of a table: temperature (mean, least, most of the folds), log loss and ECE of test trials before and after
        they took the temperature of their fold."""
        test = self.found.part_of(self.found.is_test)
        y, temperature = test.y, np.array([one.temperature for one in self.experts])
        scores = {"before": test.scores[0]}
        scores["after"] = reliability.calibrated(scores["before"], temperature[test.fold][:, None])
        row = {"modality": test.modality, "n": len(y), "temperature": temperature.mean()}
        row |= {"temperature_min": temperature.min(), "temperature_max": temperature.max()}
        for name, of in scores.items():
            row[f"log_loss_{name}"] = loss(of, y)
        return row | {f"ece_{name}": metrics.ece(y, of) for name, of in scores.items()}


def _test_windows(found: Trials, data: EmotionSet, folds: Sequence[Fold]) -> dict[int, Windows]:
    """Windows of each test row of `found`."""
    rows = {key: [] for key in zip(found.fold.tolist(), found.subject, found.trial, strict=True)}
    for k, fold in enumerate(folds):
        for i in fold.test:
            rows.get((k, data.subject[i], data.trial[i]), []).append(i)
    return {n: Windows(data.X[of], data.start_s[of], {}) for n, of in enumerate(rows.values()) if of}


@dataclass(frozen=True, eq=False)
class Streams:
    """The test trials of a study, each person's in order of time; order: rows of study.paired (n_trials,) by fold."""

    study: Study
    channels: Mapping[str, Channel]
    order: Mapping[int, np.ndarray]

    @classmethod
    def open(cls, run: Run, study: Study, variant: str) -> "Streams":
        """The streams of a study of this run's networks. Raises BadParameter, BadArtifact, BadSet."""
        check_names([study.pairs], ["same_trials", "label_paired"], "the pairs of streams")
        if len(set(study.paired.modalities)) < len(study.sources):
            raise BadParameter(f"sources: got {list(study.sources)}, expected one of each modality.")
        channels = {}
        for name, found in zip(study.sources, study.found, strict=True):
            experts, data, folds = experts_of(run, name, study.task, variant, found)
            channels[found.modality] = Channel(name, found, experts, _test_windows(found, data, folds))
        folds = np.unique(study.paired.fold[study.paired.is_test]).tolist()
        return cls(study, channels, {fold: _in_time(study, fold) for fold in folds})

    @cached_property
    def clean(self) -> dict[int, Given]:
        """What each modality gives, by fold."""
        return {
            fold: {name: of.sensed(self.found_rows(fold, name)) for name, of in self.channels.items()}
            for fold in self.order
        }

    def found_rows(self, fold: int, modality: str) -> np.ndarray:
        """Rows of a modality's `found` of a fold's trials, (n_trials,), MISSING where it has none."""
        return self.study.paired.rows[self.study.paired.modalities.index(modality)][self.order[fold]]

    def thinned(self, trials_per_person: int) -> "Streams":
        """At most so many trials of each person, evenly spread in time."""
        order = {fold: [] for fold in self.order}
        for fold, rows in self.order.items():
            for own in self.people(fold):
                spread = np.linspace(0, len(own) - 1, trials_per_person).round().astype(int)
                order[fold].append(rows[own[np.unique(spread)]])
        return replace(self, order={fold: np.concatenate(kept) for fold, kept in order.items()})

    def people(self, fold: int) -> list[np.ndarray]:
        """Each person's trials, one person after the other, in order of time: numbers 0 to n_trials - 1 of the fold."""
        subject = self.study.paired.subject[self.order[fold]]
        return [np.flatnonzero(subject == name) for name in np.unique(subject)]

    @cached_property
    def trials(self) -> Trials:
        """The trials (n,) in the order of every method's scores."""
        return self.study.paired.part_of(np.concatenate(list(self.order.values())))

    def scores(self, methods: Methods, change: Change) -> dict[str, np.ndarray]:
        """Scores (n, n_classes) of each method; a trial it has nothing of gets the class shares of val trials."""
        given = {fold: change(fold, clean) for fold, clean in self.clean.items()}
        shares = {fold: class_shares(self.study.paired, fold) for fold in given}
        found = {}
        for name, method in methods.items():
            parts = [(method(fold, of_fold), shares[fold]) for fold, of_fold in given.items()]
            found[name] = np.concatenate([np.where(np.isnan(s), guess, s) for s, guess in parts])
        return found


def _in_time(study: Study, fold: int) -> np.ndarray:
    """Rows of a fold's test trials, by person and in order of time; virtual trials have none, so a random one."""
    rows = np.flatnonzero(study.paired.is_test & (study.paired.fold == fold))
    if study.pairs == "label_paired":
        rows = np.random.default_rng([study.seed, fold]).permutation(rows)
    return rows[np.argsort(study.paired.subject[rows], kind="stable")]
