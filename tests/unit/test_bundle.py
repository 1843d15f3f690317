"""From a run to a bundle to an answer, by the command line."""

import json

import keras
import numpy as np
import pytest
import soundfile
from PIL import Image

from emolib.__main__ import main
from emolib.artifacts import Run
from emolib.compression.ptq import convert
from emolib.fusion.scores import softmax
from emolib.runtime.interpreter import Model
from emolib.runtime.readers import read_eeg, read_face, read_heart
from emolib.signals.frontend import front_end
from emolib.signals.standardise import Standardiser

SPEECH, FACE = "synthetic-speech-emotion-loso", "synthetic-face-emotion-loso"
SHAPES = {SPEECH: (61, 40, 1), FACE: (24, 24, 1)}
FRONTENDS = {SPEECH: {"window_s": 1.0, "hop_s": 1.0}, FACE: {"size": 24}}
CLASSES = np.array(["happy", "angry", "sad", "relaxed"])
RNG = np.random.default_rng(0)


def tiny(shape):
    layers = [keras.Input(shape), keras.layers.Conv2D(4, 3, strides=4), keras.layers.GlobalAveragePooling2D()]
    return keras.Sequential([*layers, keras.layers.Dense(4)])


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A run with two sources, as far as a bundle reads it."""
    folder = tmp_path_factory.mktemp("run")
    for name, shape in SHAPES.items():
        X = RNG.standard_normal((20, *shape)).astype(np.float32)
        windows, train = (
            Run(folder, "01", {"frontend": FRONTENDS[name]}),
            Run(folder, "02", {"normalise": "train"}),
        )
        windows.write_arrays(f"data/{name}.npz", X=X)
        train.write_arrays(f"scores/{name}-keras.npz", y=X[:, 0, 0, 0])
        train.write_arrays(f"scores/{name}.npz", classes=CLASSES)
        standardiser = Standardiser.fit(3 * X + 1, None)
        train.write_json(f"models/{name}/fold00.json", {"standardiser": standardiser.to_dict()})
        with train.write(f"models/{name}/fold00-static_wi8_ai8.tflite") as path:
            path.write_bytes(convert(tiny(shape), "static_wi8_ai8", X))
    fusion = Run(folder, "04", {"sources": [SPEECH, FACE]})
    fusion.write_text(
        "tables/study-weights.csv", "rule,fold,modality,weight\nweighted,0,speech,0.8\nweighted,0,face,0.2\n"
    )
    fusion.write_json("scores/study-summary.json", {})
    return folder


@pytest.fixture
def bundle(results, tmp_path):
    assert main(["export", str(results), "--out", str(tmp_path / "bundle")]) == 0
    return tmp_path / "bundle"


def test_the_answer_is_that_of_the_steps_by_hand(bundle, results, tmp_path, capsys):
    audio = (0.1 * RNG.standard_normal(32000)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", audio, 16000, subtype="FLOAT")
    pixels = RNG.integers(0, 256, (24, 24, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "b.png")
    capsys.readouterr()
    assert (
        main(["run", str(bundle), "--speech", str(tmp_path / "a.wav"), "--face", str(tmp_path / "b.png")])
        == 0
    )
    answer = json.loads(capsys.readouterr().out)
    run, by_hand = Run(results, "test", {}), {}
    for name, data, sfreq in ((SPEECH, audio, 16000.0), (FACE, pixels, 0.0)):
        standardiser = Standardiser.from_dict(run.json(f"models/{name}/fold00.json")["standardiser"])
        X = front_end(name.split("-")[1], **FRONTENDS[name])(data, sfreq).X
        with Model(run.read(f"models/{name}/fold00-static_wi8_ai8.tflite")) as model:
            by_hand[name] = softmax(model.predict(standardiser(X))).mean(axis=0)
    np.testing.assert_allclose(list(answer["speech"]["scores"].values()), by_hand[SPEECH], atol=1e-6)
    assert list(answer["speech"]["scores"]) == CLASSES.tolist() and answer["speech"]["windows"] == 2
    expected = 0.8 * by_hand[SPEECH] + 0.2 * by_hand[FACE]
    np.testing.assert_allclose(list(answer["fused"].values()), expected, atol=1e-5)


def test_an_altered_model_is_refused(bundle, capsys):
    with open(bundle / f"{FACE}.tflite", "ab") as file:
        file.write(b"0")
    assert main(["bench", str(bundle)]) == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith("BadArtifact:") and f"{FACE}.tflite" in error and "\n" not in error


def test_bench_measures_every_model(bundle, capsys):
    assert main(["bench", str(bundle), "--repeats", "5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert set(found) == {SPEECH, FACE} and all(0 < row["p50_us"] <= row["p95_us"] for row in found.values())


def test_export_overwrites_bundles_only(bundle, results, tmp_path, capsys):
    assert main(["export", str(results), "--out", str(bundle)]) == 0
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("x")
    assert main(["export", str(results), "--out", str(tmp_path / "mine")]) == 1
    assert "no bundle" in capsys.readouterr().err
    assert (tmp_path / "mine/thesis.txt").read_text() == "x"


def test_export_of_no_run_is_one_line(tmp_path, capsys):
    assert main(["export", str(tmp_path), "--out", str(tmp_path / "b")]) == 1
    assert "holds no models" in capsys.readouterr().err
    assert not (tmp_path / "b").exists()


def test_a_modality_that_the_bundle_lacks_is_named(bundle, tmp_path, capsys):
    (tmp_path / "h.csv").write_text("0\n64\n" + "1\n" * 900)
    assert main(["run", str(bundle), "--heart", str(tmp_path / "h.csv")]) == 1
    assert "heart: the bundle has no source" in capsys.readouterr().err


@pytest.mark.parametrize(
    "reader, name, content, message",
    [
        (read_heart, "h.csv", "0\n64\n", "2 rows"),
        (read_heart, "h.csv", "0\n64\nx\n", "expected numbers"),
        (read_heart, "h.csv", "0\n0\n1\n", "rate 0 Hz"),
        (read_eeg, "e.csv", "t,TP9\n0,1\n1,2\n", "has columns t, TP9"),
        (read_eeg, "e.csv", "timestamps,TP9\n0,1\n0,2\n", "do not rise"),
        (read_eeg, "e.csv", "timestamps,TP9\n0,1\n1\n", "as many in each row"),
        (read_face, "f.png", "no image", "cannot be decoded"),
    ],
)
def test_bad_files_are_named(reader, name, content, message, tmp_path):
    (tmp_path / name).write_text(content)
    with pytest.raises(Exception, match=message) as caught:
        reader(tmp_path / name)
    assert type(caught.value).__name__ == "BadRecording" and name in str(caught.value)


def test_readers_give_shape_and_rate(tmp_path):
    (tmp_path / "h.csv").write_text("1644225600.0\n64.0\n1\n2\n3\n")
    data, sfreq, kind = read_heart(tmp_path / "h.csv")
    assert data.tolist() == [1, 2, 3] and (sfreq, kind) == (64, "ppg")
    (tmp_path / "e.csv").write_text("timestamps,TP9,AF7\n0,1,2\n0.0078125,3,4\n0.015625,5,6\n")
    data, sfreq, kind = read_eeg(tmp_path / "e.csv")
    assert data.tolist() == [[1, 3, 5], [2, 4, 6]] and (sfreq, kind) == (128, "raw")
