"""A picture in the square that a detector sees: resized with its aspect kept, grey bars around it."""

from dataclasses import dataclass

import numpy as np

from emolib.signals.boxes import clipped
from emolib.signals.image import resize, to_grey

FILL = 128


@dataclass(frozen=True)
class Letterbox:
    """How a picture of `size` (height, width) lies in a square of `side` pixels, in its middle."""

    size: tuple[int, int]
    side: int

    @property
    def inner(self) -> tuple[int, int]:
        """Height and width of the picture within the square; the longer is `side`."""
        longest = max(self.size)
        return tuple(max(1, round(length * self.side / longest)) for length in self.size)

    @property
    def corner(self) -> tuple[int, int]:
        """Row and column of the picture's top left pixel within the square."""
        return tuple((self.side - length) // 2 for length in self.inner)

    def image(self, image: np.ndarray, n_channels: int = 3) -> np.ndarray:
        """The square, (side, side, n_channels) uint8, of a picture (height, width[, 3]): 1 channel is grey.

        Raises BadRecording for an array that is no picture.
        """
        image = resize(to_grey(image) if n_channels == 1 else image, *self.inner)
        square = np.full((self.side, self.side, n_channels), FILL, np.uint8)
        (top, left), (height, width) = self.corner, self.inner
        square[top : top + height, left : left + width] = image if image.ndim == 3 else image[..., None]
        return square

    def boxes(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes (n, 4) of the picture in pixels of the square."""
        return boxes * self._scale + self._shift

    def inverse(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes (n, 4) of the square in pixels of the picture, cut to it."""
        return clipped((boxes - self._shift) / self._scale, self.size)

    @property
    def _scale(self) -> np.ndarray:
        return np.tile(np.divide(self.inner, self.size)[::-1], 2)

    @property
    def _shift(self) -> np.ndarray:
        return np.tile(self.corner[::-1], 2)
