"""Which trials of several branches are one joint trial: of the same person, two recordings, or strangers' by label."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from emolib.core.errors import BadSet
from emolib.datasets.base import EmotionSet
from emolib.datasets.joint import JointSet, JointTrial, Key, trials_of
from emolib.datasets.splits import PARTS, Fold


def check_classes(sets: Mapping[str, EmotionSet]):
    """Raise BadSet for sets whose classes are not the same in the same order."""
    (first, data), *others = sets.items()
    for name, other in others:
        if other.classes != data.classes:
            raise BadSet(
                f"{name} has classes {other.classes}, {first} {data.classes}, expected the same in the same "
                "order: choose one task for both."
            )


def label_of(data: EmotionSet, rows: np.ndarray) -> int:
    return int(data.y[rows[0]])


def same_trials(sets: Mapping[str, EmotionSet]) -> list[JointTrial]:
    """Every trial that any branch has, of the same person: as in `pairing.same_trials`.

    Raises BadSet for other classes, labels that disagree, branches that share no subject or no trial.
    """
    check_classes(sets)
    by_key = {name: trials_of(data) for name, data in sets.items()}
    _check_shared(by_key)
    found = []
    for key in sorted(set().union(*by_key.values())):
        of = {name: label_of(sets[name], keys[key]) for name, keys in by_key.items() if key in keys}
        if len(set(of.values())) > 1:
            told = ", ".join(f"{sets[name].classes[y]} in {name}" for name, y in of.items())
            raise BadSet(f"Trial {key[1]} of {key[0]} is {told}, expected one label: mend it.")
        first = next(iter(of))
        split = str(sets[first].split[by_key[first][key][0]])
        found.append(JointTrial(of[first], *key, dict.fromkeys(of, key), split))
    return found


def _check_shared(by_key):
    (first, keys), *others = by_key.items()
    for name, other in others:
        for i, what in enumerate(("subjects", "trials")):
            here, there = ({key[: i + 1] for key in found} for found in (keys, other))
            if not here & there:
                raise BadSet(
                    f"{name} and {first} share no {what} (for example {min(there)[-1]} and {min(here)[-1]}), expected the same "
                    "people and trials: pair them by label, or mend their names."
                )


def recordings(data: EmotionSet, branches: tuple[str, str], seed: int = 0) -> list[JointTrial]:
    """Two recordings of one person and label for each trial: itself, and another at random, the next in a cycle.

    Both are of one part of an official split. Raises BadSet where a person has one trial of a class only. `joined` takes the same set under both names.
    """
    by_key, groups = trials_of(data), defaultdict(list)
    for key, rows in by_key.items():
        groups[key[0], label_of(data, rows), str(data.split[rows[0]])].append(key)
    rng, found = np.random.default_rng(seed), []
    for (subject, y, split), keys in sorted(groups.items()):
        if len(keys) < 2:
            where = f" in its {split} part" if split else ""
            raise BadSet(
                f"{subject} has one trial of {data.classes[y]} only{where}, expected two recordings or more of each "
                "person and class."
            )
        order = [keys[i] for i in rng.permutation(len(keys))]
        for one, other in zip(order, [*order[1:], order[0]], strict=True):
            pair = dict(zip(branches, (one, other), strict=True))
            found.append(JointTrial(y, subject, f"{one[1]} + {other[1]}", pair, split))
    return found


def label_paired(
    sets: Mapping[str, EmotionSet],
    folds: Mapping[str, Sequence[Fold]],
    n_virtual: int = 10,
    n_train: int = 3000,
    seed: int = 0,
) -> list[JointTrial]:
    """Joint trials of strangers with the same label, of `n_virtual` virtual people; each is a fold of its own.

    Virtual person v has from each branch the test part of its fold v; of a branch with fewer folds, fold v % n_folds,
    whose test and validation trials are dealt round among the virtual people that share it. Test goes with test, val with
    val and train with train: no pair crosses the line. Of each class as many test and val trials as the branch
    with fewest has; of train in all about `n_train`, trials of the smaller branch in several pairs.

    *Optimistic*, as `pairing.label_paired` says. Raises BadSet.
    """
    check_classes(sets)
    found = []
    for v in range(n_virtual):
        for p, part in enumerate(PARTS):
            decks = {}
            for m, name in enumerate(sets):
                rng = np.random.default_rng([seed, m, p])
                decks[name] = _dealt(sets[name], folds[name], v, n_virtual, part, rng)
            rng = np.random.default_rng([seed, len(sets), p, v])
            found += _strangers(sets, decks, v, part, n_train, rng)
    return found


def _dealt(data, folds, v, n_virtual, part, rng) -> dict[int, list[Key]]:
    """The trials of virtual person v in one part, by class."""
    n_folds = len(folds)
    fold = folds[v % n_folds]
    of_class = defaultdict(list)
    for key, windows in trials_of(data, getattr(fold, part)).items():
        of_class[label_of(data, windows)].append(key)
    sharing = len(range(v % n_folds, n_virtual, n_folds))
    for y, keys in of_class.items():
        order = [keys[i] for i in rng.permutation(len(keys))]
        of_class[y] = order if part == "train" else order[v // n_folds :: sharing]
    return of_class


def _strangers(sets, decks, v, part, n_train, rng) -> list[JointTrial]:
    names, classes, found = list(sets), next(iter(sets.values())).classes, []
    for y in range(len(classes)):
        of_class = [decks[name][y] for name in names]
        fewest, most = min(map(len, of_class)), max(map(len, of_class))
        n = min(most, -(-n_train // len(classes))) if part == "train" and fewest else fewest
        drawn = [
            [keys[i] for i in np.resize(rng.permutation(len(keys)), n)] if n else [] for keys in of_class
        ]
        for keys in zip(*drawn, strict=True):
            trial = " + ".join(key[1] for key in keys)
            pair = dict(zip(names, keys, strict=True))
            subject = f"v{v:02d}" if part == "test" else " + ".join(key[0] for key in keys)
            found.append(JointTrial(y, subject, trial, pair, part, v))
    if not found:
        counts = {name: sum(map(len, deck.values())) for name, deck in decks.items()}
        raise BadSet(
            f"Virtual person {v} has no {part} trial of a class that all branches hold (trials: {counts}): choose a "
            "smaller n_virtual."
        )
    return found


def virtual_folds(data: JointSet) -> list[Fold]:
    """A fold for each virtual person of `label_paired`, of the joint windows that it was given."""
    return [
        Fold(f"v{v:02d}", *(np.flatnonzero((data.fold == v) & (data.split == part)) for part in PARTS))
        for v in np.unique(data.fold)
    ]
