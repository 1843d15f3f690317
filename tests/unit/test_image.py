"""Crops against Pillow."""

import numpy as np
import pytest
from PIL import Image

from emolib.core.errors import BadRecording
from emolib.signals.image import crop, to_grey

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (61, 83, 3), np.uint8)


@pytest.mark.parametrize("box", [(10, 5, 40, 50), (-7, -3, 20, 20), (-20, -20, 120, 90)])
def test_crop_is_pillows_also_outside(box):
    np.testing.assert_array_equal(crop(NOISE, *box, 0), np.asarray(Image.fromarray(NOISE).crop(box)))


def test_an_array_that_is_no_picture_is_refused():
    with pytest.raises(BadRecording, match="expected uint8"):
        to_grey(NOISE.astype(float))
