"""Size and crop against Pillow."""

import numpy as np
import pytest
from PIL import Image

from emolib.core.errors import BadRecording
from emolib.signals.image import crop, resize, to_grey

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (61, 83, 3), np.uint8)


@pytest.mark.parametrize(
    "shape, height, width", [((61, 83), 200, 150), ((61, 83, 3), 1, 1), ((430, 910, 3), 96, 60), ((1500, 7), 50, 40)]
)
def test_resize_is_pillows_within_one_level(shape, height, width):
    """In one band or more, rows or columns first."""
    image = RNG.integers(0, 256, shape, np.uint8)
    expected = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
    found = resize(image, height, width)
    assert found.dtype == np.uint8 and found.shape == expected.shape and found.flags.c_contiguous
    assert np.abs(found.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("level", [1, 255])
def test_an_even_picture_stays_even(level):
    """Shares are of float32: their sums must not round 255 up to 0, nor another level to its neighbour."""
    assert (resize(np.full((777, 1333, 3), level, np.uint8), 192, 191) == level).all()


@pytest.mark.parametrize("box", [(10, 5, 40, 50), (-7, -3, 20, 20), (-20, -20, 120, 90)])
def test_crop_is_pillows_also_outside(box):
    np.testing.assert_array_equal(crop(NOISE, *box, 0), np.asarray(Image.fromarray(NOISE).crop(box)))


def test_an_array_that_is_no_picture_is_refused():
    with pytest.raises(BadRecording, match="expected uint8"):
        to_grey(NOISE.astype(float))
