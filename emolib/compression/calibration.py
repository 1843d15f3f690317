"""What the activations of a network are on calibration windows."""

import warnings

import numpy as np

from emolib.compression.flatbuffer import activations
from emolib.errors import BadSet


def observed(content: bytes, X: np.ndarray, y: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """The values of every activation tensor, (n, size) each, by name; float32 .tflite, X (n, *shape).

    Raises BadSet for windows that are missing, of another shape or not finite, or all of one class by their labels y (n,).
    """
    from ai_edge_litert.interpreter import Interpreter

    with warnings.catch_warnings(action="ignore"):
        interpreter = Interpreter(
            model_content=content, experimental_preserve_all_tensors=True, num_threads=1
        )
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]
    X = check_calibration(X, tuple(entry["shape"][1:]), y)
    tensors = activations(content)
    found = {name: np.empty((len(X), int(np.prod(t.shape))), np.float32) for name, t in tensors.items()}
    for i, window in enumerate(X):
        interpreter.set_tensor(entry["index"], window[None])
        interpreter.invoke()
        for name, tensor in tensors.items():
            found[name][i] = interpreter.get_tensor(tensor.index).ravel()
    return found


def check_calibration(
    X: np.ndarray | None, shape: tuple[int, ...], y: np.ndarray | None = None
) -> np.ndarray:
    """X (n, *shape) as float32. Raises BadSet where it cannot show the range of the activations.

    `y` (n,), the labels, must be of more than one class.
    """
    if X is None or len(X) == 0:
        raise BadSet("Got no calibration windows: pass about 100 of the training subjects.")
    X = np.asarray(X, np.float32)
    if X.shape[1:] != shape:
        raise BadSet(f"Calibration windows have shape {X.shape[1:]}, expected {shape} as the model takes.")
    bad = int((~np.isfinite(X)).any(axis=tuple(range(1, X.ndim))).sum())
    if bad:
        raise BadSet(f"{bad} of {len(X)} calibration windows hold NaN or infinity: drop them before.")
    if y is not None and len(np.unique(y)) < 2:
        raise BadSet(f"All {len(X)} calibration windows are of class {y[0]}: draw them from every class.")
    return X
