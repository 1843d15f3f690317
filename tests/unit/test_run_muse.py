"""A file in Muse's layout, by `emolib run`: the answer is the model's on the windows that training made of it."""

import json

import keras
import numpy as np
import pandas as pd
import pytest

from emolib.__main__ import main
from emolib.core.artifacts import Run
from emolib.datasets import load, windowed
from emolib.device.interpreter import Model
from emolib.fusion.scores import softmax
from emolib.quantization.ptq import convert
from emolib.signals.frontend import front_end
from emolib.signals.standardise import Standardiser, by_subject

NAME, VARIANT = "muse-eeg-state3-loso", "int8"
GAPPED = "subjectb-relaxed-1"
N = 256 * 28  # of more windows than a person is known by


def muse(path, rng, gaps=()):
    """Noise in the publisher's layout: time stamps in whole ms, a minute more at each gap, and `Right AUX`."""
    time_s = 1533222955 + np.arange(N) / 256 + 60 * np.isin(np.arange(N), gaps).cumsum()
    table = pd.DataFrame({"timestamps": time_s.round(3)})
    for channel, scale in {"TP9": 10, "AF7": 20, "AF8": 40, "TP10": 80, "Right AUX": 160}.items():
        table[channel] = (rng.normal(scale=scale, size=N) + rng.normal(size=N).cumsum()).round(3)
    table.iloc[[7, 500], 2] = np.nan
    table.to_csv(path, index=False)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    (root / "muse").mkdir()
    for subject in "ab":
        for label in ("relaxed", "neutral", "concentrating"):
            name = f"subject{subject}-{label}-1"
            muse(root / "muse" / f"{name}.csv", rng, (1500, 1501, N - 800) if name == GAPPED else ())
    return root


@pytest.fixture(scope="module")
def results(corpus, tmp_path_factory):
    """A run with an EEG source: windows as its notebook makes them, a model that no one trained."""
    run = Run(tmp_path_factory.mktemp("run"), "test", {"frontend": {}, "normalise": "subject"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOLIB_DATA", str(corpus))
        data, _ = windowed.emotion_set(load("muse", "eeg"), "state3", front_end("eeg"))
    run.write_arrays(f"data/{NAME}.npz", **windowed.to_arrays(data))
    run.write_arrays(f"scores/{NAME}-keras.npz", y=data.y)
    run.write_arrays(f"scores/{NAME}.npz", classes=np.array(data.classes), fold=np.zeros(1))
    run.conclude(f"{NAME}-quantize", [], "Nothing.")
    X = by_subject(data.X, data.subject, 3)
    standardiser = Standardiser.fit(X, 3)
    run.write_json(f"models/{NAME}/fold00.json", {"standardiser": standardiser.to_dict()})
    keras.utils.set_random_seed(0)
    layers = [keras.Input(X.shape[1:]), keras.layers.Conv2D(8, (3, 1)), keras.layers.Flatten()]
    network = keras.Sequential([*layers, keras.layers.Dense(3)])
    with run.write(f"models/{NAME}/fold00-{VARIANT}.tflite") as path:
        path.write_bytes(convert(network, VARIANT, standardiser(X)))
    return run


def by_hand(run, trial):
    """Scores of a recording from the windows that training reads: those of the trials of its name."""
    data = windowed.from_arrays(run.arrays(f"data/{NAME}.npz"))
    X = data.X[[name.split(".")[0] == trial for name in data.trial]]
    standardiser = Standardiser.from_dict(run.json(f"models/{NAME}/fold00.json")["standardiser"])
    with Model(run.read(f"models/{NAME}/fold00-{VARIANT}.tflite")) as model:
        return len(X), softmax(model.predict(standardiser(by_subject(X, np.zeros(len(X)), 3)))).mean(axis=0)


def test_the_official_file_is_answered_as_in_training(results, corpus, tmp_path, capsys):
    assert main(["export", str(results.folder), "--out", str(tmp_path / "bundle")]) == 0
    capsys.readouterr()
    assert main(["run", str(tmp_path / "bundle"), "--eeg", str(corpus / f"muse/{GAPPED}.csv")]) == 0
    found, (n, scores) = json.loads(capsys.readouterr().out)["eeg"], by_hand(results, GAPPED)
    assert found["sfreq"] == 256 and found["windows"] == n > 0
    np.testing.assert_array_equal(list(found["scores"].values()), scores.tolist())
    assert np.ptp(scores) > 0.01
    assert found["dropped"] == {"shorter than a window": 2}
