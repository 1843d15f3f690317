"""A corpus of your own: <modality>/<trial>.* beside a labels.csv; trials of one name pair across modalities."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from emolib.core.errors import BadRecording, BadSet, CorpusMissing
from emolib.datasets.archives import Tree, open_tree
from emolib.datasets.base import MODALITIES, Corpus, Dropped, Trial
from emolib.datasets.labels import SIDES
from emolib.datasets.media import FPS, PICTURES, SFREQ, read_audio, read_frames, read_image, read_video
from emolib.datasets.tables import read_rows
from emolib.signals.readers import KINDS, READERS, Recording

VIDEO = ".mp4"
FORMATS = {
    **dict.fromkeys(("heart", "eeg", "skin"), (".csv",)),
    **{"speech": (".wav", ".flac"), "face": (*PICTURES, VIDEO)},
}
NEEDED, RATINGS = ("trial", "subject", "label"), ("valence", "arousal")  # columns of labels.csv
SPLITS = ("train", "val", "test")
LAYOUT = (
    "labels.csv: trial,subject,label and, if wanted, valence,arousal (-1 to 1) and split (train, val, test); "
    "heart/<trial>.csv, eeg/<trial>.csv, skin/<trial>.csv, speech/<trial>.wav or .flac, face/<trial>.png, .jpg, .mp4 or "
    f"a folder of frames, {FPS:g} a second"
)


def trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
    """One trial a row of labels.csv that has a file in this modality, by name; see LAYOUT."""
    tree = open_tree(root)
    sheet, rows = read_labels(tree)
    files = _files(tree, PurePosixPath(sheet).parent / modality, dropped)
    shared = sorted(files.keys() & rows)
    if not shared:
        expected = f"such as {min(files)}: its column trial holds file names without their ending"
        raise BadRecording(f"{tree.where(sheet)} names no trial in {modality}/, {expected}.")
    dropped += [Dropped(trial, "no row in labels.csv") for trial in sorted(files.keys() - rows)]
    dropped += [Dropped(trial, f"no {modality} file") for trial in sorted(rows.keys() - files)]
    said = set()
    for trial in shared:
        row = rows[trial]
        if not (row["label"] or row["ratings"]):
            dropped.append(Dropped(trial, "neither label nor rating in labels.csv"))
            continue
        recording = _read_recording(tree, modality, files[trial])
        if recording.left_out and (told := f"no electrodes: {', '.join(recording.left_out)}") not in said:
            said.add(told)
            dropped.append(Dropped(f"columns of {trial}", told))
        if not recording.data.any():
            dropped.append(Dropped(trial, "empty, or zero throughout"))
            continue
        about = recording._asdict()
        del about["left_out"]
        yield Trial("own", modality, trial=trial, **row, **about)


def _read_recording(tree: Tree, modality: str, names: list[str]) -> Recording:
    if modality in KINDS:
        return READERS[modality](tree.read(names[0]), tree.where(names[0]), beside=partial(tree.beside, names[0]))
    if modality == "speech":
        return Recording(read_audio(tree, names[0]), SFREQ)
    if len(names) > 1:
        return Recording(read_frames(tree, str(PurePosixPath(names[0]).parent), names), FPS)
    if names[0].lower().endswith(VIDEO):
        return Recording(*read_video(tree, names[0]))
    return Recording(read_image(tree, names[0]), 0.0)


def _files(tree: Tree, folder: PurePosixPath, dropped: list[Dropped]) -> dict[str, list[str]]:
    """By trial its file, or its frames in order."""
    formats = FORMATS[folder.name]
    places = defaultdict(lambda: defaultdict(list))  # by trial, then by file or folder of frames
    for path in map(PurePosixPath, tree.names("*")):
        if not path.is_relative_to(folder):
            continue
        first, *inside = path.relative_to(folder).parts
        is_frame = folder.name == "face" and len(inside) == 1 and path.suffix.lower() in PICTURES
        if path.suffix.lower() not in formats:
            dropped.append(Dropped(str(path), f"not {' or '.join(formats)}"))
        elif inside and not is_frame:
            dropped.append(Dropped(str(path), "in a folder of its own"))
        else:
            places[_composed(first if inside else path.stem)][first].append(str(path))
    where = tree.where(str(folder))
    if not places:
        raise CorpusMissing(f"No {folder.name} trial in {where}, expected {LAYOUT}.")
    for trial, found in places.items():
        if len(found) > 1:
            raise BadRecording(f"{where} holds {' and '.join(sorted(found))} of trial {trial}, expected one.")
    return {trial: sorted(*found.values(), key=_frame_order) for trial, found in places.items()}


def _frame_order(name: str) -> list[str | int]:
    """Sorts frame 2 before frame 10."""
    return [int(part) if i % 2 else part for i, part in enumerate(re.split(r"(\d+)", name))]


def _composed(name: str) -> str:
    """A trial's name in one spelling: file systems differ in how they write accents."""
    return unicodedata.normalize("NFC", name)


def read_labels(tree: Tree) -> tuple[str, dict[str, dict]]:
    """Path of the topmost labels.csv, and its subject, label, split and ratings by trial; label and split may be "", ratings
    lack. Raises CorpusMissing without the file, BadRecording that names file and line.
    """
    name, *others = sorted(tree.need("labels.csv"), key=lambda name: name.count("/"))
    if others and name.count("/") == others[0].count("/"):
        raise BadRecording(f"{tree.root} holds {name} and {others[0]}, expected one: remove the other.")
    head, *lines = list(read_rows(tree, name)) or [[]]
    head = [cell.strip().lower() for cell in head]
    if any(head.count(column) != 1 for column in NEEDED):
        got, expected = ", ".join(head) or "none", f"one each of {', '.join(NEEDED)}, with commas between"
        raise BadRecording(f"{tree.where(name)} has columns {got}, expected {expected}: mend its first line.")
    rows = {}
    for number, line in enumerate(lines, start=2):
        if not any(cell.strip() for cell in line):
            continue
        where = f"{tree.where(name)} line {number}"
        if len(line) != len(head):
            raise BadRecording(f"{where} has {len(line)} cells, expected {len(head)} as line 1: mend it.")
        cells = dict(zip(head, map(str.strip, line), strict=True))
        trial, subject, split = _composed(cells["trial"]), cells["subject"], cells.get("split", "").lower()
        if not trial or not subject or trial in rows:
            got = f"trial {trial!r} of {subject!r}"
            raise BadRecording(f"{where}: {got}, expected each trial once, and its subject: mend it.")
        if split not in ("", *SPLITS):
            raise BadRecording(f"{where}: split is {split!r}, expected {', '.join(SPLITS)} or nothing.")
        try:
            ratings = {column: float(cells[column]) for column in RATINGS if cells.get(column)}
        except ValueError as error:
            raise BadRecording(f"{where}: {error}, expected ratings in numbers.") from error
        if not all(-1 <= rating <= 1 for rating in ratings.values()):
            raise BadRecording(f"{where} has {ratings}, expected -1 to 1: (rating - 5) / 4 of a scale to 9.")
        rows[trial] = {"subject": subject, "label": cells["label"], "split": split, "ratings": ratings}
    return name, rows


def classes(root: Path) -> tuple[str, ...]:
    """The different labels of the corpus in `root`, sorted. Raises as `read_labels`, and BadSet for fewer than two."""
    tree = open_tree(root)
    sheet, rows = read_labels(tree)
    found = sorted({row["label"] for row in rows.values()} - {""})
    if len(found) < 2:
        expected = "expected two or more for the task emotion"
        raise BadSet(f"{tree.where(sheet)} has {len(found)} different labels, {expected}.")
    return tuple(found)


OWN = Corpus(
    name="own",
    title="Your own recordings, in one modality or several",
    modalities=MODALITIES,
    tasks={"emotion": classes, **SIDES},
    midpoint=0.0,
    licence="yours",
    cite="",
    layout=LAYOUT,
    where="your own recordings; nothing to fetch",
    trials=trials,
)
