"""A corpus of your own: <modality>/<trial>.* beside a labels.csv; trials of one name pair across modalities."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from emolib.core.errors import BadRecording, CorpusMissing
from emolib.datasets import labels, labels_csv
from emolib.datasets.archives import Tree, open_tree
from emolib.datasets.audio import SFREQ, read_audio
from emolib.datasets.base import MODALITIES, Corpus, Dropped, Trial
from emolib.datasets.frames import FPS, read_frames, read_video
from emolib.datasets.images import PATTERNS, read_image
from emolib.datasets.series import Recording, read_eeg, read_heart

VIDEO = ".mp4"
PICTURES = tuple(pattern.removeprefix("*") for pattern in PATTERNS)
FORMATS = {"heart": (".csv",), "eeg": (".csv",), "speech": (".wav", ".flac"), "face": (*PICTURES, VIDEO)}
LAYOUT = (
    "labels.csv: trial,subject,label and, if wanted, valence,arousal (-1 to 1) and split (train, val, test); "
    "heart/<trial>.csv, eeg/<trial>.csv, speech/<trial>.wav or .flac, face/<trial>.png, .jpg, .mp4 or a folder of "
    f"frames, {FPS:g} a second"
)


def trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
    """One trial a row of labels.csv that has a file in this modality, by name; see LAYOUT.

    Raises BadRecording for two files of one trial, and where labels.csv names none of the files.
    """
    tree = open_tree(root)
    rows = labels_csv.read(tree)
    files = _files(tree, modality, dropped)
    if not files.keys() & rows.keys():
        raise BadRecording(
            f"{tree.where(labels_csv.find(tree))} names none of the {len(files)} trials in {modality}/, such as "
            f"{min(files)}: its column trial holds file names without their ending."
        )
    dropped += [Dropped(trial, "no row in labels.csv") for trial in sorted(files.keys() - rows)]
    dropped += [Dropped(trial, f"no {modality} file") for trial in sorted(rows.keys() - files)]
    shared = {trial: (rows[trial], files[trial]) for trial in sorted(files.keys() & rows)}
    return _read(tree, modality, shared, dropped)


def _read(tree, modality, shared, dropped) -> Iterator[Trial]:
    for trial, (row, names) in shared.items():
        if not (row.label or row.ratings):
            dropped.append(Dropped(trial, "neither label nor rating in labels.csv"))
            continue
        recording = READERS[modality](tree, names)
        if not recording.data.any():
            dropped.append(Dropped(trial, "empty, or zero throughout"))
            continue
        yield Trial("own", modality, trial=trial, **vars(row), **recording._asdict())


def _files(tree: Tree, modality: str, dropped: list[Dropped]) -> dict[str, list[str]]:
    """By trial its file, or its frames in order. Raises BadRecording for two, CorpusMissing for no trial at all."""
    folder = PurePosixPath(labels_csv.find(tree)).parent / modality
    places = defaultdict(lambda: defaultdict(list))
    for name in map(PurePosixPath, tree.names("*")):
        if not name.is_relative_to(folder):
            continue
        place = name.relative_to(folder)
        if reason := _misplaced(modality, place):
            dropped.append(Dropped(str(name), reason))
            continue
        trial = place.stem if len(place.parts) == 1 else place.parts[0]
        places[labels_csv.name_of(trial)][place.parts[0]].append(str(name))
    if not places:
        raise CorpusMissing(
            f"No {modality} trial in {tree.where(str(folder))}, expected {LAYOUT}: add files, or take another modality."
        )
    return {trial: _one(tree, folder, trial, found) for trial, found in places.items()}


def _misplaced(modality: str, place: PurePosixPath) -> str:
    """The reason to leave a file out, "" for none."""
    if place.suffix.lower() not in FORMATS[modality]:
        return f"not {' or '.join(FORMATS[modality])}"
    is_frame = modality == "face" and len(place.parts) == 2 and place.suffix.lower() in PICTURES
    return "" if len(place.parts) == 1 or is_frame else "in a folder of its own"


def _one(tree: Tree, folder: PurePosixPath, trial: str, found: dict[str, list[str]]) -> list[str]:
    if len(found) > 1:
        raise BadRecording(
            f"{tree.where(str(folder))} holds {' and '.join(sorted(found))} of trial {trial}, expected one: remove "
            "the other, or give it a name and a row of its own."
        )
    (names,) = found.values()
    return sorted(names, key=_by_number)


def _by_number(name: str) -> list[str | int]:
    """Sorts frame 2 before frame 10."""
    return [int(part) if i % 2 else part for i, part in enumerate(re.split(r"(\d+)", name))]


def _speech(tree: Tree, names: list[str]) -> Recording:
    return Recording(read_audio(tree, names[0]), SFREQ)


def _face(tree: Tree, names: list[str]) -> Recording:
    if len(names) > 1:
        return Recording(read_frames(tree, str(PurePosixPath(names[0]).parent), names), FPS)
    if names[0].lower().endswith(VIDEO):
        return Recording(*read_video(tree, names[0]))
    return Recording(read_image(tree, names[0]), 0.0)


READERS: dict[str, Callable[[Tree, list[str]], Recording]] = {
    "heart": lambda tree, names: read_heart(tree, names[0]),
    "eeg": lambda tree, names: read_eeg(tree, names[0]),
    "speech": _speech,
    "face": _face,
}

CORPUS = Corpus(
    name="own",
    title="Your own recordings, in one modality or several",
    modalities=MODALITIES,
    tasks=labels.tasks("own"),
    licence="yours",
    cite="",
    layout=LAYOUT,
    where="your own recordings; nothing to fetch",
    trials=trials,
    access="own",
)
