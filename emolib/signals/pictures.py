"""Picture files: the formats that Pillow decodes by itself, in a size that memory holds."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP")  # of others, EPS runs a program of its own
MOST_PIXELS = 50_000_000


class TooLarge(ValueError):
    """A picture of more than MOST_PIXELS."""


@contextmanager
def opened(source: Path | BinaryIO) -> "Iterator[Image]":
    """A picture whose pixels are decoded when they are used.

    Opening and decoding raise TooLarge, or ValueError with the reason.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(source, formats=FORMATS) as image:
            n_pixels = image.width * image.height
            if n_pixels > MOST_PIXELS:
                raise TooLarge(f"{n_pixels} pixels, expected {MOST_PIXELS} at most")
            yield image
    except Image.DecompressionBombError as error:
        raise TooLarge(str(error)) from error
    except UnidentifiedImageError as error:
        raise ValueError(f"it is none of {', '.join(FORMATS)}") from error
    except (OSError, SyntaxError) as error:
        raise ValueError(str(error)) from error
