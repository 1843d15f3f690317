"""Reads the C++ files of a firmware back and asks tflite-micro whether they give the scores that they promise."""

import hashlib
import re
from pathlib import Path

import numpy as np

from emolib.core.errors import BadArtifact
from emolib.device.backends import Micro
from emolib.device.interpreter import check_backend
from emolib.quantization.firmware import cpp
from emolib.quantization.firmware.vectors import lsb, outputs


def check(out: Path) -> dict[str, dict[str, int]]:
    """vectors and lsb of each model: how many were tried, and how far tflite-micro is from what they expect.

    Raises BadArtifact for a file that is missing or altered, or an answer further away than the firmware says.
    """
    check_backend("tflite_micro", 1)
    return {name: checked(Path(out), name) for name in included(Path(out))}


def included(out: Path) -> list[str]:
    """The models of a firmware, by their C++ names. Raises BadArtifact."""
    return re.findall(r'#include "(model_\w+)\.h"', text(out / "emolib_models.h"))


def checked(out: Path, name: str) -> dict[str, int]:
    micro = Micro(model(out, name))
    file = out / f"{name}_reference.h"
    told = text(file)
    shape = (-1, int(np.prod(micro.inputs[0].shape)))
    inputs = int8(cpp.array(told, "kInputs", str(file)), shape, file)
    found = outputs(micro, inputs)
    expected = int8(cpp.array(told, "kExpected", str(file)), found.shape, file)
    apart, allowed = lsb(found, expected), int(cpp.single(told, "kMaxLsb", str(file)))
    if apart > allowed:
        raise BadArtifact(
            f"{file}: tflite-micro is {apart} steps from the outputs that it expects, allowed are {allowed}: "
            "write the firmware again."
        )
    return {"vectors": len(inputs), "lsb": apart}


def model(out: Path, name: str) -> bytes:
    """The .tflite file in name.cc. Raises BadArtifact unless its sha256 is the one that name.h tells."""
    file = out / f"{name}.cc"
    values = cpp.array(text(file), "kModel", str(file))
    content = values.astype(np.uint8).tobytes()
    told = cpp.single(text(out / f"{name}.h"), "kSha256", f"{name}.h")
    if (found := hashlib.sha256(content).hexdigest()) != told:
        raise BadArtifact(
            f"{file} is not the model that was written (sha256 {found[:12]}, expected {told[:12]}): "
            "write the firmware again."
        )
    return content


def int8(values: np.ndarray, shape: tuple[int, ...], file: Path) -> np.ndarray:
    """Values (n,) as int8 of this shape. Raises BadArtifact where they do not fit."""
    try:
        fitted = values.reshape(shape)
    except ValueError as error:
        raise BadArtifact(f"{file}: {error}, expected whole vectors: write the firmware again.") from error
    if np.abs(fitted + 0.5).max() > 127.5:
        raise BadArtifact(
            f"{file}: got {fitted.min()} to {fitted.max()}, expected int8: write the firmware again."
        )
    return fitted.astype(np.int8)


def text(file: Path) -> str:
    """Raises BadArtifact for a missing file, or one that is no text."""
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadArtifact(
            f"{file} cannot be read ({error}), expected a firmware's: write it again."
        ) from error
