"""Draws a face from its portrait: anti-aliased shapes from signed distances, many frames at once.

Face coordinates: u to the viewer's right, v down, the chin at v = 1, the top of the forehead at v = -1.
Every array in here broadcasts to (n_frames, size, size).
"""

from types import SimpleNamespace

import numpy as np

EYE_U, EYE_V, EYE_W, EYE_H = 0.34, -0.14, 0.17, 0.12
MOUTH_V = 0.50
HALF_HEIGHT = 0.45  # of the picture's side, at scale 1
YAW_SHIFT, PITCH_SHIFT = 0.25, 0.15


class Portrait(SimpleNamespace):
    """A `person`, as `face.person` draws one by lot, in n frames; the rest are arrays (n_frames,).

    smile -1 … 1; mouth_open 0 … 1; eye_open 0 (shut) … 1.3; brow_raise -1 … 1; frown -1 (worry) … 1 (anger).
    yaw, pitch -1 … 1; roll in radians; shift_x, shift_y in sides of the picture; scale 1 nearly fills it.
    light_x, light_y -1 … 1, where light comes from; brightness 1 is neutral.
    """

    def changed(self, **fields) -> "Portrait":
        return Portrait(**vars(self) | fields)

    def columns(self) -> "Portrait":
        """The same with every array as (n_frames, 1, 1), to broadcast over pixels."""
        arrays = {name: np.reshape(each, (-1, 1, 1)) for name, each in vars(self).items() if name != "person"}
        return self.changed(**arrays)


def ellipse(u, v, u0, v0, a, b):
    """Signed distance, negative inside, to an axis-parallel ellipse; exact at the rim to first order."""
    x, y = (u - u0) / a, (v - v0) / b
    k = np.sqrt(x * x + y * y)
    return k * (k - 1) / (np.sqrt((x / a) ** 2 + (y / b) ** 2) + 1e-6)


def stroke(u, v, u0, half, height, slope, thickness):
    """Signed distance to a line v = height(x) of the given thickness over x = u - u0 in ±half."""
    x = np.clip(u - u0, -half, half)
    return np.hypot(u - u0 - x, (v - height(x)) / np.sqrt(1 + slope**2)) - thickness


class Canvas:
    """Pictures (3, n_frames, size, size) in 0–255 that shapes are painted on; alpha is what they cover."""

    def __init__(self, n_frames: int, size: int, pixel):
        self.rgb = np.zeros((3, n_frames, size, size), np.float32)
        self.alpha = np.zeros((n_frames, size, size), np.float32)
        self.pixel = pixel

    def cover(self, distance, blur: float = 0.0) -> np.ndarray:
        """How much of each pixel lies inside, 0–1; blur in face units softens the rim."""
        return np.clip(0.5 - distance / (self.pixel + blur), 0, 1)

    def paint(self, mask: np.ndarray, colour, opacity: float = 1.0):
        mask = np.asarray(opacity * mask, np.float32)
        for channel, value in zip(self.rgb, colour, strict=True):
            channel += mask * (np.float32(value) - channel)
        self.alpha += mask * (1 - self.alpha)

    def fill(self, distance, colour, opacity: float = 1.0, blur: float = 0.0):
        self.paint(self.cover(distance, blur), colour, opacity)


def paint_head(canvas: Canvas, person: SimpleNamespace, u, v):
    """Hair behind, neck, shirt, ears, face. The signed distance to the outline of the face is returned."""
    width = person.width
    hair = ellipse(u, v, 0, -0.22, width + 0.12, 0.95)
    if person.long_hair:
        hair = np.minimum(hair, np.maximum(np.abs(u) - width - 0.1, np.abs(v - 0.4) - 0.75))
    canvas.fill(hair, person.hair)
    canvas.fill(ellipse(u, v, 0, 1.95, 1.25, 0.75), person.shirt)
    canvas.fill(np.maximum(np.abs(u) - 0.32, np.abs(v - 0.95) - 0.4), 0.82 * person.skin)
    canvas.fill(ellipse(np.abs(u), v, width, 0.0, 0.12, 0.2), 0.9 * person.skin)
    face = ellipse(u / (1 - person.jaw * np.clip(v, 0, 1) ** 2), v, 0, 0, width, 1)  # narrow towards the chin
    canvas.fill(face, person.skin)
    if person.beard:
        canvas.fill(np.maximum(face, 0.62 - v - 0.35 * (u / width) ** 2), person.hair, 0.75, blur=0.1)
    return face


def paint_eyes(canvas: Canvas, p: Portrait, u, v):
    """Whites, irises, lids, brows, glasses. Both eyes at once, mirrored: x grows outwards from the nose."""
    person = p.person
    gap, a, b = EYE_U * person.eye_gap, EYE_W * person.eye_size, EYE_H * person.eye_size * p.eye_open + 0.008
    x, flat = np.abs(u), 0 * u
    white = ellipse(x, v, gap, EYE_V, a, b)
    canvas.fill(ellipse(x, v, gap, EYE_V - 0.02, a * 1.3, EYE_H * 1.6), 0.8 * person.skin, 0.5, blur=0.12)
    canvas.fill(white, (245, 243, 240))
    radius = 0.085 * person.eye_size
    for size, colour in ((radius, person.iris), (0.55 * radius, (15, 12, 12))):
        canvas.fill(np.maximum(white, np.hypot(x - gap, v - EYE_V) - size), colour)
    glint = np.hypot(u - np.sign(u) * gap - 0.025, v - EYE_V + 0.03) - 0.018
    canvas.fill(np.maximum(white, glint), (255, 255, 255))
    lid = stroke(x, v, gap, a, lambda s: EYE_V - b * np.sqrt(np.maximum(1 - (s / a) ** 2, 0)), 0, 0.018)
    canvas.fill(lid, 0.35 * person.hair)
    lift, tilt = -0.40 - 0.08 * p.brow_raise, -0.55 * p.frown
    brow = stroke(x, v, gap, 0.2, lambda s: lift + tilt * s + 1.2 * s * s + flat, tilt, 0.034 * person.brow)
    canvas.fill(brow, 0.7 * person.hair)
    if person.glasses:
        ring = np.abs(ellipse(x, v, gap, EYE_V + 0.02, 0.235, 0.19)) - 0.018
        bridge = np.maximum(x - (gap - 0.22), np.abs(v - EYE_V) - 0.016)
        canvas.fill(np.minimum(ring, bridge), (40, 36, 36), 0.85)


def paint_nose(canvas: Canvas, p: Portrait, u, v):
    """Nose, cheeks (rounder and redder with a smile), the frown's crease."""
    person, smile = p.person, np.clip(p.smile, 0, 1)
    dark = 0.72 * person.skin
    cheeks = canvas.cover(ellipse(np.abs(u), v, 0.43, 0.2, 0.2, 0.16), 0.2)
    canvas.paint(cheeks * (0.1 + 0.35 * smile), person.skin * (1.0, 0.72, 0.68))
    side = stroke(v, u, -0.02, 0.2 * person.nose, lambda s: 0.06 + 0.12 * np.abs(s), 0, 0.012)
    canvas.fill(side, dark, 0.55, blur=0.05)
    tip = 0.22 * person.nose
    canvas.fill(ellipse(u, v, 0, tip, 0.14, 0.07), 0.88 * person.skin, 0.8, blur=0.06)
    canvas.fill(ellipse(np.abs(u), v, 0.07, tip + 0.04, 0.04, 0.022), 0.4 * person.skin, 0.9)
    crease = np.maximum(np.abs(np.abs(u) - 0.05) - 0.012, np.abs(v + 0.36) - 0.07)
    canvas.paint(canvas.cover(crease, 0.03) * np.clip(p.frown, 0, 1), dark, 0.8)
    fold = stroke(v, np.abs(u), 0.36, 0.14, lambda s: 0.30 + 0.45 * (s + 0.14), 0.45, 0.012)
    canvas.paint(canvas.cover(fold, 0.04) * (0.2 + 0.6 * smile), dark, 0.7)


def mouth_shape(p: Portrait, u) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Upper and lower edge (v) of the mouth's opening over u, and its half width."""
    half = 0.31 * p.person.mouth * (1 + 0.22 * p.smile - 0.15 * p.mouth_open)
    rise = np.clip(1 - (u / half) ** 2, 0, 1)
    line = MOUTH_V + 0.28 * p.smile * (rise - 0.55)
    return line - 0.07 * p.mouth_open * rise, line + 0.28 * p.mouth_open * rise, half


def paint_mouth(canvas: Canvas, p: Portrait, u, v):
    upper, lower, half = mouth_shape(p, u)
    side, between = np.abs(u) - half, np.maximum(upper - v, v - lower)
    inside = np.maximum(between, side)
    lips = np.maximum(between - 0.045 * np.clip(-side / half * 2.5, 0.3, 1), side - 0.02)
    skin = p.person.skin
    canvas.fill(lips, skin * (0.82, 0.5, 0.5))
    canvas.fill(inside - 0.01, (60, 20, 24))
    teeth = np.maximum(inside, v - upper - 0.4 * (lower - upper))
    canvas.paint(canvas.cover(teeth) * np.clip(4 * p.mouth_open - 0.4, 0, 1), (240, 236, 228))
    canvas.fill(ellipse(u, v, 0, MOUTH_V + 0.24, 0.16, 0.03), 0.8 * skin, 0.5, blur=0.08)


def render(portrait: Portrait, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Colours, (n_frames, size, size, 3) in 0–255, and what is covered, (n_frames, size, size) in 0–1."""
    p = portrait.columns()
    y, x = (np.mgrid[:size, :size] + 0.5) / size - 0.5
    x, y, unit = x - p.shift_x, y - p.shift_y, HALF_HEIGHT * p.scale
    u = ((x * np.cos(p.roll) + y * np.sin(p.roll)) / unit).astype(np.float32)  # on the flat head
    v = ((y * np.cos(p.roll) - x * np.sin(p.roll)) / unit).astype(np.float32)
    canvas = Canvas(len(u), size, (1 / (size * HALF_HEIGHT * p.scale)).astype(np.float32))
    width, fringe = p.person.width, p.person.fringe
    face = paint_head(canvas, p.person, u, v)
    uf = u - YAW_SHIFT * p.yaw * np.clip(1 - (u / width) ** 2, 0, 1)
    vf = v - PITCH_SHIFT * p.pitch * np.clip(1 - v**2, 0, 1)
    paint_nose(canvas, p, uf, vf)
    paint_eyes(canvas, p, uf, vf)
    paint_mouth(canvas, p, uf, vf)
    canvas.fill(np.maximum(face - 0.03, v + 0.72 - fringe * (u + 0.2) ** 2), p.person.hair)
    round_off = 1 - 0.22 * np.clip((u / width) ** 2 + (v / 1.1) ** 2, 0, 1.5)
    side_light = p.light_x * np.clip(u, -1, 1) + p.light_y * np.clip(v, -1, 1)
    light = p.brightness * round_off * (1 + 0.3 * side_light)
    return np.moveaxis(np.clip(canvas.rgb * light, 0, 255), 0, -1), canvas.alpha
