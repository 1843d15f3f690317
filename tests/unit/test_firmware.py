"""A bundle as C++, compiled where there is a compiler."""

import hashlib
import json
import shutil
import subprocess

import bundles
import keras
import librosa
import numpy as np
import pytest

from emolib.core.errors import BadArtifact, BadParameter
from emolib.device.backends import TFLite
from emolib.quantization.firmware import files as firmware
from emolib.quantization.ptq import convert

pytest.importorskip("tflite_micro", reason="tflite-micro is for x86-64 Linux only")
SPEECH, FACE, EYE = "synthetic-speech-emotion-loso", "synthetic-face-emotion-loso", "9-eyes"
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
  TfLiteStatus AddReshape() { return Add("reshape"); }
  TfLiteStatus AddMean() { return Add("mean"); }
  TfLiteStatus AddLogistic() { return Add("logistic"); }
}; }
"""
MAIN = """#include <cstdio>
#include "emolib_models.h"
#include "emolib_resolver.h"
#include "model_9_eyes_reference.h"
namespace speech = emolib::model_synthetic_speech_emotion_loso;
namespace eyes = emolib::model_9_eyes;
namespace fusion = emolib::study_all::model_synthetic_face_emotion_loso;
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
  long inputs = 0, outputs = 0;
  for (const auto& one : eyes::kInputs) for (int x : one) inputs += x;
  for (const auto& one : eyes::kExpected) for (int x : one) outputs += x;
  std::printf("%zu %zu %ld %ld\\n", sizeof eyes::kInputs, sizeof eyes::kExpected, inputs, outputs);
  std::printf("%.9g %d %s %.9g\\n", eyes::kOutputScale, eyes::kOutputZeroPoint, speech::kClasses[1],
              fusion::kWeight + 10 * fusion::kToTask[2][2]);
  emolib::Resolver resolver;
  std::printf("%d", emolib::AddOperators(resolver));
  for (const auto& name : resolver.added) std::printf(" %s", name.c_str());
  std::printf("\\n%s", emolib::kRun);
}
"""


def eye(variant):
    """A detector's file, of sigmoids that nobody trained."""
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((32, 32, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(6, 3, strides=2, activation="relu")(x))
    model = keras.Model(inputs, keras.layers.Dense(3, activation="sigmoid")(x))
    return convert(model, variant, np.random.default_rng(1).normal(size=(20, 32, 32, 3)))


def write(folder, variant="int8"):
    """A bundle of four models, a study and a detector, whose run has an odd name."""
    record = json.loads((bundles.write(folder) / "bundle.json").read_text())
    (folder / f"{EYE}.tflite").write_bytes(content := eye(variant))
    told = {"grid": {"n_cells": 1, "n_boxes": 1}, "min_score": 0.25, "licence": "none", "versions": {}}
    record["detectors"][EYE] = told | {"file": f"{EYE}.tflite", "sha256": hashlib.sha256(content).hexdigest()}
    record["models"][SPEECH]["frontend"] |= {"fmin": 50.0, "fmax": 7000.0}
    record |= {"emolib": "0", "run": RUN, "commit": "c"}
    (folder / "bundle.json").write_text(json.dumps(record))
    return folder


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return write(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def out(bundle, tmp_path):
    firmware.write(bundle, tmp_path / "fw")
    return tmp_path / "fw"


def test_the_same_bundle_gives_the_same_bytes(bundle, out, tmp_path):
    made = firmware.write(bundle, tmp_path / "again")
    written = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in (out, tmp_path / "again")]
    assert written[0] == written[1] and len(written[0]) == 2 + 3 * 6
    assert len(made) == 6 and {"model_synthetic_face_emotion_loso", "model_9_eyes"} < made.keys()
    assert all(row["max_lsb"] <= 1 for row in made.values())


def test_models_may_be_picked_and_only_its_own_files_are_overwritten(bundle, out):
    made = firmware.write(bundle, out, names=[FACE])
    assert list(made) == ["model_synthetic_face_emotion_loso"] and len(list(out.iterdir())) == 2 + 3
    assert "namespace study" not in (out / "emolib_models.h").read_text()
    with pytest.raises(BadParameter, match="nobody"):
        firmware.write(bundle, out, names=["nobody"])
    (out / "main.cc").write_text("mine")
    with pytest.raises(BadParameter, match="holds main.cc, which this command did not write"):
        firmware.write(bundle, out)
    assert (out / "main.cc").read_text() == "mine"


def test_a_float_model_is_refused(tmp_path):
    with pytest.raises(BadArtifact, match="takes FLOAT32 and gives FLOAT32, expected one INT8 each"):
        firmware.write(write(tmp_path / "bundle", "float32"), tmp_path / "fw")
    assert not (tmp_path / "fw").exists()


def test_a_compiler_takes_all_of_it(bundle, out, tmp_path):
    """The resolver with a stand-in for tflite-micro's header, whose sources are not here."""
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
    sizes, mels, eyes, told, operators, run = done.stdout.decode().split("\n", 5)
    content, detector = ((bundle / f"{name}.tflite").read_bytes() for name in (SPEECH, EYE))
    assert sizes.split() == [str(n) for n in (len(content), sum(content), content[0], content[-1], 0)]
    bank = librosa.filters.mel(sr=16000, n_fft=512, n_mels=40, fmin=50, fmax=7000)
    np.testing.assert_allclose(np.float64(mels.split()), bank @ np.arange(1, 258), rtol=1e-5)
    found = firmware.vectors_of(detector, None, EYE)
    both = found["inputs"], found["outputs"]
    totals = [values.size for values in both] + [values.astype(int).sum() for values in both]
    assert eyes.split() == [str(n) for n in totals]
    port = TFLite(detector, 1).output
    scale, zero_point, label, weight = told.split()
    assert (np.float32(scale), int(zero_point), label) == (np.float32(port.scale), port.zero_point, "angry")
    assert np.float32(weight) == np.float32(10.4)
    assert operators.split() == ["0", "conv", "dense", "logistic", "mean", "reshape"]
    assert run == RUN
