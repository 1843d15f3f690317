"""Readers of recordings in files, small enough for a device. Each gives (pieces, sfreq).

`pieces` are stretches without a gap: only EEG and skin have more than one. sfreq is in Hz, 0 for a picture.
"""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np

from emolib.core.errors import BadParameter, BadRecording
from emolib.signals.files import FLOAT32_MAX, MOST_HZ, decode_picture, decode_sound, in_colour
from emolib.signals.skin import CHANNELS, with_temperature

KINDS = {"heart": "ppg", "eeg": "raw", "skin": "eda"}  # of what the readers give; speech and faces have none
GAP_STEPS = 2.5  # a longer step between two time stamps is a gap; steps rounded to ms, as by Muse, are uneven


class SignalInfo(NamedTuple):
    """What a model was trained on, or a sensor gives: rate in Hz (0: pictures one by one), kind, channels in order."""

    sfreq: float
    kind: str = ""
    channels: tuple[str, ...] = ()


Pieces = tuple[list[np.ndarray], float]


def same_rate(sfreq: float, trained_hz: float) -> bool:
    """Whether a rate in Hz, which time stamps told, means the trained one."""
    return abs(sfreq - trained_hz) <= 0.02 * trained_hz


def read_recording(modality: str, path: Path, trained: SignalInfo) -> Pieces:
    """The recording in a file. Raises BadRecording, and BadParameter where the model was trained on another kind."""
    if (kind := KINDS.get(modality, "")) != trained.kind:
        raise BadParameter(
            f"{path}: files of {modality} are read as {kind}, the source was trained on {trained.kind}: pick another "
            "with --model."
        )
    return READERS[modality](path, trained)


def read_speech(path: Path, trained: SignalInfo) -> Pieces:
    """Speech of a sound file, or a video's: (n_times,) float32 in [-1, 1], channels mixed. Raises BadRecording."""
    try:
        audio, sfreq = decode_sound(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BadRecording(
            f"{path} cannot be read as audio ({error}): expected a whole wav, flac or other sound."
        ) from error
    return [audio.mean(axis=1)], float(sfreq)


def read_face(path: Path, trained: SignalInfo) -> Pieces:
    """A picture, uint8 (height, width, 3), turned upright as its EXIF says. Raises BadRecording."""
    try:
        return [in_colour(decode_picture(path))], 0.0
    except ValueError as error:
        raise BadRecording(f"{path} cannot be decoded ({error}): expected a whole jpg or png.") from error


def _rows(path: Path) -> list[list[str]]:
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadRecording(f"{path} cannot be read ({error}): expected a CSV file.") from error
    if len(rows) < 3:
        raise BadRecording(f"{path} has {len(rows)} rows, expected a head and samples.")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise BadRecording(f"{path} has {len(row)} cells in row {number}, expected {len(rows[0])}.")
    return rows


def _numbers(path: Path, rows: list[list[str]]) -> np.ndarray:
    """The cells as float64; empty ones are NaN."""
    try:
        values = np.array([[cell.strip() or "nan" for cell in row] for row in rows], np.float64)
    except ValueError as error:
        raise BadRecording(f"{path}: {error}, expected numbers.") from error
    if (np.abs(values) > FLOAT32_MAX).any():
        raise BadRecording(f"{path} holds numbers beyond {FLOAT32_MAX:g}, expected samples.")
    return values


def read_empatica(path: Path, what: str) -> tuple[float, np.ndarray, float]:
    """A file of the Empatica layout: start time in s, samples (n_times,) float32, rate in Hz. Raises BadRecording."""
    values = _numbers(path, _rows(path))
    if values.shape[1] != 1:
        raise BadRecording(f"{path} has {values.shape[1]} columns, expected one, {what}.")
    values = values[:, 0]
    if not 1 <= values[1] <= 2000:
        raise BadRecording(f"{path}: rate {values[1]:g} Hz in the second row, expected 1 to 2000.")
    return float(values[0]), values[2:].astype(np.float32), float(values[1])


def read_heart(path: Path, trained: SignalInfo) -> Pieces:
    """PPG (n_times,) from the Empatica layout: start time, rate in Hz, then samples. Raises BadRecording."""
    _, pulse, sfreq = read_empatica(path, "the pulse (BVP.csv)")
    return [pulse], sfreq


def read_skin(path: Path, trained: SignalInfo) -> Pieces:
    """EDA in µS and temperature in °C, (2, n_times) float32: an Empatica session's folder, or its EDA.csv, with TEMP.csv
    beside it if there is one; or as EEG, from columns eda and, if recorded, temp. Raises BadRecording."""
    path = path / "EDA.csv" if path.is_dir() else path
    head = [name.strip().lower() for name in _rows(path)[0]]
    if len(head) > 1 or "eda" in head:
        channels = CHANNELS if "temp" in head else CHANNELS[:1]
        pieces, sfreq = read_eeg(path, trained._replace(channels=channels))
        return [piece if len(piece) == 2 else with_temperature(piece[0]) for piece in pieces], sfreq
    start_s, eda, sfreq = read_empatica(path, "the EDA (EDA.csv)")
    beside = path.with_name("TEMP.csv")
    if not beside.exists():
        return [with_temperature(eda)], sfreq
    temp_start_s, temp, temp_hz = read_empatica(beside, "the temperature (TEMP.csv)")
    return [with_temperature(eda, sfreq, temp, temp_hz, temp_start_s - start_s)], sfreq


def read_eeg(path: Path, trained: SignalInfo) -> Pieces:
    """EEG (n_chans, n_times) float32 in µV of the trained channels in their order, cut at gaps in the time stamps.

    A head names the columns; those not trained on are left out. A column `timestamps`, in seconds, may be missing.
    Raises BadRecording.
    """
    head, *rows = _rows(path)
    names = [name.strip().lower() for name in head]
    wanted = [*map(str.lower, trained.channels), *({"timestamps"} & {*names})]
    for name in wanted:
        if (count := names.count(name)) != 1:
            raise BadRecording(
                f"{path} has {count} columns {name}, expected one each of {', '.join(trained.channels)}; found "
                f"{', '.join(head)}."
            )
    at = [names.index(name) for name in wanted]
    values = _numbers(path, [[row[column] for column in at] for row in rows])
    data = values[:, : len(trained.channels)].T.astype(np.float32)
    if "timestamps" not in wanted:
        return [data], trained.sfreq
    steps_s = np.diff(values[:, -1])
    if not np.all(steps_s > 0):
        raise BadRecording(f"{path}: timestamps do not rise in every row, expected seconds.")
    gap = steps_s > GAP_STEPS * np.median(steps_s)
    sfreq = float(np.sum(~gap) / steps_s[~gap].sum())
    if not sfreq <= MOST_HZ:
        raise BadRecording(f"{path}: timestamps make {sfreq:.4g} Hz, expected {MOST_HZ:g} at most, in seconds.")
    pieces = np.split(data, np.flatnonzero(gap) + 1, axis=1)
    return pieces, trained.sfreq if same_rate(sfreq, trained.sfreq) else sfreq


READERS = {"heart": read_heart, "eeg": read_eeg, "speech": read_speech, "face": read_face, "skin": read_skin}
