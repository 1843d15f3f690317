"""What the activations of a network are on calibration windows."""

import warnings

import numpy as np

from emolib.core.errors import BadSet
from emolib.core.windows import Windows, arrays, each, length, shape
from emolib.device.backends import branch_of
from emolib.quantization.flatbuffer import activations


def observed(content: bytes, X: Windows, y: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """The values of every activation tensor, (n, size) each, by name; float32 .tflite, X (n, *shape), or by branch.

    Raises BadSet for windows that are missing, of another shape or not finite, or all of one class by their labels y (n,).
    """
    from ai_edge_litert.interpreter import Interpreter

    with warnings.catch_warnings(action="ignore"):
        interpreter = Interpreter(
            model_content=content, experimental_preserve_all_tensors=True, num_threads=1
        )
    interpreter.allocate_tensors()
    ports = {branch_of(entry["name"]): entry for entry in interpreter.get_input_details()}
    shapes = {name: tuple(map(int, entry["shape"][1:])) for name, entry in ports.items()}
    several = isinstance(X, dict) or len(shapes) > 1
    X = check_calibration(X, shapes if several else next(iter(shapes.values())), y)
    tensors = activations(content)
    found = {name: np.empty((length(X), int(np.prod(t.shape))), np.float32) for name, t in tensors.items()}
    for i in range(length(X)):
        for name, entry in ports.items():
            interpreter.set_tensor(entry["index"], (X[name] if several else X)[i : i + 1])
        interpreter.invoke()
        for name, tensor in tensors.items():
            found[name][i] = interpreter.get_tensor(tensor.index).ravel()
    return found


def check_calibration(X: Windows | None, expected, y: np.ndarray | None = None) -> Windows:
    """X (n, *expected), of several branches `expected` by branch, as float32.

    `y` (n,), the labels, must be of more than one class. Raises BadSet where X cannot show the range of the
    activations.
    """
    if X is None or length(X) == 0:
        raise BadSet("Got no calibration windows: pass about 100 of the training subjects.")
    X = each(lambda x: np.asarray(x, np.float32), X)
    if shape(X) != expected:
        raise BadSet(f"Calibration windows have shape {shape(X)}, expected {expected} as the model takes.")
    finite = [np.isfinite(x).all(axis=tuple(range(1, x.ndim))) for x in arrays(X)]
    bad = int((~np.all(finite, axis=0)).sum())
    if bad:
        raise BadSet(f"{bad} of {length(X)} calibration windows hold NaN or infinity: drop them before.")
    if y is not None and len(np.unique(y)) < 2:
        raise BadSet(f"All {length(X)} calibration windows are of class {y[0]}: draw them from every class.")
    return X
