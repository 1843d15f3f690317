"""Images as uint8 arrays (height, width[, 3]); grey, size and crops."""

from functools import lru_cache

import numpy as np

from emolib.core.errors import BadParameter, BadRecording

BAND = 64  # input pixels behind one matrix product, about: the fastest from 48 × 48 to 4K
Band = tuple[slice, slice, np.ndarray]  # input pixels, output pixels, shares (n_outputs, n_inputs)


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


@lru_cache(maxsize=32)
def bands(n_in: int, n_out: int, n_channels: int = 1) -> list[Band]:
    """Shares of n_in input pixels in n_out output pixels, in bands of output pixels; channels are interleaved."""
    step = max(1, BAND * n_out // n_in)
    starts = range(0, n_out, step)
    return [band(n_in, n_out, n_channels, np.arange(i, min(i + step, n_out))) for i in starts]


def band(n_in: int, n_out: int, n_channels: int, rows: np.ndarray) -> Band:
    """The band of the output pixels `rows`, (n_rows,); the filter widens when the image shrinks."""
    scale = n_in / n_out
    width = max(scale, 1.0)
    centre = (rows[:, None] + 0.5) * scale
    first = np.floor(np.maximum(centre - width + 0.5, 0))
    last = np.floor(np.minimum(centre + width + 0.5, n_in))
    taps = np.arange(int(first[0, 0]), int(last[-1, 0]))
    distance = np.abs((taps - centre + 0.5) / width)  # in output pixels when the image shrinks
    shares = ((taps >= first) & (taps < last)) * np.maximum(0, 1 - distance)
    shares = np.kron(shares / shares.sum(axis=1, keepdims=True), np.eye(n_channels))
    pixels = (slice(n_channels * each[0], n_channels * (each[-1] + 1)) for each in (taps, rows))
    return *pixels, shares.astype(np.float32)


def resample(rows: np.ndarray, of: list[Band]) -> np.ndarray:
    """Weighted sums of rows (n_in, n), (n_out, n) float32; only a band of rows is float32 at one time."""
    out = np.empty((of[-1][1].stop, rows.shape[1]), np.float32)
    for taps, made, shares in of:
        np.matmul(shares, rows[taps].astype(np.float32, copy=False), out=out[made])
    return out


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The image at (height, width[, 3]), bilinear, within 1 of Pillow. Raises BadParameter, BadRecording."""
    if min(height, width) < 1:
        raise BadParameter(f"Resize to {height}×{width}, expected 1×1 or more.")
    if check(image).shape[:2] == (height, width):
        return image
    n_rows, n_cols, n_channels = (*image.shape, 1)[:3]
    rows = image.reshape(n_rows, n_cols * n_channels)
    down, across = bands(n_rows, height), bands(n_cols, width, n_channels)
    if height * n_cols <= n_rows * width:  # what lies between is smaller if the height comes first
        resized = resample(resample(rows, down).T, across).T
    else:
        resized = resample(resample(rows.T, across).T, down)
    return np.rint(resized).astype(np.uint8, order="C").reshape(height, width, *image.shape[2:])


def crop(image: np.ndarray, left: int, top: int, right: int, bottom: int, fill: int) -> np.ndarray:
    """The box (left, top, right, bottom); what lies outside of the image is `fill`."""
    height, width = image.shape[:2]
    rows, columns = np.arange(top, bottom), np.arange(left, right)
    out = image[np.ix_(rows.clip(0, height - 1), columns.clip(0, width - 1))]
    out[(rows < 0) | (rows >= height)] = fill
    out[:, (columns < 0) | (columns >= width)] = fill
    return out
