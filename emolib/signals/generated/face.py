"""Faces: what a trial's affect does to brows, eyes, mouth and head, and where the regions of a face lie."""

from types import SimpleNamespace

import numpy as np

from emolib.signals.generated import drawing
from emolib.signals.generated.affect import Affect
from emolib.signals.generated.drawing import Portrait

SFREQ = 1.0  # frames a second
SIZE = 48
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
SKINS = np.array([[246, 216, 190], [232, 190, 160], [205, 155, 118], [160, 108, 76], [112, 74, 54]], float)
HAIRS = np.array([[38, 30, 28], [82, 54, 36], [140, 98, 56], [206, 172, 110], [150, 148, 146]], float)
IRISES = np.array([[86, 56, 34], [70, 110, 150], [84, 120, 76]], float)


def person(rng: np.random.Generator) -> SimpleNamespace:
    """A random person: proportions (dimensionless), and colours, (3,) in 0–255."""
    long_hair, tone = rng.uniform() < 0.45, rng.integers(len(SKINS))
    shades = HAIRS if tone < 2 else HAIRS[[0, 1, 4]]
    return SimpleNamespace(
        width=rng.uniform(0.72, 0.84),
        jaw=rng.uniform(0.05, 0.22),
        eye_gap=rng.uniform(0.94, 1.08),
        eye_size=rng.uniform(0.92, 1.12),
        brow=rng.uniform(0.8, 1.5),
        nose=rng.uniform(0.9, 1.2),
        mouth=rng.uniform(0.9, 1.12),
        fringe=rng.uniform(0.0, 0.5),
        long_hair=long_hair,
        glasses=rng.uniform() < 0.2,
        beard=not long_hair and rng.uniform() < 0.3,
        skin=np.clip(SKINS[tone] + rng.normal(0, 5, 3), 0, 255),
        hair=np.clip(shades[rng.integers(len(shades))] + rng.normal(0, 5, 3), 0, 255),
        iris=IRISES[rng.integers(len(IRISES))],
        shirt=rng.uniform(40, 220, 3),
    )


def expression(valence, arousal, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What a face does at (valence, arousal), each (n_frames,): fields of Portrait.

    Corners of the mouth follow valence; mouth, eyes and brows open with arousal; where valence is low, the
    brows go down in anger (arousal high) and up at the inner ends in sadness.
    """
    n = len(valence)
    shut = np.where(rng.uniform(size=n) < 0.08, 0.0, 1.0)
    displeased = 1 / (1 + np.exp(3 * valence))
    return {
        "smile": np.tanh(0.8 * valence + rng.normal(0, 0.15, n)),
        "mouth_open": np.clip(0.28 + 0.28 * arousal + rng.normal(0, 0.12, n), 0, 1),
        "eye_open": shut * np.clip(0.8 + 0.25 * arousal + rng.normal(0, 0.05, n), 0.2, 1.3),
        "brow_raise": np.clip(0.4 * arousal * (1 - 1.2 * displeased) + rng.normal(0, 0.2, n), -1, 1),
        "frown": np.clip(displeased * np.tanh(1.2 * arousal) + rng.normal(0, 0.15, n), -1, 1),
    }


def pose(n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Head pose and light of n frames, each (n,): a random setting that sways a little between frames."""
    deviations = {
        "yaw": (0, 0.2, 0.1),
        "pitch": (0, 0.2, 0.1),
        "roll": (0, 0.05, 0.03),
        "shift_x": (0, 0.012, 0.01),
        "shift_y": (0.02, 0.012, 0.01),
        "scale": (1, 0.03, 0.015),
        "light_x": (0, 0.35, 0.05),
        "light_y": (-0.2, 0.25, 0.05),
        "brightness": (1.1, 0.1, 0.02),
    }
    drawn = deviations.items()
    return {name: mean + rng.normal(0, one) + rng.normal(0, sway, n) for name, (mean, one, sway) in drawn}


def portrait(affect: Affect) -> Portrait:
    """The face of a trial, one frame a second, before it is drawn."""
    rng = affect.trial_rng("face")
    n_frames = int(affect.trial_s * SFREQ)
    valence, arousal = affect.shown("face", (np.arange(n_frames) + 0.5) / SFREQ)
    shown = expression(valence, arousal, rng) | pose(n_frames, rng)
    return Portrait(person=person(affect.person_rng("face")), **shown)


def recording(affect: Affect) -> np.ndarray:
    """Grey frames of a trial at SFREQ before a plain wall, with sensor noise, (n_frames, 48, 48) uint8."""
    rng = affect.trial_rng("face").spawn(1)[0]
    rgb, alpha = drawing.render(portrait(affect), SIZE)
    wall = rng.uniform(60, 210) + rng.normal(0, 25) * np.linspace(-1, 1, SIZE)
    grey = alpha * (rgb @ LUMA) + (1 - alpha) * wall.astype(np.float32)
    return np.clip(np.rint(grey + rng.normal(0, 4, grey.shape)), 0, 255).astype(np.uint8)


def turned(p: Portrait, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where yaw and pitch carry points (u, v) of the features on the flat head, by iteration."""
    flat_u, flat_v = u, v
    for _ in range(8):
        flat_u = u + drawing.YAW_SHIFT * p.yaw * np.clip(1 - (flat_u / p.person.width) ** 2, 0, 1)
        flat_v = v + drawing.PITCH_SHIFT * p.pitch * np.clip(1 - flat_v**2, 0, 1)
    return np.broadcast_arrays(flat_u, flat_v)


def face_regions(shown: Portrait, size: int = SIZE) -> dict[str, np.ndarray]:
    """Boxes x1 y1 x2 y2 in pixels, each (n_frames, 4): face (forehead to chin), mouth, eyes and cheeks. left and right
    are the viewer's."""
    p = shown.columns()
    upper, lower, half = drawing.mouth_shape(p, np.linspace(-0.4, 0.4, 81))
    top, bottom = upper.min(axis=(1, 2), keepdims=True) - 0.045, lower.max(axis=(1, 2), keepdims=True) + 0.045
    ellipses = {"mouth": (0.0, (top + bottom) / 2, half + 0.02, (bottom - top) / 2)}  # u0, v0, half axes
    gap, eye = drawing.EYE_U * p.person.eye_gap, p.person.eye_size
    axes = 1.2 * drawing.EYE_W * eye, 1.3 * drawing.EYE_H * eye
    for name, side in (("left", -1), ("right", 1)):
        ellipses[f"{name}_eye"] = side * gap, drawing.EYE_V, *axes
        ellipses[f"{name}_cheek"] = side * 0.43, 0.2, 0.2, 0.16
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    rims = {"face": (cos * p.person.width * (1 - p.person.jaw * np.clip(sin, 0, 1) ** 2), sin)}
    rims |= {name: turned(p, u0 + a * cos, v0 + b * sin) for name, (u0, v0, a, b) in ellipses.items()}
    boxes, unit = {}, drawing.HALF_HEIGHT * p.scale
    for name, (u, v) in rims.items():
        x = (unit * (u * np.cos(p.roll) - v * np.sin(p.roll)) + p.shift_x + 0.5) * size
        y = (unit * (v * np.cos(p.roll) + u * np.sin(p.roll)) + p.shift_y + 0.5) * size
        boxes[name] = np.concatenate([x.min(axis=2), y.min(axis=2), x.max(axis=2), y.max(axis=2)], axis=1)
    return boxes
