"""Names, literals, constants, operators and windows of a firmware, each by itself."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import get_window

from emolib.core.artifacts import Run, sha256
from emolib.core.errors import BadArtifact
from emolib.datasets import windowed
from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import Fold, to_arrays
from emolib.quantization.firmware import constants, cpp, files

NAME = "synthetic-heart-emotion-loso"


@given(st.text())
def test_every_name_is_an_identifier(name):
    assert re.fullmatch(r"model_[a-z0-9_]*", cpp.identifier("model", name))


@given(st.text())
def test_every_string_is_a_literal_of_printable_ascii(value):
    literal = cpp.string(value)
    assert re.fullmatch(r'"([ !#-\[\]-~]|\\[0-7]{3})*"', literal)
    back = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), literal[1:-1])
    assert back.encode("latin-1").decode() == value


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_every_float_comes_back(value):
    literal = cpp.number(value)
    assert np.float32(literal.removesuffix("f")) == np.float32(value)
    assert re.fullmatch(r"-?\d+(\.\d+)?(e[+-]\d+)?f", literal) and re.search(r"[.e]", literal)


def entry(modality, kind="", channels=(), sfreq=128.0, **more):
    made = {
        "modality": modality,
        "classes": ["low", "high"],
        "recordings": {"sfreq": sfreq, "kind": kind, "channels": list(channels)},
        "frontend": {},
        "standardiser": {"mean": [1.0, 2.0], "std": [0.0, 4.0], "axis": 3},
        "normalise": "train",
    }
    return made | more


def test_eeg():
    front = {"bands": ["alpha", "beta"], "pairs": [[0, 1]], "step_s": 0.5}
    found = constants.of_source(entry("eeg", "raw", ["F3", "F4"], frontend=front))
    assert found["band_edges_hz"].tolist() == [[8, 13], [13, 30]]
    assert found["pairs"].tolist() == [[0, 1]] and list(found["recorded_channels"]) == ["F3", "F4"]
    np.testing.assert_allclose(found["hann"], get_window("hann", 64), atol=1e-7)
    assert found["gain"].tolist() == [0, 0.25] and found["feature_axis"] == 3
    assert "hann" not in constants.of_source(entry("eeg", "band_power", ["F3"], sfreq=2.0))


def test_mfcc_take_a_cosine_transform():
    from scipy.fft import dct

    front = {"n_mfcc": 13, "n_mels": 20}
    found = constants.of_source(entry("speech", sfreq=16000.0, frontend=front))
    expected = dct(np.eye(20), norm="ortho")[:, :13]
    np.testing.assert_allclose(found["dct"], expected, atol=1e-6)
    assert found["fmax"] == 8000.0


def test_windows_are_of_test_people_and_standardised(tmp_path):
    """Each holds the number of its person."""
    subject = np.repeat(np.arange(4), 6)
    X = np.broadcast_to(subject[:, None, None, None], (24, 5, 1, 2)).astype(np.float32)
    data = EmotionSet(X, subject % 2, subject.astype(str), np.arange(24).astype(str), ("low", "high"))
    folds = [Fold(str(k), *(np.flatnonzero(np.isin(subject, part)) for part in ([0, 1], [5 - k], [k]))) for k in (2, 3)]
    run = Run(tmp_path / "run", "test", {"normalise": "train", "level": "trial"})
    run.write_arrays(f"data/{NAME}.npz", **windowed.to_arrays(data))
    run.write_arrays(f"data/{NAME}-folds.npz", **to_arrays(folds))
    run.write_json(f"scores/{NAME}-keras.npz", {})
    told = {"mean": [0.5, 0.0], "std": [1.0, 2.0], "axis": 3}
    run.write_json(f"models/{NAME}/fold01.json", {"standardiser": told})
    run.write_bytes(f"models/{NAME}/fold01-int8.tflite", b"model")
    digest = sha256(run.folder / f"models/{NAME}/fold01-int8.tflite")
    X = files.source_windows(run, NAME, {"fold": 1, "sha256": digest})
    assert X.shape == (4, 5, 1, 2)
    assert (X[..., 0] == 2.5).all() and (X[..., 1] == 1.5).all()  # person 3
    with pytest.raises(BadArtifact, match="is not the model of the bundle"):
        files.source_windows(run, NAME, {"fold": 1, "sha256": "0" * 64})
