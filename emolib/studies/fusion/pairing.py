"""Which trials of several modalities belong together: those of the same people, or of strangers with the same label.

Fused scores and networks of several branches pair by the same code: `matched` and `strangers` give the number of each
modality's trial, (n_modalities, n), or MISSING.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from emolib.core.errors import BadParameter, BadSet
from emolib.datasets.joint import MISSING
from emolib.datasets.splits import rank_in_class
from emolib.fusion.scores import trial_scores

COLUMNS = ("fold", "part", "subject", "trial")  # together they name a row of scores
PAIRINGS = {  # the parameter `pairs` of the notebooks: `pairing` in the table of results
    "same_trials": "same trials",
    "same_windows": "same windows",
    "label_paired": "by label",
    "recordings": "two recordings",
}


def minutes(trial: np.ndarray, start_s: np.ndarray) -> np.ndarray:
    """Names of windows (n,) as trials of their own, for `same_windows`."""
    return np.array([f"{name} at {s:g} s" for name, s in zip(trial, start_s, strict=True)])


@dataclass(frozen=True, eq=False)
class Trials:
    """Trials with scores of one modality or several, (n_modalities, n, n_classes), NaN where one is missing.

    y, subject (virtual or real), trial, fold and part are (n,). A part is "test", or "val": the fold's inner validation
    people, who may learn weights. rows (n_modalities, n): the row of each modality's own scores, or MISSING.
    """

    modalities: tuple[str, ...]
    classes: tuple[str, ...]
    y: np.ndarray
    subject: np.ndarray
    trial: np.ndarray
    fold: np.ndarray
    part: np.ndarray
    scores: np.ndarray
    rows: np.ndarray

    @classmethod
    def of_windows(cls, modality: str, classes: tuple, columns: Mapping, scores: np.ndarray) -> "Trials":
        """Of one modality: scores (n_windows, n_classes) averaged over the windows of each trial, in each fold and
        part. `columns` are y and COLUMNS, (n_windows,) each. Raises BadSet unless both parts are there."""
        if len(parts := np.unique(columns["part"])) < 2:
            raise BadSet(f"{modality}: parts {parts.tolist()}, expected val and test.")
        keys = ["/".join(map(str, row)) for row in zip(*(columns[name] for name in COLUMNS), strict=True)]
        _, first, means = trial_scores(scores, np.array(keys))
        own = {name: columns[name][first] for name in ("y", *COLUMNS)}
        return cls((modality,), classes, scores=means[None], rows=np.arange(len(means))[None], **own)

    @classmethod
    def paired(cls, sources: Sequence["Trials"], rows: np.ndarray, **columns) -> "Trials":
        """These rows of the scores of each source, which has one modality."""
        own = np.stack([source.scores[0, r] for source, r in zip(sources, rows, strict=True)])
        scores = np.where((rows == MISSING)[..., None], np.nan, own).astype(np.float32)
        return cls(names_of(sources), sources[0].classes, rows=rows, scores=scores, **columns)

    @property
    def modality(self) -> str:
        """The one modality of a source."""
        return self.modalities[0]

    @property
    def is_test(self) -> np.ndarray:
        return self.part == "test"

    @property
    def has_any(self) -> np.ndarray:
        """Which trials have scores of any modality, (n,) bool."""
        return ~np.isnan(self.scores).any(axis=2).all(axis=0)

    def only(self, modalities: Sequence[str]) -> "Trials":
        """The same trials with these modalities alone, in this order."""
        at = [self.modalities.index(name) for name in modalities]
        return replace(self, modalities=tuple(modalities), rows=self.rows[at], scores=self.scores[at])

    def part_of(self, kept: np.ndarray) -> "Trials":
        """Some of the trials."""
        columns = {name: getattr(self, name)[kept] for name in ("y", *COLUMNS)}
        return replace(self, rows=self.rows[:, kept], scores=self.scores[:, kept], **columns)

    def keys(self) -> list[tuple]:
        """Fold, part, subject, trial of each trial."""
        return list(zip(*(getattr(self, name).tolist() for name in COLUMNS), strict=True))


def names_of(sources: Sequence[Trials]) -> tuple[str, ...]:
    return tuple(source.modality for source in sources)


def check_classes(names: Sequence[str], classes: Sequence[tuple[str, ...]]):
    """Raise BadSet where modalities have other classes, or another order of them."""
    for name, own in zip(names, classes, strict=True):
        if own != classes[0]:
            raise BadSet(f"{name} has classes {own}, {names[0]} {classes[0]}: choose one task for both.")


def matched(names: Sequence[str], keys: Sequence[list], y: Sequence) -> tuple[list, np.ndarray, np.ndarray]:
    """Every key of any modality, sorted; its trial's number in each, (n_modalities, n); and its label, (n,).

    `keys` name the trials of each modality and end in subject and trial; `y` are their labels. Raises BadSet where
    labels disagree.
    """
    found = sorted(set().union(*keys))
    at = {key: i for i, key in enumerate(found)}
    labels, rows = np.full(len(found), -1), np.full((len(names), len(found)), MISSING)
    for m, (name, own) in enumerate(zip(names, y, strict=True)):
        places = np.array([at[key] for key in keys[m]])
        clash = np.flatnonzero((labels[places] >= 0) & (labels[places] != own))
        if n := len(clash):
            subject, trial = keys[m][clash[0]][-2:]
            raise BadSet(f"Trial {trial} of {subject} has another label in {name} ({n} such): mend it.")
        labels[places], rows[m, places] = own, np.arange(len(own))
    return found, rows, labels


def strangers(y: Sequence, rows: Sequence, who: str, rng, n_each: int | None = None) -> np.ndarray:
    """Trials of each modality's `rows` that meet at random where labels are the same, (n_modalities, n), class by class.

    `y` are the labels of all trials of each modality. Of each class there are as many as the modality with the fewest
    has, none twice. With `n_each` there are so many, at most what the modality with the most has, and those of the
    others are in several pairs. Raises BadSet, naming `who`, for no pair.
    """
    drawn = []
    for c in np.unique(np.concatenate(y)):
        of_class = [r[own[r] == c] for own, r in zip(y, rows, strict=True)]
        fewest, most = min(map(len, of_class)), max(map(len, of_class))
        n = fewest if n_each is None or not fewest else min(most, n_each)
        drawn.append([np.resize(rng.permutation(each), n) for each in of_class])
    found = np.concatenate(drawn, axis=1)
    if not found.size:
        raise BadSet(f"{who} trial of a class that all modalities hold: choose a smaller n_virtual.")
    return found


def same_trials(sources: Sequence[Trials]) -> Trials:
    """Every trial of any modality, aligned by subject and trial within fold and part, sorted by these. Raises BadSet
    for other classes, labels that disagree, or a test trial in different folds."""
    names, keys, tested = names_of(sources), [source.keys() for source in sources], {}
    check_classes(names, [source.classes for source in sources])
    for name, own in zip(names, keys, strict=True):
        for fold, part, *key in own:
            if part != "test":
                continue
            before, first = tested.setdefault(tuple(key), (fold, name))
            if before != fold:
                where = f"fold {fold} of {name}, but in fold {before} of {first}"
                raise BadSet(f"Trial {key[1]} of {key[0]} is tested in {where}: split all modalities alike.")
    found, rows, y = matched(names, keys, [source.y for source in sources])
    columns = zip(COLUMNS, map(np.array, zip(*found, strict=True)), strict=True)
    return Trials.paired(sources, rows, y=y, **dict(columns))


def label_paired(sources: Sequence[Trials], n_virtual: int = 10, seed: int = 0) -> Trials:
    """Virtual trials of `n_virtual` virtual subjects: test with test and val with val, paired by label.

    Virtual subject v has from each modality the trials of folds with fold % n_virtual == v: people on whom the
    scoring model was not trained. A modality with fewer folds gives fold v % n_folds, its trials dealt round among the
    virtual subjects that share it. Val trials of people in the virtual subject's own test part are left out.

    *Optimistic*: people whose voice is hard to read may also have a face that is hard to read. Pairing strangers by
    label makes the errors of the modalities independent given the label, which is when fusion gains most. Say so
    beside the number. Raises BadParameter, BadSet.
    """
    check_classes(names_of(sources), [source.classes for source in sources])
    if n_virtual < 2:
        raise BadParameter(f"n_virtual is {n_virtual}, expected 2 or more virtual subjects.")
    rows = [_dealt(source, n_virtual, np.random.default_rng([seed, m])) for m, source in enumerate(sources)]
    return virtual_subjects(sources, rows, np.random.default_rng([seed, len(sources)]))


def _dealt(source, n_virtual, rng) -> list[np.ndarray]:
    """Rows of the source for each virtual subject, without val trials of people whom that one tests."""
    fold = np.unique(source.fold, return_inverse=True)[1]
    n_folds, is_test = fold.max() + 1, source.is_test
    if n_folds < n_virtual:
        sharing = np.array([len(range(f, n_virtual, n_folds)) for f in range(n_folds)])
        rank = rank_in_class(2 * (fold * len(source.classes) + source.y) + is_test, rng)
        virtual = fold + n_folds * (rank % sharing[fold])
        return [np.flatnonzero(virtual == v) for v in range(n_virtual)]
    dealt = []
    for v in range(n_virtual):
        own = fold % n_virtual == v
        is_tested = np.isin(source.subject, source.subject[own & is_test])
        dealt.append(np.flatnonzero(own & (is_test | ~is_tested)))
    return dealt


def virtual_subjects(sources: Sequence[Trials], rows: Sequence[Sequence], rng) -> Trials:
    """Virtual trials paired by label: virtual subject v has of modality m the rows rows[m][v]. Raises BadSet."""
    y, blocks, columns = [source.y for source in sources], [], []
    for v in range(len(rows[0])):
        for part in ("val", "test"):
            own = [r[v][source.part[r[v]] == part] for source, r in zip(sources, rows, strict=True)]
            blocks.append(strangers(y, own, f"Virtual subject {v} has no {part}", rng))
            columns += [(v, part, f"v{v:02d}")] * blocks[-1].shape[1]
    found = np.concatenate(blocks, axis=1)
    fold, part, subject = map(np.array, zip(*columns, strict=True))
    trials = zip(*(source.trial[r] for source, r in zip(sources, found, strict=True)), strict=True)
    trial = np.array([" + ".join(one) for one in trials])
    return Trials.paired(sources, found, y=y[0][found[0]], fold=fold, part=part, subject=subject, trial=trial)
