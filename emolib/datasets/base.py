"""What a corpus gives: trials. What a model trains on: windows in an EmotionSet."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from emolib.core.errors import BadSet
from emolib.core.windows import Windows, arrays, chunks, length, part

COPY = "copy"  # the split of what only trains: another version of windows that are there too
MODALITIES = ("heart", "eeg", "speech", "face")
Source = tuple[str, str | None, str]  # URL, hash, file name


@dataclass(frozen=True)
class Trial:
    """One stimulus or utterance of one subject, in one modality, as the corpus gives it.

    `data`, by modality and `kind`:
      heart  ppg | ecg: (n_times,); bpm: (n_times,) beats per minute, sfreq Hz
      eeg    raw: (n_chans, n_times) in µV; band_power: (n_steps, n_chans, n_bands), 1/sfreq seconds a step
      speech (n_times,) float32 in [-1, 1]
      face   uint8, (height, width[, 3]) with sfreq 0, or (n_frames, height, width[, 3]) at sfreq frames a second
    `label` is the corpus's own word for the trial ("" where it rates instead); `ratings` its own scales.
    `split` is the official split, train | val | test, or "" where the corpus has none; COPY of another version of
    a trial, under its name.
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


@dataclass(frozen=True)
class Dropped:
    """A recording that a loader left out, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Corpus:
    """An entry of the registry.

    `trials(root, modality, dropped)` yields the corpus's trials lazily from `root` (the corpus's own folder)
    and appends what it leaves out to `dropped`. It raises CorpusMissing where nothing is found.
    `downloads` lists (url, known hash as "md5:…", "sha256:…" or None, file name below root); `listing(root)`
    gives more of them, which only the publisher's own list names, once those lie in root.
    `access` to what has no download: open | agreement | own. `where` says to a person where to get it.
    `reads` are the patterns of the files that the loader reads, `fingerprint` is Tree.fingerprint of them in
    the copy that emolib was tested with; both are empty where there was no copy as published.
    """

    name: str
    title: str
    modalities: tuple[str, ...]
    tasks: tuple[str, ...]
    licence: str
    cite: str
    layout: str
    where: str
    trials: Callable[[Path, str, list[Dropped]], Iterator[Trial]]
    downloads: tuple[Source, ...] = ()
    listing: Callable[[Path], list[Source]] | None = None
    access: str = "agreement"
    reads: tuple[str, ...] = ()
    fingerprint: str = ""
    protocol: str = "loso"


@dataclass(frozen=True)
class EmotionSet:
    """Labelled windows: X (n_windows, …) float32, y (n_windows,) int indices into classes.

    X of several modalities is a dict of such arrays by branch. subject, trial and split are (n_windows,) strings;
    subject is the group that no split may cut. sfreq, kind and channels are those of the recordings, so that a
    device reads one alike: see Trial. start_s (n_windows,) is where in its trial a window begins.
    Raises BadSet for unequal lengths, labels out of range, values that are not finite.
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

    def __post_init__(self):
        n = length(self.X)
        if self.split is None:
            object.__setattr__(self, "split", np.full(n, "", dtype="U5"))
        for name in self._columns():
            if len(getattr(self, name)) != n:
                raise BadSet(f"{name} has {len(getattr(self, name))} entries, expected {n} as in X.")
        if n == 0:
            raise BadSet("No windows at all: check the corpus, the task and the window length.")
        if self.y.min() < 0 or self.y.max() >= len(self.classes):
            bad = sorted(set(self.y[(self.y < 0) | (self.y >= len(self.classes))].tolist()))
            raise BadSet(
                f"Labels {bad} are out of range, expected 0 to {len(self.classes) - 1} for {self.classes}."
            )
        if not all(np.isfinite(x[rows]).all() for x in arrays(self.X) for rows in chunks(x)):
            raise BadSet("X holds NaN or infinity: windows like that must be dropped before.")

    @property
    def own(self) -> np.ndarray:
        """Which windows are not copies, (n,) bool."""
        return self.split != COPY

    def seen(self, rows: np.ndarray) -> Windows:
        """X of these windows: what a standardiser is fitted to."""
        return part(self.X, rows)

    def part(self, rows: np.ndarray, transform: Callable | None = None) -> "EmotionSet":
        """The windows `rows`, their X transformed, by a Standardiser for example; of windows in a file once read."""
        columns = {name: getattr(self, name)[rows] for name in self._columns()}
        return replace(self, X=part(self.X, rows, transform), **columns)

    def _columns(self) -> list[str]:
        """What has an entry a window, beside X."""
        return ["y", "subject", "trial", "split"] + ["start_s"] * (self.start_s is not None)

    def check_trainable(self):
        """Refuse a set with an empty class or a single subject; both make every protocol meaningless."""
        counts = np.bincount(self.y, minlength=len(self.classes))
        empty = [c for c, k in zip(self.classes, counts, strict=True) if k == 0]
        if empty:
            raise BadSet(f"No window of class {', '.join(empty)}: choose another task or mend the labels.")
        if len(np.unique(self.subject)) < 2:
            raise BadSet(
                f"One subject only ({self.subject[0]}): a subject-independent split needs two or more."
            )
        return self
