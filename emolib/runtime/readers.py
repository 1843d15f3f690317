"""One recording from a file, with the small readers of a device: (data, sfreq, kind)."""

import csv
from pathlib import Path

import numpy as np

from emolib.errors import BadRecording


def read_speech(path: Path) -> tuple[np.ndarray, float, str]:
    """Mono float32 in [-1, 1]; wav, flac or ogg. Raises BadRecording."""
    import soundfile

    try:
        audio, sfreq = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise BadRecording(f"{path} cannot be read as audio ({error}): expected wav, flac or ogg.") from error
    return audio.mean(axis=1), float(sfreq), ""


def read_face(path: Path) -> tuple[np.ndarray, float, str]:
    """uint8 (height, width, 3), turned as its EXIF says. Raises BadRecording."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB")), 0.0, ""
    except OSError as error:
        raise BadRecording(f"{path} cannot be decoded ({error}): expected a whole jpg or png.") from error


def _rows(path: Path) -> list[list[str]]:
    try:
        with open(path, newline="") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError) as error:
        raise BadRecording(f"{path} cannot be read ({error}): expected a CSV file.") from error
    if len(rows) < 3:
        raise BadRecording(f"{path} has {len(rows)} rows, expected a head and samples.")
    return rows


def _numbers(path: Path, rows: list[list[str]]) -> np.ndarray:
    try:
        return np.array(rows, dtype=np.float64)
    except ValueError as error:
        raise BadRecording(f"{path}: {error}, expected numbers, as many in each row.") from error


def read_heart(path: Path) -> tuple[np.ndarray, float, str]:
    """PPG (n_times,) from the Empatica layout: start time, rate in Hz, then samples. Raises BadRecording."""
    values = _numbers(path, [row[:1] for row in _rows(path)])[:, 0]
    if not 1 <= values[1] <= 2000:
        raise BadRecording(f"{path}: rate {values[1]:g} Hz in the second row, expected 1 to 2000.")
    return values[2:], float(values[1]), "ppg"


def read_eeg(path: Path) -> tuple[np.ndarray, float, str]:
    """EEG (n_chans, n_times) in µV: a head, a column of seconds named timestamps, then channels. Raises BadRecording."""
    head, *rows = _rows(path)
    if "timestamps" not in head:
        raise BadRecording(f"{path} has columns {', '.join(head)}, expected timestamps (s) and channels.")
    values, at = _numbers(path, rows), head.index("timestamps")
    step_s = np.median(np.diff(values[:, at]))
    if not step_s > 0:
        raise BadRecording(f"{path}: timestamps do not rise, expected seconds.")
    return np.delete(values, at, axis=1).T, float(round(1 / step_s, 3)), "raw"


READERS = {"heart": read_heart, "eeg": read_eeg, "speech": read_speech, "face": read_face}
