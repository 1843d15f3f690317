"""What a corpus gives: trials. What a model trains on: windows in an EmotionSet."""

import math
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np

from emolib.core.errors import BadSet
from emolib.core.windows import Windows, arrays, chunks, length, part

COPY = "copy"  # begins the split of a changed copy of a trial, which only trains
KNOWN = ("start_s", "session_s", "stimulus", "measures")  # of a window, where they are
PART_NAMES = dict.fromkeys(("train", "training"), "train") | dict.fromkeys(("test", "testing"), "test")
PART_NAMES |= dict.fromkeys(("val", "valid", "validation", "dev"), "val")
MODALITIES = ("heart", "eeg", "speech", "face", "skin")
Source = tuple[str, str | None, str]  # URL, hash, file name


def identity(name: str) -> str:
    """What names of one person, class or trial have in common: neither Unicode's form, capitals nor blanks around it count."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name.strip()).casefold())


def one_spelling(name: str, spelt: dict[str, str], what: str) -> str:
    """The first spelling of a name; `spelt` holds it by identity. Another one of the same name gets a warning."""
    first = spelt.setdefault(identity(name), name)
    if first != name:
        told = f"{what} {name!a} is taken for {first!a}: write both alike, or rename one."
        warnings.warn(told, stacklevel=3)
    return unicodedata.normalize("NFC", first.strip())


def part_of(name: str) -> str | None:
    """The part of a split, train | val | test, that a name says, as of a folder; None for another name."""
    return PART_NAMES.get(identity(name))


def github_archive(repository: str, ref: str) -> Source:
    """A GitHub repository at a commit or branch, as a zip without a published hash."""
    name = repository.split("/")[1]
    return f"https://github.com/{repository}/archive/{ref}.zip", None, f"{name}.zip"


class Affect(NamedTuple):
    """What a label stands for: its class in the tasks of emotions, and its sides on the circumplex (None: no side)."""

    emotion: str
    arousal: str | None  # low | high
    valence: str | None  # negative | positive


@dataclass(frozen=True)
class Trial:
    """One stimulus or utterance of one subject, in one modality, as the corpus gives it.

    `data`, by modality and `kind`:
      heart  ppg | ecg: (n_times,); bpm: (n_times,) beats per minute, sfreq Hz
      eeg    raw: (n_chans, n_times) in µV; band_power: (n_steps, n_chans, n_bands), 1/sfreq seconds a step
      speech (n_times,) float32 in [-1, 1]
      skin   eda: (2, n_times), electrodermal activity in µS and skin temperature in °C, NaN where it was not recorded
      face   uint8, (height, width[, 3]) with sfreq 0, or (n_frames, height, width[, 3]) at sfreq frames a second
    `label` is the corpus's own word for the trial ("" where it rates instead); `ratings` are on its own scales.
    `split` is the official split, train | val | test, or "" where the corpus has none. A changed copy of a trial has
    the trial's name, and the split COPY with the number of its voice. `session_s` is when the trial begins, in seconds since
    the person's recordings began; NaN where the files do not say. `stimulus` names what was shown or said where several
    people got the same; "" where the label says it, or nothing repeats.
    """

    corpus: str
    modality: str
    subject: str
    trial: str
    data: np.ndarray
    sfreq: float
    label: str = ""
    kind: str = ""
    split: str = ""
    channels: tuple[str, ...] = ()
    ratings: Mapping[str, float] = field(default_factory=dict)
    session_s: float = math.nan
    stimulus: str = ""


class Dropped(NamedTuple):
    """A recording that a loader left out, and why."""

    name: str
    reason: str


class Copies:
    """Finds second copies of a person's recordings by their samples, whatever their files are called. Equal samples of several
    people or labels are no copies: the leak audit names them."""

    def __init__(self, dropped: list[Dropped]):
        self.dropped, self.seen = dropped, {}

    def is_new(self, trial: Trial, name: str) -> bool:
        """Whether no recording before has these samples, nor this trial's name; else `dropped` says which one stays."""
        samples = sha256(repr(trial.data.shape).encode() + trial.data.tobytes()).digest(), trial.subject, trial.label
        for key, reason in (
            (samples, "second copy: the same samples"),
            (trial.trial, "other samples of a trial that is there"),
        ):
            if key in self.seen:
                self.dropped.append(Dropped(f"{name}: {self.seen[key]} stays", reason))
                return False
        self.seen |= {samples: name, trial.trial: name}
        return True


@dataclass(frozen=True)
class Corpus:
    """An entry of the registry.

    `trials(root, modality, dropped)` yields the corpus's trials lazily from `root` (the corpus's own folder)
    and appends what it leaves out to `dropped`. It raises CorpusMissing where nothing is found.

    `tasks` holds the class names of each task in their order, or a function of `root` that reads them from the files.
    `labels` says what each label stands for. A corpus that rates instead has a `midpoint` of its scale.

    `where` tells a person where to get it. `downloads` lists (url, known hash as "md5:…", "sha256:…" or None, file
    name below root). `listing(root)` gives more of them that only the publisher's own list names, once the downloads
    lie in root. `reads` are the patterns of the files that the loader reads, `fingerprint` is Tree.fingerprint of them
    in the copy that emolib was tested with; both are empty where there was no copy as published.
    """

    name: str
    title: str
    modalities: tuple[str, ...]
    tasks: Mapping[str, tuple[str, ...] | Callable[[Path], tuple[str, ...]]]
    licence: str
    cite: str
    layout: str
    where: str
    trials: Callable[[Path, str, list[Dropped]], Iterator[Trial]]
    labels: Mapping[str, Affect] = field(default_factory=dict)
    midpoint: float | None = None
    downloads: tuple[Source, ...] = ()
    listing: Callable[[Path], list[Source]] | None = None
    reads: tuple[str, ...] = ()
    fingerprint: str = ""


@dataclass(frozen=True)
class EmotionSet:
    """Labelled windows: X (n_windows, …) float32, y (n_windows,) int indices into classes.

    X of several modalities is a dict of such arrays by branch. subject, trial and split are (n_windows,) strings;
    no split may cut a subject. sfreq, kind and channels are those of the recordings (see Trial), so that a device reads
    the same. start_s (n_windows,) is where in its trial a window begins, session_s where in its person's session; stimulus
    (n_windows,) strings as in Trial. Both are None where a trial lacks them. measures (n_windows, n_measures) are what a
    gate judges, see emolib.signals.gate; None where there can be no gate.
    Raises BadSet for unequal lengths and values that are not finite.
    """

    X: Windows
    y: np.ndarray
    subject: np.ndarray
    trial: np.ndarray
    classes: tuple[str, ...]
    sfreq: float = 0.0
    split: np.ndarray | None = None
    kind: str = ""
    channels: tuple[str, ...] = ()
    start_s: np.ndarray | None = None
    session_s: np.ndarray | None = None
    stimulus: np.ndarray | None = None
    measures: np.ndarray | None = None

    def __post_init__(self):
        n = length(self.X)
        if self.split is None:
            object.__setattr__(self, "split", np.full(n, "", dtype="U5"))
        for name in self._columns():
            if (found := len(getattr(self, name))) != n:
                raise BadSet(f"{name} has {found} entries, expected {n} as in X.")
        if n == 0:
            raise BadSet("No windows at all: check the corpus, the task and the window length.")
        if not all(np.isfinite(x[rows]).all() for x in arrays(self.X) for rows in chunks(x)):
            raise BadSet("X holds NaN or infinity: windows like that must be dropped before.")

    @property
    def own(self) -> np.ndarray:
        """Which windows are not copies, (n_windows,) bool."""
        return ~np.char.startswith(self.split, COPY)

    def seen(self, rows: np.ndarray) -> Windows:
        """X of the windows `rows`: what a standardiser is fitted to."""
        return part(self.X, rows)

    def part(self, rows: np.ndarray, transform: Callable | None = None) -> "EmotionSet":
        """The windows `rows`. `transform`, for example a Standardiser, is applied to X, lazily where X lies in a file."""
        columns = {name: getattr(self, name)[rows] for name in self._columns()}
        return replace(self, X=part(self.X, rows, transform), **columns)

    def _columns(self) -> list[str]:
        """Names of the fields that have an entry a window, beside X."""
        return ["y", "subject", "trial", "split", *(name for name in KNOWN if getattr(self, name) is not None)]

    def check_trainable(self) -> "EmotionSet":
        """The set itself. Raises BadSet for an empty class or a single subject: no protocol can split those."""
        found = np.unique(self.y)
        if empty := [name for k, name in enumerate(self.classes) if k not in found]:
            raise BadSet(f"No window of class {', '.join(empty)}: choose another task or mend the labels.")
        if len(np.unique(self.subject)) < 2:
            raise BadSet(f"One subject only ({self.subject[0]}): a split by subject needs two or more.")
        return self


def stretches(is_edge: np.ndarray) -> list[tuple[int, int]]:
    """(first, end) of each stretch of samples; is_edge (n_times - 1,) bool: a stretch ends between samples i and i + 1."""
    bounds = [0, *(np.flatnonzero(is_edge) + 1).tolist(), len(is_edge) + 1]
    return list(zip(bounds[:-1], bounds[1:], strict=True))
