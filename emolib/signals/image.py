"""Images as uint8 arrays (height, width[, 3]); grey, size and equalisation as Pillow makes them."""

from functools import cache

import numpy as np

from emolib.errors import BadParameter, BadRecording

SUPPORT = {"box": 0.5, "bilinear": 1.0}  # half the filter's width, in output pixels when an image shrinks


def check(image: np.ndarray) -> np.ndarray:
    """The image. Raises BadRecording unless it is uint8, (height, width) or (height, width, 3), not empty."""
    layout = image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)
    if image.dtype != np.uint8 or not layout or image.size == 0:
        raise BadRecording(
            f"An image of {image.dtype} {image.shape}, expected uint8 (height, width) or (height, width, 3)."
        )
    return image


def to_grey(image: np.ndarray) -> np.ndarray:
    """Luma, (height, width) uint8, by ITU-R BT.601 in Pillow's integers; a grey image stays as it is."""
    if check(image).ndim == 2:
        return image
    red, green, blue = np.moveaxis(image.astype(np.uint32), -1, 0)
    return ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16).astype(np.uint8)


def kernel(distance: np.ndarray, method: str) -> np.ndarray:
    """Weight of a pixel at a distance in (output) pixels."""
    if method == "box":
        return ((distance > -0.5) & (distance <= 0.5)).astype(float)
    return np.maximum(0, 1 - np.abs(distance))


@cache
def weights(n_in: int, n_out: int, method: str) -> np.ndarray:
    """Share of each input pixel in each output pixel, (n_out, n_in); the filter widens when shrinking."""
    scale = n_in / n_out
    width = max(scale, 1.0)
    centre = (np.arange(n_out)[:, None] + 0.5) * scale
    first = np.floor(np.maximum(centre - SUPPORT[method] * width + 0.5, 0))
    last = np.floor(np.minimum(centre + SUPPORT[method] * width + 0.5, n_in))
    pixel = np.arange(n_in)
    inside = (pixel >= first) & (pixel < last)
    found = inside * kernel((pixel - centre + 0.5) / width, method)
    return found / found.sum(axis=1, keepdims=True)


def resize(image: np.ndarray, height: int, width: int, method: str = "bilinear") -> np.ndarray:
    """The image at (height, width[, 3]) uint8, antialiased; "bilinear" or "box" (area), within 1 of Pillow.

    Raises BadParameter, BadRecording.
    """
    if method not in SUPPORT or min(height, width) < 1:
        raise BadParameter(
            f"Resize to {height}×{width} by {method!r}, expected 1×1 or more by bilinear or box."
        )
    if check(image).shape[:2] == (height, width):
        return image
    down, across = weights(image.shape[0], height, method), weights(image.shape[1], width, method)
    resized = np.einsum("ih,hw...->iw...", down, image.astype(float), optimize=True)
    resized = np.einsum("jw,iw...->ij...", across, resized, optimize=True)
    return np.clip(np.rint(resized), 0, 255).astype(np.uint8)


def crop(image: np.ndarray, left: int, top: int, right: int, bottom: int, fill: int = 0) -> np.ndarray:
    """The box, (bottom - top, right - left[, 3]) uint8; what lies outside the image is `fill`.

    Raises BadParameter, BadRecording.
    """
    if right <= left or bottom <= top:
        raise BadParameter(
            f"A box from ({left}, {top}) to ({right}, {bottom}), expected left < right, top < bottom."
        )
    height, width = check(image).shape[:2]
    out = np.full((bottom - top, right - left, *image.shape[2:]), fill, np.uint8)
    y0, y1 = max(top, 0), min(bottom, height)
    x0, x1 = max(left, 0), min(right, width)
    if y0 < y1 and x0 < x1:
        out[y0 - top : y1 - top, x0 - left : x1 - left] = image[y0:y1, x0:x1]
    return out


def center_crop(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The middle of the image, (height, width[, 3]) uint8; zeros around it where the image is smaller."""
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return crop(image, left, top, left + width, top + height)


def equalise(image: np.ndarray) -> np.ndarray:
    """A grey image with its histogram flattened, (height, width) uint8, as PIL.ImageOps.equalize does it.

    Raises BadRecording.
    """
    if check(image).ndim != 2:
        raise BadRecording(
            f"An image of shape {image.shape}, expected grey (height, width): use to_grey first."
        )
    histogram = np.bincount(image.ravel(), minlength=256)
    step = (image.size - histogram[image.max()]) // 255
    if step == 0:
        return image
    below = np.cumsum(histogram) - histogram
    return np.minimum((step // 2 + below) // step, 255).astype(np.uint8)[image]
