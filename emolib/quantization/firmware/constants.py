"""What a firmware must know to make a model's input as training did, as {field: value}.

The algorithms are those of emolib.signals. Here are their numbers, and the tables that they would compute.
"""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np

from emolib.core.errors import BadParameter
from emolib.signals import beats, frontend, skin
from emolib.signals.boxes import FILL, MAX_IOU, Grid
from emolib.signals.eeg import BANDS
from emolib.signals.mfcc import AMIN, dct, hann, mel_filterbank
from emolib.signals.readers import SignalInfo

GREY = (19595, 38470, 7471)  # red, green, blue in 2^16: ITU-R BT.601, as in emolib.signals.image
FACE = {"grey_weights": np.array(GREY, np.int32), "pixel_divisor": 127.5, "pixel_offset": -1.0}
Constants = dict[str, object]
NOTES = {
    "heart": "Beats by two moving averages over the energy, then one value of each feature every 1 / kSfreqOut seconds.",
    "eeg": "Of every kStepS seconds: ln of the power of each channel in each band (Welch, kHann), bands fastest, then kPairs.",
    "speech": "Power of the FFT of kNFft samples (times kHann) every kHop, kNMels bands, 10 log10 of no less than kPowerFloor. "
    "Band i sums kMelWeights[start + j] * power[kMelFirst[i] + j] over j < kMelCount[i]; start: the counts before.",
    "face": "grey = (kGreyWeights * rgb + 32768) >> 16, the middle square, kSize x kSize, pixel / kPixelDivisor + kPixelOffset.",
    "skin": "Of every window alone: phasic = zero-phase Butterworth high-pass of order 2 at kCutoffHz, tonic = the rest, responses "
    "= peaks of phasic by their prominence, then one value of each feature every 1 / kSfreqOut seconds.",
    "detector": "The picture within a square, bars of kLetterboxFill, pixel / kPixelDivisor + kPixelOffset. Of each cell and box: "
    "x, y, root of w, root of h, confidence; then one class probability of the cell.",
    "study": "Each source: mean scores of its windows, times kToTask, then softmax(ln(scores) / kTemperature). Fused: their product, "
    "each to the power of its share of kWeight * trust, divided by its sum. trust is 1, and beyond kTypicalLimit "
    "(kTypicalLimit / d)^2; d: Mahalanobis distance of a window's five statistics (emolib.fusion.reliability).",
}


def of_source(entry: Mapping) -> Constants:
    """The constants of a model: its recordings, front end and standardiser; `entry` is that of bundle.json."""
    front = frontend.front_end(entry["modality"], **entry["frontend"])
    trained = SignalInfo(**entry["recordings"])
    return {
        "classes": tuple(entry["classes"]),
        **{f"recorded_{name}": _value(value) for name, value in trained._asdict().items()},
        **{name: _value(value) for name, value in asdict(front).items() if value is not None},
        **TABLES[entry["modality"]](front, trained),
        **standardiser(entry),
    }


def _value(value):
    """A front end's parameter; a sequence of numbers becomes an array."""
    if not isinstance(value, (list, tuple)) or not len(value) or isinstance(value[0], str):
        return value
    return np.asarray(value, np.int32)


def standardiser(entry: Mapping) -> Constants:
    """mean, std and gain (1 / std, 0 where std is 0), (n_features,) along `feature_axis` of the input, or (1,) for all."""
    told = entry["standardiser"]
    mean, std = (np.atleast_1d(np.asarray(told[name], np.float32)) for name in ("mean", "std"))
    gain = np.divide(1, std, out=np.zeros_like(std), where=std > 0)
    along = {} if told["axis"] is None else {"feature_axis": int(told["axis"])}
    per_person = {"standardised_per_person_first": entry["normalise"] == "subject"}
    return {**per_person, **along, "mean": mean, "std": std, "gain": gain}


def of_heart(front: frontend.HeartFrontEnd, trained: SignalInfo) -> Constants:
    kind = trained.kind or "ppg"
    found = {"feature_names": beats.FEATURES[kind]}
    if kind in beats.DETECTORS:
        for name, value in asdict(beats.DETECTORS[kind]).items():
            if isinstance(value, tuple):  # a band in Hz as (2,), or (1,) for a high-pass
                value = np.array([edge for edge in value if edge is not None], np.float32)
            found[name] = value
        found["ibi_range_s"] = np.array(beats.IBI_RANGE_S, np.float32)
        names = ("MAX_JUMP", "NEIGHBOURS", "LEVEL_S", "SPREAD_S")
        found |= {name.lower(): getattr(beats, name) for name in names}
    return found


def of_eeg(front: frontend.EegFrontEnd, trained: SignalInfo) -> Constants:
    found = {"band_edges_hz": np.array([BANDS[name] for name in front.bands], np.float32)}
    if trained.kind == "raw":
        found["hann"] = hann(frontend.in_samples(front.step_s, trained.sfreq, "step_s"), "float32")
    return found


def of_speech(front: frontend.SpeechFrontEnd, trained: SignalInfo) -> Constants:
    """The mel bands without their zeros, as NOTES explains. Raises BadParameter for functionals."""
    if front.functionals:
        raise BadParameter(
            "The firmware has no tables for functionals of speech, expected a spectrogram: export a model that was "
            "trained on one, or pick others with --model."
        )
    fmax = front.sfreq / 2 if front.fmax is None else front.fmax
    bank = mel_filterbank(front.sfreq, front.n_fft, front.n_mels, front.fmin, fmax)
    inside = bank > 0
    found = {
        "fmax": fmax,
        "power_floor": AMIN,
        "hann": hann(front.n_fft, "float32"),
        "mel_first": inside.argmax(axis=1).astype(np.int16),
        "mel_count": inside.sum(axis=1).astype(np.int16),
        "mel_weights": bank[inside].astype(np.float32),
    }
    if front.n_mfcc:
        found["dct"] = dct(front.n_mels, front.n_mfcc).astype(np.float32)
    return found


def of_skin(front: frontend.SkinFrontEnd, trained: SignalInfo) -> Constants:
    names = ("SFREQ", "CUTOFF_HZ", "MIN_SHARE", "MIN_US", "LOCAL_S", "STEADY_C")
    limits = {name: np.array(getattr(skin, name.upper()), np.float32) for name in ("eda_us", "temp_c")}
    return {"feature_names": skin.FEATURES, **{name.lower(): getattr(skin, name) for name in names}, **limits}


TABLES = {"heart": of_heart, "eeg": of_eeg, "speech": of_speech, "face": lambda *_: dict(FACE), "skin": of_skin}


def of_detector(entry: Mapping) -> Constants:
    """The constants of a detector: its letterbox, the pixels' range, and what its outputs mean."""
    grid = {"letterbox_fill": FILL, **asdict(Grid(**entry["grid"]))}
    pixels = {"pixel_divisor": 255.0, "pixel_offset": 0.0}
    return {**pixels, **grid, "min_score": float(entry["min_score"]), "max_iou": MAX_IOU}


def of_member(member: Mapping) -> Constants:
    """How the scores of one source count in a study; NOTES explains it."""
    typical = member["typicality"]
    return {
        "weight": float(member["weight"]),
        "temperature": float(member["temperature"]),
        "to_task": np.array(member["to_task"], np.float32),
        **{f"typical_{name}": np.array(typical[name], np.float32) for name in ("mean", "std", "precision")},
        "typical_limit": float(typical["limit"]),
    }
