"""int8 models on litert beside the same network in float32, on litert and onnxruntime, and in int8 on onnxruntime.

`python benchmarks/models.py models` takes a bundle with its float32 networks (`emolib export --keras`); `--h5 FILE` adds a
Keras file of someone else's, such as the public mini-Xception (64 × 64 × 1); `--write` puts the table into
benchmarks/README.md.
"""

import argparse
from pathlib import Path

import keras
import numpy as np
import onnxruntime
import page
from turns import ratio, side_by_side

from emolib.device.bundle import Bundle
from emolib.device.interpreter import Model
from emolib.quantization import onnx, ptq

N_CALIBRATION, N_TURNS, RUNS = 20, 60, 20  # RUNS: of a model in one turn
PACKAGES = ("ai-edge-litert", "onnxruntime", "tensorflow-cpu", "keras")
TEXT = """\
## Models

`python benchmarks/models.py models --write`: one window, one thread, in turns in one process; a ratio of 3 means that int8 on
litert takes a third of the time. ONNX files have the same weights; those in int8 are QDQ, with the ranges of the same windows.
On this processor: what a phone or a microcontroller makes of int8 is another matter.

{table}

Machine: {machine}.
"""


def sessions(model: keras.Model, X: np.ndarray) -> dict[str, object]:
    """A function of one window for the float32 and the int8 file of onnxruntime."""
    plain = onnx.export(model)
    ranges = {name: (float(a.min()), float(a.max())) for name, a in onnx.observed(plain, X).items()}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    window = np.ascontiguousarray(np.moveaxis(X[:1], -1, 1))

    def call(content: bytes):
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        return lambda: [session.run(None, {onnx.INPUT: window}) for _ in range(RUNS)]

    return {"float32 on onnxruntime": call(plain), "int8 on onnxruntime": call(onnx.to_qdq(plain, ranges))}


def rows(name: str, model: keras.Model, int8: bytes | None = None) -> list[tuple[str, ...]]:
    """A row for each other way to run a network beside its int8 file on litert."""
    X = np.random.default_rng(0).standard_normal((N_CALIBRATION, *model.input_shape[1:])).astype(np.float32)
    int8 = int8 or ptq.convert(model, "int8", X)
    with Model(int8) as own, Model(ptq.convert(model, "float32")) as plain:
        others = {"float32 on litert": lambda: plain.times(X[0], RUNS)} | sessions(model, X)
        first, *seconds = side_by_side(lambda: own.times(X[0], RUNS), *others.values(), n=N_TURNS)
    us = f"{1e6 * np.median(first) / RUNS:.0f}"
    return [(name, us, what, ratio(other, first)) for what, other in zip(others, seconds, strict=True)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--h5", type=Path, help="a Keras file of someone else's")
    parser.add_argument("--write", action="store_true", help="into benchmarks/README.md")
    options = parser.parse_args()
    bundle, found = Bundle(options.bundle), []
    for name, entry in bundle.models.items():
        if name.endswith("-lda"):  # one layer, which the ONNX exporter does not take
            continue
        network = keras.models.load_model(options.bundle / f"{name}.keras")
        found += rows(name, network, (options.bundle / entry["file"]).read_bytes())
    if options.h5:
        found += rows(options.h5.stem, keras.models.load_model(options.h5, compile=False))
    table = page.table(("network", "int8 on litert, µs", "beside", "times as fast (quartiles)"), found)
    text = TEXT.format(table=table, machine=page.machine(PACKAGES))
    page.show("models", text, options.write)


if __name__ == "__main__":
    main()
