"""A bundle as C++, compiled where there is a compiler."""

import hashlib
import json
import shutil
import subprocess

import keras
import numpy as np
import pytest

from emolib.core.errors import BadArtifact, BadParameter
from emolib.device.backends import TFLite
from emolib.quantization.firmware import files as firmware
from emolib.quantization.ptq import convert

pytest.importorskip("tflite_micro", reason="tflite-micro is for x86-64 Linux only")
SPEECH, FACE, EYE = "own-speech-emotion-loso", "own-face-emotion-loso", "9-eyes"
SHAPES = {SPEECH: (61, 20, 1), FACE: (16, 16, 1), EYE: (32, 32, 3)}
RUN = 'a "run" \\ with\n*/ // ?? ünd % all\\'
STUB = """#pragma once
#include <vector>
#include <string>
enum TfLiteStatus { kTfLiteOk, kTfLiteError };
namespace tflite { template <unsigned int N> struct MicroMutableOpResolver {
  std::vector<std::string> added;
  TfLiteStatus Add(const char* name) {
    if (added.size() == N) return kTfLiteError;
    added.push_back(name);
    return kTfLiteOk;
  }
  TfLiteStatus AddConv2D() { return Add("conv"); }
  TfLiteStatus AddFullyConnected() { return Add("dense"); }
  TfLiteStatus AddMean() { return Add("mean"); }
  TfLiteStatus AddLogistic() { return Add("logistic"); }
}; }
"""
MAIN = """#include <cstdio>
#include "emolib_models.h"
#include "emolib_resolver.h"
#include "model_9_eyes_reference.h"
namespace speech = emolib::model_own_speech_emotion_loso;
namespace eyes = emolib::model_9_eyes;
namespace fusion = emolib::study_both::model_own_face_emotion_loso;
int main() {
  unsigned long sum = 0;
  for (unsigned char byte : speech::kModel) sum += byte;
  std::printf("%zu %lu %d %d %zu\\n", speech::kModelBytes, sum, speech::kModel[0],
              speech::kModel[speech::kModelBytes - 1], (size_t)speech::kModel % 16);
  int start = 0;
  for (int i = 0; i < speech::kNMels; ++i) {
    double energy = 0;
    for (int j = 0; j < speech::kMelCount[i]; ++j) energy += speech::kMelWeights[start + j] * (1 + speech::kMelFirst[i] + j);
    start += speech::kMelCount[i];
    std::printf("%.9g ", energy);
  }
  std::printf("\\n");
  for (float x : speech::kHann) std::printf("%.9g ", x);
  long inputs = 0, outputs = 0;
  for (const auto& one : eyes::kInputs) for (int x : one) inputs += x;
  for (const auto& one : eyes::kExpected) for (int x : one) outputs += x;
  std::printf("\\n%zu %zu %ld %ld\\n", sizeof eyes::kInputs, sizeof eyes::kExpected, inputs, outputs);
  std::printf("%.9g %d %s %.9g\\n", eyes::kOutputScale, eyes::kOutputZeroPoint, speech::kClasses[1],
              fusion::kWeight + 10 * fusion::kToTask[2][1]);
  emolib::Resolver resolver;
  std::printf("%d", emolib::AddOperators(resolver));
  for (const auto& name : resolver.added) std::printf(" %s", name.c_str());
  std::printf("\\n%s", emolib::kRun);
}
"""


def network(shape, last):
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input(shape)
    x = keras.layers.Conv2D(6, 3, strides=2, activation="relu")(x)
    return keras.Model(inputs, last(keras.layers.GlobalAveragePooling2D()(x)))


def windows(shape, n=20):
    return np.random.default_rng(1).normal(size=(n, *shape)).astype(np.float32)


@pytest.fixture(scope="module")
def contents():
    dense, sure = keras.layers.Dense(3), keras.layers.Dense(3, activation="sigmoid")
    lasts = {SPEECH: dense, FACE: keras.layers.Dense(3), EYE: sure}
    return {name: convert(network(shape, lasts[name]), "int8", windows(shape)) for name, shape in SHAPES.items()}


def entry(content, **more):
    return {"sha256": hashlib.sha256(content).hexdigest(), **more}


@pytest.fixture(scope="module")
def bundle(contents, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    for name, content in contents.items():
        (folder / f"{name}.tflite").write_bytes(content)
    fronts = {SPEECH: {"window_s": 1.0, "n_mels": 20, "fmin": 50.0, "fmax": 7000.0}, FACE: {"size": 16}}
    models = {
        name: entry(
            contents[name],
            file=f"{name}.tflite",
            modality=name.split("-")[1],
            classes=["yes", "no", "ünsure"],
            recordings={"sfreq": 16000.0, "kind": "", "channels": []},
            frontend=front,
            standardiser={"mean": 0.5, "std": 0.0, "axis": None},
            normalise="train",
            licence="none",
            versions={},
            fold=0,
        )
        for name, front in fronts.items()
    }
    about = {"file": f"{EYE}.tflite", "licence": "none", "versions": {}}
    eye = entry(contents[EYE], grid={"n_cells": 1, "n_boxes": 1}, min_score=0.25, **about)
    typical = {"mean": [0.1] * 5, "std": [1.0] * 5, "precision": np.eye(5).tolist(), "limit": 3.0}
    to_task = [[1, 0], [0, 1], [0.5, 0.5]]
    members = {
        name: {"weight": weight, "to_task": to_task, "temperature": 0.8, "typicality": typical}
        for name, weight in ((SPEECH, 0.3), (FACE, 0.7))
    }
    studies = {"both": {"classes": ["yes", "no"], "sources": members}}
    record = {"models": models, "detectors": {EYE: eye}, "studies": studies}
    (folder / "bundle.json").write_text(json.dumps({"emolib": "0", "run": RUN, "commit": "c", **record}))
    return folder


@pytest.fixture
def out(bundle, tmp_path):
    firmware.write(bundle, tmp_path / "fw")
    return tmp_path / "fw"


def test_the_same_bundle_gives_the_same_bytes(bundle, out, tmp_path):
    made = firmware.write(bundle, tmp_path / "again")
    written = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in (out, tmp_path / "again")]
    assert written[0] == written[1] and len(written[0]) == 11
    assert set(made) == {"model_own_speech_emotion_loso", "model_own_face_emotion_loso", "model_9_eyes"}
    assert all(row["max_lsb"] <= 1 for row in made.values())


def test_models_may_be_picked_and_only_its_own_files_are_overwritten(bundle, out):
    made = firmware.write(bundle, out, names=[FACE])
    assert list(made) == ["model_own_face_emotion_loso"] and len(list(out.iterdir())) == 2 + 3
    assert "namespace study" not in (out / "emolib_models.h").read_text()
    with pytest.raises(BadParameter, match="nobody"):
        firmware.write(bundle, out, names=["nobody"])
    (out / "main.cc").write_text("mine")
    with pytest.raises(BadParameter, match="holds main.cc, which this command did not write"):
        firmware.write(bundle, out)
    assert (out / "main.cc").read_text() == "mine"


def test_a_float_model_is_refused(bundle, tmp_path):
    shutil.copytree(bundle, tmp_path / "bundle")
    content = convert(network(SHAPES[FACE], keras.layers.Dense(3)), "float32")
    (tmp_path / f"bundle/{FACE}.tflite").write_bytes(content)
    record = json.loads((bundle / "bundle.json").read_text())
    record["models"][FACE]["sha256"] = hashlib.sha256(content).hexdigest()
    (tmp_path / "bundle/bundle.json").write_text(json.dumps(record))
    with pytest.raises(BadArtifact, match="takes FLOAT32 and gives FLOAT32, expected one INT8 each"):
        firmware.write(tmp_path / "bundle", tmp_path / "fw")
    assert not (tmp_path / "fw").exists()


def test_a_compiler_takes_all_of_it(out, contents, tmp_path):
    """The resolver with a stand-in for tflite-micro's header, whose sources are not here."""
    librosa = pytest.importorskip("librosa")
    from scipy.signal import get_window

    if not (compiler := shutil.which("g++") or shutil.which("c++")):
        pytest.skip("no C++ compiler here")
    stub = tmp_path / "tensorflow/lite/micro/micro_mutable_op_resolver.h"
    stub.parent.mkdir(parents=True)
    stub.write_text(STUB)
    (tmp_path / "main.cc").write_text(MAIN)
    flags = ["-std=c++17", "-Wall", "-Wextra", "-pedantic", "-Werror", f"-I{out}", f"-I{tmp_path}"]
    build = [compiler, *flags, tmp_path / "main.cc", *sorted(out.glob("*.cc")), "-o", tmp_path / "main"]
    subprocess.run(build, check=True)
    done = subprocess.run([tmp_path / "main"], check=True, capture_output=True)
    sizes, mels, hann, eyes, told, operators, run = done.stdout.decode().split("\n", 6)
    content = contents[SPEECH]
    assert sizes.split() == [str(n) for n in (len(content), sum(content), content[0], content[-1], 0)]
    bank = librosa.filters.mel(sr=16000, n_fft=512, n_mels=20, fmin=50, fmax=7000)
    np.testing.assert_allclose(np.float64(mels.split()), bank @ np.arange(1, 258), rtol=1e-5)
    np.testing.assert_allclose(np.float64(hann.split()), get_window("hann", 512), atol=1e-7)
    found = firmware.vectors_of(contents[EYE], None, EYE)
    both = found["inputs"], found["outputs"]
    totals = [values.size for values in both] + [values.astype(int).sum() for values in both]
    assert eyes.split() == [str(n) for n in totals]
    port = TFLite(contents[EYE], 1).output
    scale, zero_point, label, weight = told.split()
    assert (np.float32(scale), int(zero_point), label) == (np.float32(port.scale), port.zero_point, "no")
    assert np.float32(weight) == np.float32(5.7)
    assert operators.split() == ["0", "conv", "dense", "logistic", "mean"]
    assert run == RUN
