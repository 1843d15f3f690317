"""What a page sends: a small picture or a piece of sound, as raw samples. Nothing is decoded, so nothing can go off."""

import math

import numpy as np

from emolib.device.page.session import Refused

SIDES = (16, 640)  # pixels
RATES = (8_000, 192_000)  # Hz
MAX_BYTES = SIDES[1] ** 2 * 4


def number(query: dict[str, str], name: str, least: float, most: float) -> float:
    """A number of the query. Raises Refused where it is missing, none, or out of range."""
    try:
        value = float(query[name])
    except (KeyError, ValueError):
        value = math.nan
    if not least <= value <= most:
        raise Refused(400, f"{name}: got {query.get(name, 'nothing')}, expected {least:g} to {most:g}.")
    return value


def picture(body: bytes, query: dict[str, str]) -> np.ndarray:
    """(height, width, 3) uint8 of red, green, blue, opacity bytes, row by row. Raises Refused."""
    width, height = (number(query, name, *SIDES) for name in ("width", "height"))
    if not (width.is_integer() and height.is_integer() and len(body) == width * height * 4):
        raise Refused(400, f"A picture of {len(body)} bytes, expected {width:g} × {height:g} × 4.")
    rgba = np.frombuffer(body, np.uint8).reshape(int(height), int(width), 4)
    return np.ascontiguousarray(rgba[..., :3])


def sound(body: bytes, query: dict[str, str]) -> np.ndarray:
    """(n_times,) float32 of little-endian float32, one channel. Raises Refused."""
    if not body or len(body) % 4:
        raise Refused(400, f"Sound of {len(body)} bytes, expected 4 a sample, at least one.")
    return np.frombuffer(body, "<f4").astype(np.float32)


BODIES = {"face": picture, "speech": sound}
