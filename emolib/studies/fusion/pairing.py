"""Which scores belong together: trials of the same people, or virtual trials of corpora that share nobody."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from emolib.core.errors import BadParameter, BadSet
from emolib.evaluation import comparison
from emolib.fusion.scores import trial_scores

COLUMNS = ("fold", "part", "subject", "trial")  # together they name a row of scores
PAIRINGS = {  # the parameter `pairs` of the notebooks: `pairing` in the table of results
    "same_trials": "same trials",
    "label_paired": "by label",
    "recordings": "two recordings",
}


def subject_unit(pairs: str) -> str:
    """What tests over subjects are over: virtual subjects are not people."""
    return comparison.VIRTUAL if pairs == "label_paired" else comparison.SUBJECT


@dataclass(frozen=True, eq=False)
class TrialScores:
    """Scores of one modality, a row per trial and fold: y, subject, trial, fold (n,), scores (n, n_classes).

    `part` (n,) is "test", or "val": the fold's inner validation people, who may learn weights. Raises BadSet.
    """

    modality: str
    classes: tuple[str, ...]
    y: np.ndarray
    subject: np.ndarray
    trial: np.ndarray
    fold: np.ndarray
    part: np.ndarray
    scores: np.ndarray

    def __post_init__(self):
        lengths = {name: len(getattr(self, name)) for name in ("y", *COLUMNS, "scores")}
        if len(set(lengths.values())) > 1 or not len(self.y):
            raise BadSet(f"{self.modality}: lengths {lengths}, expected all equal and above 0.")
        if self.scores.shape[1:] != (len(self.classes),):
            raise BadSet(
                f"{self.modality}: scores {self.scores.shape}, expected {len(self.classes)} classes."
            )
        if set(np.unique(self.part).tolist()) != {"val", "test"}:
            raise BadSet(f"{self.modality}: parts {np.unique(self.part).tolist()}, expected val and test.")

    def part_of(self, rows: np.ndarray) -> "TrialScores":
        """Some of the rows."""
        return replace(self, **{name: getattr(self, name)[rows] for name in ("y", *COLUMNS, "scores")})

    def row_keys(self) -> list[tuple]:
        """Fold, part, subject, trial of each row. Raises BadSet for one that occurs twice."""
        keys = list(zip(*(getattr(self, name).tolist() for name in COLUMNS), strict=True))
        if len(set(keys)) < len(keys):
            fold, part, _, trial = Counter(keys).most_common(1)[0][0]
            raise BadSet(f"{self.modality}: trial {trial} occurs twice in the {part} part of fold {fold}.")
        return keys


def by_trial(
    modality: str, classes: tuple[str, ...], columns: Mapping[str, np.ndarray], scores: np.ndarray
) -> TrialScores:
    """Scores (n_windows, n_classes) averaged over the windows of each trial, in each fold and part.

    `columns` are y and COLUMNS, (n_windows,) each.
    """
    keys = ["/".join(map(str, row)) for row in zip(*(columns[name] for name in COLUMNS), strict=True)]
    _, first, means = trial_scores(scores, np.array(keys))
    return TrialScores(
        modality, classes, scores=means, **{name: columns[name][first] for name in ("y", *COLUMNS)}
    )


@dataclass(frozen=True, eq=False)
class Paired:
    """Trials with scores of several modalities, (n_modalities, n, n_classes), NaN where one is missing.

    y, subject (virtual or real), fold, part and trial are (n,).
    """

    modalities: tuple[str, ...]
    classes: tuple[str, ...]
    y: np.ndarray
    subject: np.ndarray
    fold: np.ndarray
    part: np.ndarray
    trial: np.ndarray
    scores: np.ndarray

    @property
    def is_test(self) -> np.ndarray:
        return self.part == "test"

    @property
    def has_any(self) -> np.ndarray:
        """Which trials have scores of any modality, (n,) bool."""
        return ~np.isnan(self.scores).any(axis=2).all(axis=0)

    def only(self, modalities: Sequence[str]) -> "Paired":
        """The same trials with these modalities alone, in this order."""
        at = [self.modalities.index(name) for name in modalities]
        return replace(self, modalities=tuple(modalities), scores=self.scores[at])

    def part_of(self, rows: np.ndarray) -> "Paired":
        """Some of the trials."""
        columns = {name: getattr(self, name)[rows] for name in ("y", *COLUMNS)}
        return replace(self, scores=self.scores[:, rows], **columns)


def same_trials(sources: Sequence[TrialScores]) -> Paired:
    """Every trial of any modality, aligned by subject and trial within fold and part, sorted by these.

    Raises BadSet for other classes, labels that disagree, a trial twice, or a test trial in different folds.
    """
    classes = _common_classes(sources)
    _check_test_folds(sources)
    keys = [source.row_keys() for source in sources]
    rows = sorted(set().union(*keys))
    at = {key: i for i, key in enumerate(rows)}
    y = np.full(len(rows), -1)
    scores = np.full((len(sources), len(rows), len(classes)), np.nan, dtype=np.float32)
    for m, source in enumerate(sources):
        places = np.array([at[key] for key in keys[m]])
        clash = (y[places] >= 0) & (y[places] != source.y)
        if clash.any():
            i = np.flatnonzero(clash)[0]
            raise BadSet(
                f"Trial {source.trial[i]} is {classes[source.y[i]]} in {source.modality}, but "
                f"{classes[y[places[i]]]} in another modality ({clash.sum()} such), expected one label: mend it."
            )
        y[places], scores[m, places] = source.y, source.scores
    fold, part, subject, trial = (np.array(column) for column in zip(*rows, strict=True))
    return Paired(tuple(s.modality for s in sources), classes, y, subject, fold, part, trial, scores)


def _common_classes(sources) -> tuple[str, ...]:
    first = sources[0]
    for source in sources[1:]:
        if source.classes != first.classes:
            raise BadSet(
                f"{source.modality} has classes {source.classes}, {first.modality} {first.classes}, "
                "expected the same in the same order: choose one task for both."
            )
    return first.classes


def _check_test_folds(sources):
    """Refuse a subject who is tested in other folds in one modality than in another."""
    seen: dict[tuple, tuple] = {}
    for source in sources:
        for fold, part, subject, trial in source.row_keys():
            if part != "test":
                continue
            before, modality = seen.setdefault((subject, trial), (fold, source.modality))
            if before != fold:
                raise BadSet(
                    f"Trial {trial} of subject {subject} is tested in fold {fold} of {source.modality}, "
                    f"but in fold {before} of {modality}: split all modalities alike, with the same subjects."
                )


def label_paired(sources: Sequence[TrialScores], n_virtual: int = 10, seed: int = 0) -> Paired:
    """Virtual trials of `n_virtual` virtual subjects: test with test and val with val, paired by label.

    Virtual subject v has from each modality the trials of folds with fold % n_virtual == v: people on whom the
    scoring model was not trained. A modality with fewer folds gives fold v % n_folds; the trials of that fold are
    dealt round among the virtual subjects that share it. Of each class there are as many trials as the modality
    with the fewest has, drawn without replacement. Val trials of people in the virtual subject's own test part are
    left out.

    *Optimistic*: people whose voice is hard to read may also have a face that is hard to read. Pairing strangers by
    label makes the errors of the modalities independent given the label, which is when fusion gains most. Say so
    beside the number. Raises BadParameter, BadSet.
    """
    _common_classes(sources)
    if n_virtual < 2:
        raise BadParameter(f"n_virtual is {n_virtual}, expected 2 or more virtual subjects.")
    rows = [_dealt(source, n_virtual, np.random.default_rng([seed, m])) for m, source in enumerate(sources)]
    return virtual_subjects(sources, rows, np.random.default_rng([seed, len(sources)]))


def _dealt(source, n_virtual, rng) -> list[np.ndarray]:
    """Rows of the source for each virtual subject."""
    fold = np.unique(source.fold, return_inverse=True)[1]
    n_folds = fold.max() + 1
    if n_folds >= n_virtual:
        return [_without_tested(source, np.flatnonzero(fold % n_virtual == v)) for v in range(n_virtual)]
    sharing = np.array([len(range(f, n_virtual, n_folds)) for f in range(n_folds)])
    virtual = fold + n_folds * (_random_rank(source, fold, rng) % sharing[fold])
    return [np.flatnonzero(virtual == v) for v in range(n_virtual)]


def _random_rank(source, fold, rng) -> np.ndarray:
    """Random rank of each row within its fold, part and class, (n,)."""
    order = rng.permutation(len(fold))
    group = 2 * (fold * len(source.classes) + source.y) + (source.part == "test")
    order = order[np.argsort(group[order], kind="stable")]
    rank = np.empty(len(fold), dtype=np.int64)
    rank[order] = np.arange(len(fold)) - np.searchsorted(group[order], group[order])
    return rank


def _without_tested(source, rows) -> np.ndarray:
    """The rows without val trials of people whose test trials are among them (in another of the folds)."""
    is_test = source.part[rows] == "test"
    tested = np.isin(source.subject[rows], source.subject[rows[is_test]])
    return rows[is_test | ~tested]


def virtual_subjects(
    sources: Sequence[TrialScores], rows: Sequence[Sequence[np.ndarray]], rng: np.random.Generator
) -> Paired:
    """Virtual trials paired by label: virtual subject v has of modality m the rows rows[m][v]. Raises BadSet."""
    blocks = [
        _virtual(sources, [of_modality[v] for of_modality in rows], v, part, rng)
        for v in range(len(rows[0]))
        for part in ("val", "test")
    ]
    columns = (np.concatenate([block[i] for block in blocks]) for i in range(5))
    scores = np.concatenate([block[5] for block in blocks], axis=1)
    return Paired(tuple(s.modality for s in sources), sources[0].classes, *columns, scores)


def _virtual(sources, rows, v, part, rng) -> tuple:
    """y, subject, fold, part, trial and scores of one virtual subject's trials in one part."""
    rows = [r[source.part[r] == part] for source, r in zip(sources, rows, strict=True)]
    chosen = [[] for _ in sources]
    for c in range(len(sources[0].classes)):
        of_class = [r[source.y[r] == c] for source, r in zip(sources, rows, strict=True)]
        n = min(map(len, of_class))
        for drawn, available in zip(chosen, of_class, strict=True):
            drawn.append(rng.permutation(available)[:n])
    chosen = [np.concatenate(drawn) for drawn in chosen]
    n = len(chosen[0])
    if not n:
        counts = {source.modality: len(r) for source, r in zip(sources, rows, strict=True)}
        raise BadSet(
            f"Virtual subject {v} has no {part} trial of a class that all modalities hold "
            f"(trials: {counts}): choose a smaller n_virtual."
        )
    picked = list(zip(sources, chosen, strict=True))
    trial = [" + ".join(names) for names in zip(*(s.trial[r] for s, r in picked), strict=True)]
    scores = np.stack([s.scores[r] for s, r in picked]).astype(np.float32)
    names = np.full(n, f"v{v:02d}"), np.full(n, v), np.full(n, part), np.array(trial)
    return sources[0].y[chosen[0]], *names, scores
