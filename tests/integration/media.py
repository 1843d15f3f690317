"""What a fake camera and microphone give: faces and voices of the synthetic corpus, as files that Chromium plays in a loop."""

import wave
from pathlib import Path

import numpy as np

from emolib.signals.generated import face, scenes, speech
from emolib.signals.generated.affect import QUADRANTS, Affect
from emolib.signals.generated.drawing import Portrait

WIDTH, HEIGHT, FPS = 320, 240, 5
SIDE, CORNER = 200, (60, 20)  # of the patch that a face is drawn in
MOODS, MOOD_S = ("happy", "sad"), 3


def picture(mood: str, person, rng: np.random.Generator) -> np.ndarray:
    """(HEIGHT, WIDTH, 3) uint8: a person in a mood, before a plain wall."""
    felt = np.array(QUADRANTS[mood])[:, None] + rng.normal(0, 0.1, (2, 1))
    shown = Portrait(person=person, **face.expression(*felt, rng) | {"eye_open": np.ones(1)}, **face.pose(1, rng))
    image = np.full((HEIGHT, WIDTH, 3), 150, np.float32)
    scenes.paste(image, shown, SIDE, np.array(CORNER))
    return np.clip(np.rint(image + rng.normal(0, 3, image.shape)), 0, 255).astype(np.uint8)


def film(path: Path):
    """One person in every mood for MOOD_S seconds each, as y4m: luma, and chroma of half the size, by ITU-R BT.601."""
    rng, person = np.random.default_rng(7), face.person(np.random.default_rng(3))
    weights = [[0.257, 0.504, 0.098], [-0.148, -0.291, 0.439], [0.439, -0.368, -0.071]]
    with open(path, "wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{FPS}:1 Ip A1:1 C420jpeg\n".encode())
        for mood in np.repeat(MOODS, MOOD_S * FPS):
            y, *chroma = np.moveaxis(picture(mood, person, rng) @ np.array(weights).T + [16, 128, 128], -1, 0)
            halves = [c.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).mean(axis=(1, 3)) for c in chroma]
            file.write(b"FRAME\n")
            file.writelines(np.rint(plane).astype(np.uint8).tobytes() for plane in (y, *halves))


def voice(path: Path):
    """A happy voice as wav, at 48 kHz as browsers have it."""
    sound = speech.recording(Affect(0, 0, 0, "happy", 8.0))
    wide = np.interp(np.arange(3 * len(sound)) / 3, np.arange(len(sound)), sound)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 48000, 0, "NONE", ""))
        file.writeframes(np.rint(32767 * wide).astype("<i2").tobytes())
