"""Files from outside: how much a packed one may unfold to, what its numbers may be, and the decoding of sound and pictures.

A file is damaged, or made to harm, until it is read: what its head promises takes no memory before it is there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

FLOAT32_MAX = np.finfo(np.float32).max
MOST_HZ = 50_000.0  # of EEG and pulse; above, time stamps are finer than seconds
MOST_FPS = 10_000.0  # of a video
SOUND_HZ = (1000, 192_000)  # other rates make resampling take all memory
PICTURE_FORMATS = "PNG", "JPEG", "BMP", "GIF", "WEBP"  # Pillow decodes them itself; for EPS it runs a program
MOST_PIXELS = 50_000_000


def most_unfolded(n_packed: int) -> int:
    """Bytes that n_packed bytes may unfold to. Deflate reaches 1000 times as many on zeros."""
    return max(200 * n_packed, 64 << 20)


def decode_sound(source: Path | BinaryIO, n_bytes: int) -> tuple[np.ndarray, int, int]:
    """A wav, flac or ogg of n_bytes: samples (n_times, n_channels) float32 in [-1, 1], their rate, and n_times as the
    head promises it.

    Raises ValueError, with the reason, for what does not decode or is too large.
    """
    import soundfile

    most, blocks, n_read = most_unfolded(n_bytes), [], 0
    try:
        with soundfile.SoundFile(source) as file:
            if not SOUND_HZ[0] <= file.samplerate <= SOUND_HZ[1]:
                raise ValueError(f"its rate is {file.samplerate} Hz, expected {SOUND_HZ[0]} to {SOUND_HZ[1]}")
            n_frames = max(1, (1 << 20) // file.channels)  # decoded at a time
            while len(block := file.read(n_frames, dtype="float32", always_2d=True)):
                blocks.append(block)
                n_read += block.nbytes
                if n_read > most:
                    raise ValueError(f"it unfolds to {n_read} bytes or more, expected {most} at most")
            samples = np.concatenate(blocks) if blocks else np.zeros((0, file.channels), np.float32)
            return samples, file.samplerate, file.frames
    except soundfile.LibsndfileError as error:
        raise ValueError(error.error_string) from error
    except (soundfile.SoundFileError, OSError, TypeError) as error:  # TypeError: a name that ends in .raw
        raise ValueError(str(error)) from error


@contextmanager
def open_picture(source: Path | BinaryIO) -> "Iterator[Image]":
    """A picture whose pixels are decoded when they are used. Opening and decoding raise ValueError with the reason."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(source, formats=PICTURE_FORMATS) as image:
            n_pixels = image.width * image.height
            if n_pixels > MOST_PIXELS:
                raise ValueError(f"it is too large: {n_pixels} pixels, expected {MOST_PIXELS} at most")
            yield image
    except UnidentifiedImageError as error:
        raise ValueError(f"it is none of {', '.join(PICTURE_FORMATS)}") from error
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(str(error)) from error
