"""Images as uint8 arrays (height, width[, 3]); grey, size and crops."""

import numpy as np

from emolib.core.errors import BadParameter, BadRecording


def check(image: np.ndarray) -> np.ndarray:
    """The image. Raises BadRecording unless it is uint8, (height, width) or (height, width, 3), not empty."""
    image = np.asarray(image)
    layout = image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)
    if image.dtype != np.uint8 or not layout or image.size == 0:
        raise BadRecording(
            f"An image of {image.dtype} {image.shape}, expected uint8 (height, width) or (height, width, 3)."
        )
    return image


def to_grey(image: np.ndarray) -> np.ndarray:
    """Luma, (height, width) uint8, by ITU-R BT.601; a grey image stays as it is. Raises BadRecording."""
    from PIL import Image

    return image if check(image).ndim == 2 else np.asarray(Image.fromarray(image).convert("L"))


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The image at (height, width[, 3]), bilinear, antialiased where it shrinks. Raises BadParameter, BadRecording."""
    if min(height, width) < 1:
        raise BadParameter(f"Resize to {height}×{width}, expected 1×1 or more.")
    from PIL import Image

    return np.asarray(Image.fromarray(check(image)).resize((width, height), Image.Resampling.BILINEAR))


def crop(image: np.ndarray, left: int, top: int, right: int, bottom: int, fill: int) -> np.ndarray:
    """The box (left, top, right, bottom); what lies outside of the image is `fill`."""
    height, width = image.shape[:2]
    rows, columns = np.arange(top, bottom), np.arange(left, right)
    out = image[np.ix_(rows.clip(0, height - 1), columns.clip(0, width - 1))]
    out[(rows < 0) | (rows >= height)] = fill
    out[:, (columns < 0) | (columns >= width)] = fill
    return out
