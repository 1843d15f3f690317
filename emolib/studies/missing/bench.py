"""A study's test trials laid out as streams: what each modality gives, and every method's answer to it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.errors import BadParameter
from emolib.core.experiment import Experiment, model_name
from emolib.datasets import labels
from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import Fold
from emolib.models import crossval
from emolib.signals.frontend import Windows
from emolib.studies.fusion.pairing import TrialScores, label_paired, same_trials
from emolib.studies.fusion.study import Study
from emolib.studies.missing.methods import Method
from emolib.studies.missing.noise import Name
from emolib.studies.missing.sensed import GONE, Expert, Sensed, calibration

Given = Mapping[str, Sensed | None]  # by modality
Change = Callable[[int, Given], Given]  # of what the modalities of a fold give


@dataclass(frozen=True, eq=False)
class Channel:
    """One modality of a study: its trials' scores, its folds' experts, and the clean windows of its test trials."""

    found: TrialScores
    experts: tuple[Expert, ...]
    windows: Mapping[int, Windows]  # by row of `found`

    @classmethod
    def open(cls, run: Run, name: str, task: str, variant: str, found: TrialScores) -> "Channel":
        """Raises BadArtifact, BadSet."""
        source, experts = Experiment.parse(name), []
        data, folds, _ = crossval.opened(run, source)
        to_task = labels.marginal(source.corpus, source.task, task)
        for k, fold in enumerate(folds):
            val = (found.fold == k) & (found.part == "val")
            fitted = data.X[fold.train], (found.scores[val], found.y[val])
            experts.append(Expert.fit(run, model_name(name, k), variant, to_task, *fitted))
        return cls(found, tuple(experts), _test_windows(found, data, folds))

    def name(self, row: int) -> Name:
        """Subject and trial of a row of `found`."""
        return str(self.found.subject[row]), str(self.found.trial[row])

    def sensed(self, rows: np.ndarray, noisy: Mapping[Name, Windows] | None = None) -> Sensed:
        """The windows of rows of `found` (n_trials,), GONE for none; those of `noisy` instead of the clean ones."""
        some = next(iter(self.windows.values()))
        nothing = Windows(some.X[:0], some.start_s[:0], {})
        known = (
            self.windows
            if noisy is None
            else {row: noisy[self.name(row)] for row in set(rows.tolist()) - {GONE}}
        )
        fold = np.where(rows == GONE, GONE, self.found.fold[rows])
        return Sensed.of(self.experts, [known.get(row, nothing) for row in rows.tolist()], fold)


@dataclass(frozen=True, eq=False)
class Bench:
    """The test trials of a study by fold, each person's in order of time.

    order: rows of study.paired (n_trials,); numbers: rows of each modality's `found`, (n_modalities, n_trials);
    clean: what each modality gives.
    """

    study: Study
    channels: Mapping[str, Channel]
    order: Mapping[int, np.ndarray]
    numbers: Mapping[int, np.ndarray]
    clean: Mapping[int, Given]

    @classmethod
    def open(cls, run: Run, study: Study, variant: str) -> "Bench":
        """The bench of a study of this run's networks. Raises BadParameter, BadArtifact, BadSet."""
        if len(set(study.paired.modalities)) < len(study.sources):
            raise BadParameter(f"sources: got {list(study.sources)}, expected one of each modality.")
        channels = {
            found.modality: Channel.open(run, name, study.task, variant, found)
            for name, found in zip(study.sources, study.found, strict=True)
        }
        numbers = _numbers(study)
        folds = np.unique(study.paired.fold[study.paired.is_test]).tolist()
        order = {fold: _stream(study, fold) for fold in folds}
        return cls._of(study, channels, order, {fold: numbers[:, rows] for fold, rows in order.items()})

    @classmethod
    def _of(cls, study, channels, order, numbers) -> "Bench":
        clean = {
            fold: {
                name: channel.sensed(rows) for (name, channel), rows in zip(channels.items(), of, strict=True)
            }
            for fold, of in numbers.items()
        }
        return cls(study, channels, order, numbers, clean)

    @property
    def sources(self) -> dict[str, str]:
        """The name of each modality's source."""
        return dict(zip(self.channels, self.study.sources, strict=True))

    def thinned(self, trials_per_person: int) -> "Bench":
        """At most so many trials of each person, evenly spread in time. Raises BadParameter below 1."""
        if trials_per_person < 1:
            raise BadParameter(f"trials_per_person is {trials_per_person}, expected 1 or more.")
        kept = {fold: self._spread(fold, trials_per_person) for fold in self.order}
        order = {fold: rows[kept[fold]] for fold, rows in self.order.items()}
        numbers = {fold: rows[:, kept[fold]] for fold, rows in self.numbers.items()}
        return self._of(self.study, self.channels, order, numbers)

    def _spread(self, fold: int, n: int) -> np.ndarray:
        parts = [
            rows[np.unique(np.linspace(0, len(rows) - 1, n).round().astype(int))]
            for rows in self.people(fold)
        ]
        return np.concatenate(parts)

    def people(self, fold: int) -> list[np.ndarray]:
        """Trials of each person of a fold in order of time, as numbers 0 to n_trials - 1 of the fold."""
        subject = self.study.paired.subject[self.order[fold]]
        return [np.flatnonzero(subject == name) for name in np.unique(subject)]

    @property
    def rows(self) -> np.ndarray:
        """Rows of study.paired in the order of every method's scores, (n,)."""
        return np.concatenate(list(self.order.values()))

    @property
    def y(self) -> np.ndarray:
        return self.study.paired.y[self.rows]

    @property
    def subject(self) -> np.ndarray:
        return self.study.paired.subject[self.rows]

    def after(self) -> np.ndarray:
        """Which of `rows` lie behind the middle of their person's stream, (n,) bool."""
        parts = [np.zeros(len(rows), bool) for rows in self.order.values()]
        for fold, part in zip(self.order, parts, strict=True):
            for trials in self.people(fold):
                part[trials[len(trials) // 2 :]] = True
        return np.concatenate(parts)

    def calibration(self) -> pd.DataFrame:
        """A row per modality of `sensed.calibration`, on all of its test trials."""
        return pd.DataFrame([calibration(of.found, of.experts) for of in self.channels.values()])

    def names(self, modality: str) -> set[Name]:
        """Subject and trial of every test trial that a modality has."""
        m, channel = list(self.channels).index(modality), self.channels[modality]
        return {channel.name(row) for of in self.numbers.values() for row in of[m].tolist() if row != GONE}

    def scores(self, methods: Iterable[Method], change: Change) -> dict[str, np.ndarray]:
        """Scores (n, n_classes) of each method; a trial it has nothing of gets the class shares of val trials."""
        given = {fold: change(fold, clean) for fold, clean in self.clean.items()}
        found = {}
        for method in methods:
            parts = [(method(fold, of_fold), self._guess(fold)) for fold, of_fold in given.items()]
            found[method.name] = np.concatenate([np.where(np.isnan(s), guess, s) for s, guess in parts])
        return found

    def _guess(self, fold: int) -> np.ndarray:
        paired = self.study.paired
        val = (paired.fold == fold) & ~paired.is_test
        return np.bincount(paired.y[val], minlength=len(paired.classes)) / val.sum()


def _test_windows(found: TrialScores, data: EmotionSet, folds: Sequence[Fold]) -> dict[int, Windows]:
    """Windows of each test row of `found`."""
    start_s = np.full(len(data.y), np.nan) if data.start_s is None else data.start_s
    rows = {key: [] for key in zip(found.fold.tolist(), found.subject, found.trial, strict=True)}
    for k, fold in enumerate(folds):
        for i in fold.test:
            rows.get((k, data.subject[i], data.trial[i]), []).append(i)
    return {n: Windows(data.X[of], start_s[of], {}) for n, of in enumerate(rows.values()) if of}


def _numbers(study: Study) -> np.ndarray:
    """Row of each modality's `found` in each row of study.paired, (n_modalities, n); GONE where it is missing.

    They are paired like the scores, in the scores' place.
    """
    of_rows = [
        replace(found, scores=np.repeat(np.arange(len(found.y))[:, None], len(found.classes), axis=1))
        for found in study.found
    ]
    pair = {
        "same_trials": same_trials,
        "label_paired": lambda of: label_paired(of, study.n_virtual, study.seed),
    }
    numbers = pair[study.pairs](of_rows).scores[:, :, 0]
    return np.where(np.isnan(numbers), GONE, numbers).astype(int)


def _stream(study: Study, fold: int) -> np.ndarray:
    """Rows of a fold's test trials, by person and in order of time; virtual trials have none, so a random one."""
    rows = np.flatnonzero(study.paired.is_test & (study.paired.fold == fold))
    if study.pairs == "label_paired":
        rows = np.random.default_rng([study.seed, fold]).permutation(rows)
    return rows[np.argsort(study.paired.subject[rows], kind="stable")]
