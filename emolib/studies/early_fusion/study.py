"""A study of early fusion: which trials of several branches are one joint trial, and the windows and folds of these.

A joint trial is of the same person, or two recordings of one person, or recordings of strangers with the same label.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np
import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.errors import BadParameter, BadSet, check_names
from emolib.core.experiment import Experiment
from emolib.datasets import joint, splits
from emolib.datasets.base import EmotionSet
from emolib.datasets.joint import MISSING, JointSet, JointTrial, trials_of
from emolib.datasets.splits import PARTS, Fold
from emolib.models import crossval
from emolib.studies.fusion import pairing


@dataclass(frozen=True, eq=False)
class JointStudy:
    """Joint windows of several sources, one a branch, under one task, and their folds."""

    run: Run
    name: str
    sources: Mapping[str, Experiment]
    task: str
    trials: Sequence[JointTrial]
    data: JointSet
    folds: Sequence[Fold]
    by_window: bool = False  # each window is a trial

    @classmethod
    def load(
        cls, run: Run, name: str, sources, task: str, pairs: str, n_virtual: int, n_train: int, seed: int
    ) -> "JointStudy":
        """Raises BadParameter for a number of sources or a name that does not fit, BadArtifact, BadSet."""
        check_names([pairs], list(pairing.PAIRINGS), "the pairs of joint windows")
        named, by_window = branches_of([Experiment.parse(source) for source in sources], pairs), pairs == "same_windows"
        sets, of_sources, first = {}, {}, next(iter(named.values()))
        for branch, source in named.items():
            data, folds, _ = crossval.opened(run, source)
            rows, one = joint.in_task(data, source, task)
            if by_window:
                one = replace(one, trial=pairing.minutes(one.trial, one.start_s))
            sets[branch] = one
            kept = np.isin(np.arange(len(data.y)), rows)
            of_sources[branch] = [splits.within(fold, kept, np.cumsum(kept) - 1) for fold in folds]
        if pairs == "label_paired":
            trials = label_paired(sets, of_sources, n_virtual, n_train, seed)
        elif pairs == "recordings":
            trials = two_recordings(next(iter(sets.values())), tuple(sets), seed)
        else:
            trials = same_trials(sets)
        if by_window:  # that every sensor has
            trials = [one for one in trials if len(one.keys) == len(sets)]
        data = joint.joined(sets, trials)
        if pairs == "label_paired":
            return cls(run, name, named, task, trials, data, virtual_folds(data))
        made = run.parameters_of(f"data/{first}-folds.npz")
        folds = splits.folds(data, first.protocol, seed=made["seed"], **made["fold_options"])
        return cls(run, name, named, task, trials, data, folds, by_window)

    def artifact(self, network: str) -> str:
        """What stands for the name of a source in the artifacts of a network."""
        return f"{self.name}/{network}"

    def experiment(self, network: str) -> Experiment:
        """What the results of a network, or of a way of fusion, are of."""
        return Experiment.joint(list(self.sources.values()), self.task, network)

    def score_columns(self) -> dict[str, np.ndarray]:
        """fold, part, y, subject and trial of every val and test window, as `crossval.score_columns` gives them."""
        return crossval.score_columns(self.data, self.folds)

    def of(self, branches: Sequence[str]) -> tuple[JointSet, list[Fold]]:
        """The joint windows that have any of these branches, under these alone, and their folds."""
        data = self.data.only(branches)
        return data, [splits.within(fold, data.present.any(axis=1)) for fold in self.folds]

    def counts(self) -> pd.DataFrame:
        """Joint windows that some fold tests, by class: trials, windows, and how many of these have each branch."""
        test = np.unique(np.concatenate([fold.test for fold in self.folds]))
        rows = []
        for c, name in enumerate(self.data.classes):
            of_class = test[self.data.y[test] == c]
            trials = set(zip(self.data.subject[of_class], self.data.trial[of_class], strict=True))
            rows.append((name, len(trials), len(of_class), *self.data.present[of_class].sum(axis=0)))
        return pd.DataFrame(rows, columns=["class", "trials", "windows", *self.sources])


def branches_of(sources: Sequence[Experiment], pairs: str) -> dict[str, Experiment]:
    """The source of each branch: named by its modality, with a number where a modality has several. `recordings`
    takes one source twice. Raises BadParameter for another number of sources."""
    if (len(sources) == 1) != (pairs == "recordings"):
        wanted = "one, taken twice" if pairs == "recordings" else "two or more"
        raise BadParameter(f"sources: got {len(sources)} for {pairs}, expected {wanted}.")
    sources = [*sources, *sources] if pairs == "recordings" else sources
    names, found = [source.modality for source in sources], {}
    for i, (name, source) in enumerate(zip(names, sources, strict=True), start=1):
        found[f"{name}{names[:i].count(name)}" if names.count(name) > 1 else name] = source
    return found


def same_trials(sets: Mapping[str, EmotionSet]) -> list[JointTrial]:
    """Every trial that any branch has, of the same person: as `fusion.pairing.same_trials` aligns scores. Raises
    BadSet for other classes, labels that disagree, branches that share no trial."""
    names, by_key, y = _trials(sets)
    keys = [list(own) for own in by_key]
    for name, own in zip(names, keys, strict=True):
        if set(own).isdisjoint(keys[0]):
            for_example = f"for example {' '.join(own[0])} and {' '.join(keys[0][0])}"
            raise BadSet(f"{name} and {names[0]} share no trial ({for_example}): pair them by label.")
    found, (every, rows, labels) = [], pairing.matched(names, keys, y)
    for key, there, label in zip(every, (rows != MISSING).T, labels.tolist(), strict=True):
        of, m = dict.fromkeys(compress(names, there), key), there.argmax()
        split = sets[names[m]].split[by_key[m][key][0]]
        found.append(JointTrial(label, *key, of, str(split)))
    return found


def _trials(sets: Mapping[str, EmotionSet]) -> tuple[list[str], list[dict], list[np.ndarray]]:
    """Of the branches their names, their trials' windows by key, and their trials' labels. Raises BadSet."""
    names, by_key, labels = list(sets), [], []
    pairing.check_classes(names, [data.classes for data in sets.values()])
    for data in sets.values():
        by_key.append(trials_of(data))
        labels.append(data.y[[rows[0] for rows in by_key[-1].values()]])
    return names, by_key, labels


def two_recordings(data: EmotionSet, branches: tuple[str, str], seed: int = 0) -> list[JointTrial]:
    """Two recordings of one person and label for each trial: itself, and the next in a random cycle.

    Both are of one part of an official split. `joined` takes the same set under both names. Raises BadSet where a person
    has only one trial of a class.
    """
    by_key, groups = trials_of(data), defaultdict(list)
    for key, rows in by_key.items():
        groups[key[0], int(data.y[rows[0]]), str(data.split[rows[0]])].append(key)
    rng, found = np.random.default_rng(seed), []
    for (subject, y, split), keys in sorted(groups.items()):
        if len(keys) < 2:
            where = f" in its {split} part" if split else ""
            raise BadSet(f"{subject} has one trial of {data.classes[y]} only{where}, expected two or more.")
        order = [keys[i] for i in rng.permutation(len(keys))]
        for one, other in zip(order, [*order[1:], order[0]], strict=True):
            pair = dict(zip(branches, (one, other), strict=True))
            found.append(JointTrial(y, subject, f"{one[1]} + {other[1]}", pair, split))
    return found


def label_paired(
    sets: Mapping[str, EmotionSet], folds: Mapping, n_virtual: int = 10, n_train: int = 3000, seed: int = 0
) -> list[JointTrial]:
    """Joint trials of strangers with the same label, of `n_virtual` virtual people; each is a fold of its own.

    Virtual person v has from each branch the parts of fold v. A branch with fewer folds gives fold v % n_folds, its test
    and val trials dealt round among the virtual people that share it. Test is paired with test, val with val and train
    with train. There are about `n_train` train trials, so that trials of the smaller branch are in several pairs.

    *Optimistic*, as `fusion.pairing.label_paired` says. Raises BadSet.
    """
    names, by_key, y = _trials(sets)
    keys, found = [list(own) for own in by_key], []
    n_each = -(-n_train // len(next(iter(sets.values())).classes))
    for v in range(n_virtual):
        for p, part in enumerate(PARTS):
            rows = []
            for m, name in enumerate(names):
                of_fold = trials_of(sets[name], getattr(folds[name][v % len(folds[name])], part))
                own = np.flatnonzero([key in of_fold for key in keys[m]])
                rng = np.random.default_rng([seed, m, p])
                rows.append(_dealt(own, y[m], v, part, n_virtual, len(folds[name]), rng))
            held = set.intersection(*(set(own[r].tolist()) for own, r in zip(y, rows, strict=True)))
            rows = [r[np.isin(own[r], list(held))] for own, r in zip(y, rows, strict=True)]
            rng, n = np.random.default_rng([seed, len(sets), p, v]), n_each if part == "train" else None
            for pair in pairing.strangers(y, rows, f"Virtual subject {v} has no {part}", rng, n).T:
                of = {name: own[i] for name, own, i in zip(names, keys, pair, strict=True)}
                people, trial = (" + ".join(column) for column in zip(*of.values(), strict=True))
                subject = f"v{v:02d}" if part == "test" else people
                found.append(JointTrial(int(y[0][pair[0]]), subject, trial, of, part, v))
    return found


def _dealt(rows, y, v, part, n_virtual, n_folds, rng) -> np.ndarray:
    """Of a fold's trials `rows` in one part those of virtual person v, class by class."""
    sharing, dealt = len(range(v % n_folds, n_virtual, n_folds)), []
    for label in dict.fromkeys(y[rows].tolist()):
        order = rng.permutation(rows[y[rows] == label])
        dealt.append(order if part == "train" else order[v // n_folds :: sharing])
    return np.concatenate(dealt)


def virtual_folds(data: JointSet) -> list[Fold]:
    """A fold for each virtual person of `label_paired`, of the joint windows that it was given."""
    return [
        Fold(f"v{v:02d}", *(np.flatnonzero((data.fold == v) & (data.split == part)) for part in PARTS))
        for v in np.unique(data.fold)
    ]
