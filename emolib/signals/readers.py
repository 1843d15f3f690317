"""Readers of recordings in files, one a format, for devices and for corpora: the heart, EEG and skin in text files.

Sound and pictures are decoded by `emolib.signals.files`. numpy alone, but for these.
"""

import re
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from emolib.core.errors import BadParameter, BadRecording
from emolib.signals.files import MOST_HZ, decode_picture, decode_sound, in_colour, most_unfolded
from emolib.signals.skin import CHANNELS, with_temperature
from emolib.signals.tables import SECONDS, TIME, Table, checked, laid, read_table, steady

KINDS = {"heart": ("ppg", "ecg", "bpm"), "eeg": ("raw",), "skin": ("eda",)}  # of files; speech and faces have none
SAID = {"ppg": "a pulse (ppg)", "ecg": "an ECG", "raw": "EEG", "eda": "EDA"}
SAID |= {"bpm": "a heart rate, or intervals between beats (bpm)"}
# below, time stamps are hardly seconds
LEAST_HZ = {"ppg": 16.0, "ecg": 16.0, "bpm": 0.1, "raw": 16.0, "eda": 1.0, "temp": 0.1}
HEADS = {  # of columns, by what they hold; of several the first counts
    "ppg": {"ppg", "bvp", "pulse"},
    "ecg": {"ecg", "ekg"},
    "rr": {"rr", "rri", "ibi", "nn", "rr-interval", "rr interval", "rr_interval", "interbeat interval"},
    "bpm": {"bpm", "hr", "heart rate", "heart_rate", "heartrate"},
    "eda": {"eda", "gsr"},
    "temp": {"temp", "temperature"},
}
INTERVALS_S, INTERVALS_MS = (0.2, 3.0), (200.0, 3000.0)  # between beats
BPM_HZ = 4.0  # of a heart rate that is made of intervals
ELECTRODE = re.compile(
    r"(nz|(fp|af|f|fc|ft|c|t|tp|cp|p|po|o|a|m)(z|\d{1,2}|h)|(exg channel|channel|chan|ch|eeg)[ _]?\d+)"
)
# RAW_TP9 of Mind Monitor, EEG.AF3 of Emotiv
OF_EEG = re.compile(r"(?:raw_|eeg[. _-](?=\D))?(.*?)(?:-ref)?", re.IGNORECASE)
TO_UV = {"v": 1e6, "mv": 1e3, "nv": 1e-3}


class SignalInfo(NamedTuple):
    """What a model was trained on, or a sensor gives: rate in Hz (0: pictures one by one), kind, channels in order."""

    sfreq: float
    kind: str = ""
    channels: tuple[str, ...] = ()


class Recording(NamedTuple):
    """What a file gives: data with gaps of NaN, sfreq in Hz (0 for a picture), kind and channels. left_out: columns that hold
    something else."""

    data: np.ndarray
    sfreq: float
    kind: str = ""
    channels: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def stretches(self) -> dict[int, np.ndarray]:
        """Pieces of a signal of several rows between its gaps, by their first sample; another signal is whole."""
        if self.data.ndim != 2:
            return {0: self.data}
        edges = np.diff(~np.isnan(self.data).all(axis=0), prepend=False, append=False).nonzero()[0]
        return {int(first): self.data[:, first:end] for first, end in edges.reshape(-1, 2)}


def same_rate(sfreq: float, trained_hz: float) -> bool:
    """Whether a rate in Hz, which time stamps told, means the trained one."""
    return abs(sfreq - trained_hz) <= 0.02 * trained_hz


def read_recording(modality: str, path: Path, trained: SignalInfo) -> Recording:
    """The recording in a file. Raises BadRecording, and BadParameter where the model was trained on another kind."""
    kinds = KINDS.get(modality, ("",))
    if trained.kind not in kinds:
        holds = " or ".join(kinds)
        raise BadParameter(
            f"{path}: files of {modality} hold {holds}, the model was trained on {trained.kind}: pick another with --model."
        )
    if modality not in KINDS:
        return READERS[modality](path)
    content, beside = _opened(path, {"heart": "BVP.csv", "skin": "EDA.csv"}.get(modality, ""))
    found = READERS[modality](content, str(path), beside=beside, channels=trained.channels, wanted=trained.kind)
    if found.kind != trained.kind:
        raise BadParameter(
            f"{path} holds {SAID[found.kind]} at {found.sfreq:g} Hz, the model was trained on {SAID[trained.kind]}: give it "
            "such a recording, or pick another model with --model."
        )
    return found._replace(sfreq=trained.sfreq) if same_rate(found.sfreq, trained.sfreq) else found


def _opened(path: Path, name: str) -> tuple[bytes, Callable[[str], bytes | None]]:
    """The bytes of a file, or of the file `name` of an Empatica session in a folder or zip; and what gives another one of the
    session, None where it lacks. Raises BadRecording."""
    try:
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive:
                of = {PurePosixPath(info.filename).name: info for info in archive.infolist()}
                files = {each: archive.read(of[each]) for each in {name, "TEMP.csv"} & of.keys() if _is_small(of[each])}
        else:
            folder, name = (path, name) if path.is_dir() else (path.parent, path.name)
            files = {each: (folder / each).read_bytes() for each in {name, "TEMP.csv"} if (folder / each).is_file()}
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, NotImplementedError) as error:
        raise BadRecording(f"{path} cannot be read ({error}), expected a recording.") from error
    if name not in files:
        raise BadRecording(f"{path}: no file {name or 'to read'} is there, expected a recording.")
    return files[name], files.get


def _is_small(info: zipfile.ZipInfo) -> bool:
    return info.file_size <= most_unfolded(info.compress_size)


def read_speech(path: Path) -> Recording:
    """Speech of a sound file, or a video's: (n_times,) float32 in [-1, 1], channels mixed. Raises BadRecording."""
    try:
        audio, sfreq = decode_sound(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BadRecording(
            f"{path} cannot be read as audio ({error}): expected a whole wav, flac or other sound."
        ) from error
    return Recording(audio.mean(axis=1), float(sfreq))


def read_face(path: Path) -> Recording:
    """A picture, uint8 (height, width, 3), turned upright as its EXIF says. Raises BadRecording."""
    try:
        return Recording(in_colour(decode_picture(path)), 0.0)
    except ValueError as error:
        raise BadRecording(f"{path} cannot be decoded ({error}): expected a whole jpg or png.") from error


def column_of(content: bytes) -> np.ndarray | None:
    """The numbers of a file that holds nothing but one a line, (n,) float64; None for another file."""
    with suppress(ValueError):
        values = np.array(content.removeprefix(b"\xef\xbb\xbf").split(), np.float64)
        return values if len(values) > 2 else None
    return None


def empatica(content: bytes, where: str, kind: str) -> tuple[float, np.ndarray, float]:
    """A file of an Empatica E4's session: start in Unix time, samples (n_times,) float32, rate in Hz. Raises BadRecording."""
    values = column_of(content)
    if values is None:
        raise BadRecording(f"{where} is no column of numbers, expected the start, the rate, and samples of {kind}.")
    return _session(values, where, kind)


def _session(values: np.ndarray, where: str, kind: str) -> tuple[float, np.ndarray, float]:
    """What `empatica` gives, of the file's numbers."""
    start_s, sfreq, *_ = checked(values, where)
    if not LEAST_HZ[kind] <= sfreq <= MOST_HZ:
        expected = f"{LEAST_HZ[kind]:g} to {MOST_HZ:g} Hz of {SAID.get(kind, 'a temperature')}"
        raise BadRecording(f"{where}: rate {sfreq:g} Hz in the second row, expected {expected}.")
    return float(start_s), values[2:].astype(np.float32), float(sfreq)


def read_heart(content: bytes, where: str, wanted: str = "", **_) -> Recording:
    """(n_times,) float32, kind ppg, ecg or bpm: an Empatica E4's BVP.csv or HR.csv, columns that are named so beside time stamps, or
    intervals between beats in s or ms, in a column or one a line, which become bpm. Of several kinds it is `wanted`, or the first
    of these. Raises BadRecording."""
    values = column_of(content)
    if values is not None:
        if all(_are_intervals(values)):
            return from_intervals(values, None, where)
        kind = "bpm" if values[1] < LEAST_HZ["ppg"] and _is_rate(values[2:]) else "ppg"
        _, data, sfreq = _session(values, where, kind)
        return Recording(data, sfreq, kind)
    table = read_table(content, where)
    kind, at = _one_of(table, *sorted(("ppg", "ecg", "rr", "bpm"), key=lambda kind: kind != wanted))
    if kind == "rr":
        clock, intervals = table.clock(), table.numbers(at)[:, 0]
        unit = table.units[at[0]]
        intervals = intervals * SECONDS.get(unit, 1.0)
        if clock is None and "ibi" in table.names[1:]:  # IBI.csv of an E4: the head's first cell is the start
            clock = table.numbers([0])[:, 0], "s"
        return from_intervals(intervals, clock, where)
    data, sfreq = _stamped(table, at, kind)
    if kind == "bpm" and not _is_rate(data):
        raise BadRecording(
            f"{where} has a heart rate of {np.nanmedian(data):.4g} in the middle, expected bpm, 30 to 220."
        )
    return Recording(data[0], sfreq, kind)


def _are_intervals(values: np.ndarray) -> np.ndarray:
    """Which values are intervals between beats, if all are in seconds or all in ms."""
    known = values[np.isfinite(values)]
    low, high = INTERVALS_MS if np.median(known) > INTERVALS_S[1] else INTERVALS_S
    return (known >= low) & (known <= high)


def _is_rate(values: np.ndarray) -> bool:
    """Whether a median is one of a heart rate in bpm."""
    known = values[np.isfinite(values)]
    return not len(known) or 30 <= np.median(known) <= 220


def from_intervals(intervals: np.ndarray, clock: tuple[np.ndarray, str] | None, where: str) -> Recording:
    """A heart rate in bpm at BPM_HZ of intervals between beats (n_beats,), in s or ms, as their median says. `clock`: when each
    ended, and the unit; else each begins where the one before ended. No interval covers a gap, which is NaN. Raises
    BadRecording."""
    known = np.isfinite(intervals)
    if known.sum() < 2 or _are_intervals(intervals).mean() < 0.5:
        got = f"{known.sum()} intervals around {np.median(intervals[known]) if known.any() else np.nan:g}"
        raise BadRecording(f"{where} has {got}, expected intervals between beats, of about 0.8 s or 800 ms.")
    length_s = intervals[known] * (1e-3 if np.median(intervals[known]) > INTERVALS_S[1] else 1.0)
    ends_s = length_s.cumsum()
    if clock is not None:
        stamps, unit = clock[0][known], clock[1]
        scales = [SECONDS[unit]] if unit in SECONDS else SECONDS.values()
        told = [(stamps - stamps[0]) * scale + length_s[0] for scale in scales]
        fitting = [each for each in told if np.median(np.abs(np.diff(each) - length_s[1:])) < 0.1]
        ends_s = fitting[0] if fitting and (np.diff(fitting[0]) > 0).all() else ends_s
    times_s = np.arange(int(ends_s[-1] * BPM_HZ)) / BPM_HZ
    which = np.searchsorted(ends_s, times_s, side="right")
    inside = times_s >= ends_s[which] - length_s[which] - 1e-6
    return Recording(np.where(inside, 60 / length_s[which], np.nan).astype(np.float32), BPM_HZ, "bpm")


def read_skin(content: bytes, where: str, beside: Callable = lambda name: None, **_) -> Recording:
    """EDA in µS and temperature in °C, (2, n_times) float32: an Empatica E4's EDA.csv, with TEMP.csv beside it if there is one,
    or columns that are named so beside time stamps. Raises BadRecording."""
    if (values := column_of(content)) is None:
        table = read_table(content, where)
        at = _one_of(table, "eda")[1] + [i for i, name in enumerate(table.names) if name in HEADS["temp"]][:1]
        data, sfreq = _stamped(table, at, "eda")
        data = data if len(data) == 2 else with_temperature(data[0])
    else:
        start_s, eda, sfreq = _session(values, where, "eda")
        data = with_temperature(eda)
        if (temperature := beside("TEMP.csv")) is not None:
            temp_start_s, temp, temp_hz = empatica(temperature, where.replace("EDA.csv", "TEMP.csv"), "temp")
            data = with_temperature(eda, sfreq, temp, temp_hz, temp_start_s - start_s)
    for row, (low, high), likely in ((0, (-1, 100), "nS"), (1, (0, 50), "Fahrenheit or kelvin")):
        middle = np.nanmedian(data[row]) if np.isfinite(data[row]).any() else low
        if not low <= middle <= high:
            what = f"{CHANNELS[row]} of {middle:.4g} in the middle, expected {low} to {high} {('µS', '°C')[row]}"
            raise BadRecording(f"{where} has {what}: it looks like {likely}, convert it.")
    return Recording(data, sfreq, "eda", CHANNELS)


def read_eeg(content: bytes, where: str, channels: Sequence[str] = (), **_) -> Recording:
    """EEG (n_chans, n_times) float32 in µV of these channels in their order, or of every electrode; NaN in gaps.

    A head names the columns, and their unit if it is not µV. Raises BadRecording.
    """
    table = read_table(content, where)
    names = [OF_EEG.fullmatch(name)[1] for name in table.names]
    known = [name for name in names if ELECTRODE.fullmatch(name)]
    wanted = [name.lower() for name in channels] or known or [name for name in names if not TIME.fullmatch(name)]
    if not wanted:
        raise BadRecording(
            f"{where} has columns {', '.join(table.names) or 'without names'}, expected electrodes, such as TP9."
        )
    for name in wanted:
        if (count := names.count(name)) != 1:
            expected = f"one each of {', '.join(channels or wanted)}; found {', '.join(names)}"
            raise BadRecording(f"{where} has {count} columns {name}, expected {expected}.")
    at = [names.index(name) for name in wanted]
    data, sfreq = _stamped(table, at, "raw")
    data *= np.array([TO_UV.get(table.units[i], 1.0) for i in at], np.float32)[:, None]
    spread = np.median(
        [np.subtract(*np.percentile(row[~np.isnan(row)], [95, 5])) for row in data if not np.isnan(row).all()] or [0]
    )
    if 0 < spread < 0.5 or spread > 1e5:
        likely = "volts" if spread < 5e-3 else "millivolts" if spread < 0.5 else "nanovolts, or counts of a converter"
        what = f"a spread of {spread:.2g}, expected about 10 to 1000 µV: it looks like {likely}"
        raise BadRecording(f"{where} has {what}. Convert it, or name the unit in its head: TP9 [V].")
    used = {*at, *(i for i, name in enumerate(table.names) if TIME.fullmatch(name))}
    left_out = tuple(head for i, head in enumerate(table.heads) if i not in used)
    return Recording(data, sfreq, "raw", tuple(OF_EEG.fullmatch(table.heads[i])[1] for i in at), left_out)


def _one_of(table: Table, *kinds: str) -> tuple[str, list[int]]:
    """The first of these kinds that has a column, and its place. Raises BadRecording for none or several."""
    for kind in kinds:
        at = [i for i, name in enumerate(table.names) if name in HEADS[kind]]
        if at:
            if len(at) > 1:
                break
            return kind, at
    got = ", ".join(table.names) or f"{len(table.rows[0])} without names"
    expected = f"a column of time stamps and one of {', '.join(kinds)}, or an Empatica E4's file"
    raise BadRecording(f"{table.where} has columns {got}; expected {expected}.")


def _stamped(table: Table, at: Sequence[int], kind: str) -> tuple[np.ndarray, float]:
    """Columns (n_columns, n_times) float32, NaN in gaps, and their rate in Hz: that of the time stamps, else what the file
    tells above its head. Raises BadRecording."""
    values, clock = table.numbers(at), table.clock()
    if clock is None:
        if not LEAST_HZ[kind] <= table.says_hz <= MOST_HZ:
            raise BadRecording(
                f"{table.where} has no column of time stamps, so no rate: add one, timestamps, in seconds."
            )
        return np.ascontiguousarray(values.T, np.float32), table.says_hz
    stamps, unit = clock
    there = (
        ~np.isnan(values).all(axis=1) if len(at) > 1 else np.ones(len(values), bool)
    )  # rows of events hold no sample
    sfreq, place = steady(stamps[there], unit, LEAST_HZ[kind], table.where)
    return laid(values[there].T, place), sfreq


READERS = {"heart": read_heart, "eeg": read_eeg, "speech": read_speech, "face": read_face, "skin": read_skin}
