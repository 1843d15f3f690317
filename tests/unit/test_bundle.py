"""From a run to a bundle to an answer, by the command line."""

import json
import shutil

import keras
import numpy as np
import pandas as pd
import pytest
import soundfile
from PIL import Image

import emolib
from emolib.__main__ import main
from emolib.core.artifacts import Run
from emolib.core.errors import BadParameter
from emolib.core.experiment import INT8, Experiment
from emolib.core.results import row
from emolib.device.interpreter import Model
from emolib.fusion.scores import softmax
from emolib.quantization.ptq import convert
from emolib.signals.frontend import front_end
from emolib.signals.standardise import Standardiser

DETECTOR = "scenes-tiny"
SPEECH, FACE = "synthetic-speech-emotion-loso", "synthetic-face-emotion-loso"
SHAPES = {SPEECH: (61, 40, 1), FACE: (24, 24, 1)}
FRONTENDS = {SPEECH: {"window_s": 1.0, "hop_s": 1.0}, FACE: {"size": 24}}
CLASSES = np.array(["happy", "angry", "sad", "relaxed"])
RNG = np.random.default_rng(0)


def tiny(shape):
    layers = [keras.Input(shape), keras.layers.Conv2D(4, 3, strides=4), keras.layers.GlobalAveragePooling2D()]
    return keras.Sequential([*layers, keras.layers.Dense(4)])


SCORED = {  # two folds; of ann two windows of three are told, of bob the one
    "fold": np.array([0, 0, 0, 0, 1]),
    "part": np.array(["val", "test", "test", "test", "test"]),
    "subject": np.array(["bob", "ann", "ann", "ann", "bob"]),
    "y": np.array([3, 0, 1, 2, 3]),
    INT8: np.eye(4)[[0, 0, 1, 3, 3]],
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A run with two sources and a detector, as far as a bundle reads it."""
    folder, learned = tmp_path_factory.mktemp("run"), {}
    typical = {"mean": [0.0] * 5, "std": [1.0] * 5, "precision": np.eye(5).tolist(), "limit": 1e6}  # all is
    for name, weight, temperature in ((SPEECH, 0.8, 2.0), (FACE, 0.2, 0.5)):
        X = RNG.standard_normal((20, *SHAPES[name])).astype(np.float32)
        train, model = Run(folder, "02", {"normalise": "train"}), tiny(SHAPES[name])
        windows = Run(folder, "01", {"frontend": FRONTENDS[name]})
        windows.write_arrays(f"data/{name}.npz", X=X, sfreq=16000.0)
        train.write_arrays(f"scores/{name}-keras.npz", y=X[:, 0, 0, 0])
        train.write_arrays(f"scores/{name}.npz", classes=CLASSES, **SCORED)
        train.conclude(f"{name}-train", [number(name, "uar", 0.5) | {"variant": "clock"}], "50 %.", ["Near the clock."])
        train.conclude(f"{name}-quantize", [number(name, "uar", 0.75)], "75 %.")
        standardiser = Standardiser.fit(3 * X + 1, None)
        train.write_json(f"models/{name}/fold00.json", {"standardiser": standardiser.to_dict()})
        train.write_bytes(f"models/{name}/fold00-{INT8}.tflite", convert(model, INT8, X))
        with train.write(f"models/{name}/fold00.keras") as path:
            model.save(path)
        one = {"weight": weight, "temperature": temperature, "typicality": typical}
        learned[name] = {"to_task": np.eye(4).tolist(), "folds": [one]}
    study = {"task": "emotion", "classes": CLASSES.tolist(), "sources": learned}
    Run(folder, "04", {}).write_json("models/a-study-of-two-fusion.json", study)
    write_detector(folder)
    return folder


def number(name, metric, value):
    told = {"unit": "fraction", "n": 20, "artifact": "x", "variant": INT8}
    return row(Experiment.parse(name), metric, value, value - 0.25, value + 0.25, **told)


def write_detector(folder):
    """A detector that no one trained, with scores around 0.25: a convolution that says what a Grid of 4 × 4 reads."""
    made = {"corpora": {"scenes": {}}, "network": "small", "side": 32, "n_channels": 3}
    run, X = Run(folder, "02d", made), RNG.random((20, 32, 32, 3)).astype(np.float32)
    cells = keras.layers.Conv2D(6, 3, strides=8, padding="same", activation="sigmoid")
    model = keras.Sequential([keras.Input((32, 32, 3)), cells])
    run.write_bytes(f"models/{DETECTOR}-{INT8}.tflite", convert(model, INT8, X))
    with run.write(f"models/{DETECTOR}.keras") as path:
        model.save(path)
    run.write_json(f"models/{DETECTOR}-grid.json", {"n_cells": 4, "n_boxes": 1, "reach": 1.0})
    run.table(f"{DETECTOR}-detector", pd.DataFrame([{"variant": "int8", "min_score": 0.02}]), "A detector.")
    found = number("scenes-face-single_face-heldout", "iou", 0.5)
    run.conclude(f"{DETECTOR}-detector", [found], "50 %.")


@pytest.fixture
def bundle(results, tmp_path):
    assert main(["export", str(results), "--out", str(tmp_path / "bundle")]) == 0
    return tmp_path / "bundle"


def refused(arguments, capsys):
    """What a call that a user can mend says, one line."""
    capsys.readouterr()
    assert main([str(argument) for argument in arguments]) == 1
    out, error = capsys.readouterr()
    assert out == "" and error.count("\n") == 1
    return error


def answered(arguments, capsys):
    capsys.readouterr()
    assert main([str(argument) for argument in arguments]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_answer_is_that_of_the_steps_by_hand(bundle, results, tmp_path, capsys):
    audio = (0.1 * RNG.standard_normal(32000)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", audio, 16000, subtype="FLOAT")
    pixels = RNG.integers(0, 256, (24, 24, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "b.png")
    answer = answered(["run", bundle, "--speech", tmp_path / "a.wav", "--face", tmp_path / "b.png"], capsys)
    run, by_hand = Run(results, "test", {}), {}
    for name, data, sfreq in ((SPEECH, audio, 16000.0), (FACE, pixels, 0.0)):
        standardiser = Standardiser.from_dict(run.json(f"models/{name}/fold00.json")["standardiser"])
        X = front_end(name.split("-")[1], **FRONTENDS[name])(data, sfreq).X
        with Model(run.read(f"models/{name}/fold00-int8.tflite")) as model:
            by_hand[name] = softmax(model.predict(standardiser(X))).mean(axis=0)
    np.testing.assert_allclose(list(answer["speech"]["scores"].values()), by_hand[SPEECH], atol=1e-6)
    assert list(answer["speech"]["scores"]) == CLASSES.tolist() and answer["speech"]["windows"] == 2
    assert answer["speech"]["sfreq"] == 16000
    expected = by_hand[SPEECH] ** (0.8 / 2.0) * by_hand[FACE] ** (0.2 / 0.5)  # each at its temperature
    np.testing.assert_allclose(list(answer["fused"].values()), expected / expected.sum(), atol=1e-5)


def test_export_overwrites_bundles_only(bundle, results, tmp_path, capsys):
    assert main(["export", str(results), "--out", str(bundle)]) == 0
    shutil.copytree(bundle, tmp_path / "with thesis")
    (tmp_path / f"with thesis/{FACE}.txt").write_text("x")

    def contents():
        return {path: path.is_file() and path.read_bytes() for of in (results, tmp_path) for path in of.rglob("*")}

    before, theirs = contents(), tmp_path / "with thesis"
    for call in ([theirs], [theirs, "--add"], [results], ["/"]):
        error = refused(["export", results, "--out", *call], capsys)
        assert "which this command did not write: move it away" in error
    assert contents() == before


def test_a_model_more_leaves_what_the_bundle_holds(results, tmp_path):
    out, call = tmp_path / "all", ["export", str(results), "--keras", "--out", str(tmp_path / "all")]
    assert main([*call, "--model", SPEECH]) == 0
    first = json.loads((out / "bundle.json").read_text())
    kept = {path.name: path.read_bytes() for path in out.glob(f"{SPEECH}.*")}
    assert list(first["models"]) == [SPEECH] and first["detectors"] == first["studies"] == {}
    assert main([*call, "--add", "--model", FACE, "--model", DETECTOR]) == 0
    record = json.loads((out / "bundle.json").read_text())
    assert record["models"].keys() == {SPEECH, FACE} and record["models"][SPEECH] == first["models"][SPEECH]
    assert {path.name: path.read_bytes() for path in out.glob(f"{SPEECH}.*")} == kept
    assert record["models"][FACE]["run"] == results.name and len(record["models"][FACE]["commit"]) >= 40
    assert main([*call[:2], *call[3:], "--add", "--model", FACE]) == 0
    assert not (out / f"{FACE}.keras").exists() and (out / f"{SPEECH}.keras").exists()
    assert main([*call, "--model", FACE]) == 0
    assert not list(out.glob(f"{SPEECH}.*"))


def test_the_first_exported_of_a_modality_answers_where_none_is_picked(results, tmp_path, capsys):
    out, other, run = tmp_path / "b", FACE.replace("loso", "official"), tmp_path / "run"
    shutil.copytree(results, run, ignore=shutil.ignore_patterns("*-fusion.json*"))  # a study would pick first
    for path in [*run.rglob(f"{FACE}*")]:
        copied = shutil.copytree if path.is_dir() else shutil.copy
        copied(path, path.with_name(path.name.replace(FACE, other)))

    def exported(*arguments):
        assert main(["export", str(run), "--out", str(out), *arguments]) == 0
        return json.loads((out / "bundle.json").read_text())

    Image.fromarray(RNG.integers(0, 256, (24, 24, 3), np.uint8)).save(tmp_path / "b.png")
    call = ["run", out, "--face", tmp_path / "b.png"]
    assert exported("--model", other, "--model", FACE)["defaults"] == {"face": other}
    record = exported("--add", "--model", FACE, "--model", SPEECH)
    assert record["defaults"] == {"face": other, "speech": SPEECH}
    for picked, source in (([], other), (["--model", FACE], FACE)):
        assert answered([*call, *picked], capsys)["face"]["source"] == source
    assert "synthetic-face does not exist" in refused([*call, "--model", "synthetic-face"], capsys)
    del record["defaults"], record["self"]  # as older bundles
    (out / "bundle.json").write_text(json.dumps(record))
    assert "expected one: pick it with --model" in refused(call, capsys)


def test_a_pretrained_model_is_found_by_words_of_its_name(bundle, monkeypatch):
    monkeypatch.setattr("emolib.device.bundle.models_folder", lambda: bundle)
    assert emolib.load_pretrained("speech-synthetic").source == SPEECH
    with pytest.raises(BadParameter, match=f"synthetic fits {FACE}, {SPEECH} of the pretrained models"):
        emolib.load_pretrained("synthetic")


def test_cards_and_networks_go_with_the_models(results, tmp_path):
    assert main(["export", str(results), "--out", str(tmp_path / "b"), "--keras"]) == 0
    names = (SPEECH, FACE, DETECTOR)
    assert {path.name for path in (tmp_path / "b").iterdir()} == {
        "bundle.json", *(f"{name}.{end}" for name in names for end in ("tflite", "md", "keras")),
    }  # fmt: skip
    card = (tmp_path / f"b/{FACE}.md").read_text()
    told = "fold 0: of ann, whom it never saw, it tells 66.7 % of 3 windows"
    assert all(
        said in card for said in ("happy, angry, sad", "75.0 (50.0–100.0) %", "Licence: ", told, "Near the clock.")
    )
    assert "| clock | UAR | 50.0 (25.0–75.0) %" in card
    assert "50.0 (25.0–75.0) %" in (tmp_path / f"b/{DETECTOR}.md").read_text()
    assert keras.models.load_model(tmp_path / f"b/{DETECTOR}.keras").output_shape == (None, 4, 4, 6)
