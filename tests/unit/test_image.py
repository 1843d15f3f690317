"""Grey, size, crop and equalisation against Pillow."""

import numpy as np
import pytest
from PIL import Image, ImageOps

from emolib.core.errors import BadParameter, BadRecording
from emolib.signals.image import crop, equalise, resize, to_grey

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (61, 83, 3), np.uint8)
SMOOTH = np.uint8(127 + 100 * np.sin(np.arange(61)[:, None] / 9) * np.cos(np.arange(83) / 11))


def test_grey_is_pillows():
    np.testing.assert_array_equal(to_grey(NOISE), np.asarray(Image.fromarray(NOISE).convert("L")))
    assert to_grey(SMOOTH) is SMOOTH


@pytest.mark.parametrize(
    "shape, height, width",
    [((61, 83, 3), 30, 41), ((61, 83), 200, 150), ((61, 83, 3), 1, 1), ((430, 910, 3), 96, 60),
     ((7, 1500, 3), 40, 50), ((1500, 7), 50, 40), ((300, 300), 299, 290)],
)  # fmt: skip
def test_resize_is_pillows_within_one_level(shape, height, width):
    """In one band or more, rows or columns first."""
    image = RNG.integers(0, 256, shape, np.uint8)
    expected = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
    found = resize(image, height, width)
    assert found.dtype == np.uint8 and found.shape == expected.shape and found.flags.c_contiguous
    assert np.abs(found.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("level", [0, 1, 254, 255])
def test_an_even_picture_stays_even(level):
    """Shares are of float32: their sums must not round 255 up to 0, nor another level to its neighbour."""
    assert (resize(np.full((777, 1333, 3), level, np.uint8), 192, 191) == level).all()


@pytest.mark.parametrize("box", [(10, 5, 40, 50), (-7, -3, 20, 20), (70, 50, 100, 90), (-20, -20, 120, 90)])
def test_crop_is_pillows_also_outside(box):
    np.testing.assert_array_equal(crop(NOISE, *box), np.asarray(Image.fromarray(NOISE).crop(box)))


@pytest.mark.parametrize(
    "image", [NOISE[..., 0], SMOOTH // 8, np.full((9, 9), 77, np.uint8)], ids=list("abc")
)
def test_equalise_is_pillows(image):
    np.testing.assert_array_equal(equalise(image), np.asarray(ImageOps.equalize(Image.fromarray(image))))


def test_bad_input_says_what_is_expected():
    with pytest.raises(BadRecording, match="expected uint8"):
        to_grey(NOISE.astype(float))
    with pytest.raises(BadRecording, match="expected grey"):
        equalise(NOISE)
    with pytest.raises(BadParameter, match="expected 1×1"):
        resize(SMOOTH, 0, 4)
    with pytest.raises(BadParameter, match="expected a positive size"):
        crop(SMOOTH, 5, 5, 5, 9)
