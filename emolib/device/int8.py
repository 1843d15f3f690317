"""int8 values and the real numbers they stand for: real = scale · (int8 - zero_point)."""

import numpy as np


def quantize(x: np.ndarray, scale: float, zero_point: int) -> np.ndarray:
    """int8 array of the shape of x; what lies outside the range is clipped to -128 or 127.

    Source: Jacob et al. 2018, eq. 1, rounding halves to even.
    """
    return np.clip(np.rint(x / np.float32(scale) + zero_point), -128, 127).astype(np.int8)


def dequantize(q: np.ndarray, scale: float, zero_point: int) -> np.ndarray:
    """float32 array of the shape of q (int8)."""
    return (q.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)


def apart(logits: np.ndarray, others: np.ndarray, step: float) -> dict[str, int]:
    """Of logits (n, n_classes): their largest difference in steps of the int8 output, windows with another class."""
    return {
        "lsb": round(np.abs(logits - others).max() / step),
        "other_answers": int((logits.argmax(axis=1) != others.argmax(axis=1)).sum()),
    }
