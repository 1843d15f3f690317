import numpy as np
import pytest
from PIL import Image, ImageOps

from emolib.errors import BadParameter, BadRecording
from emolib.signals.image import center_crop, crop, equalise, resize, to_grey

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (61, 83, 3), np.uint8)
SMOOTH = np.uint8(127 + 100 * np.sin(np.arange(61)[:, None] / 9) * np.cos(np.arange(83) / 11))
PILLOW = {"bilinear": Image.Resampling.BILINEAR, "box": Image.Resampling.BOX}


def test_grey_is_pillows():
    np.testing.assert_array_equal(to_grey(NOISE), np.asarray(Image.fromarray(NOISE).convert("L")))
    assert to_grey(SMOOTH) is SMOOTH


@pytest.mark.parametrize("method", PILLOW)
@pytest.mark.parametrize("height, width", [(48, 48), (30, 41), (13, 7), (122, 83), (200, 150), (1, 1)])
@pytest.mark.parametrize("image", [NOISE, NOISE[..., 0], SMOOTH], ids=["colour", "noise", "smooth"])
def test_resize_is_pillows_within_one_level(image, height, width, method):
    expected = np.asarray(Image.fromarray(image).resize((width, height), PILLOW[method]))
    found = resize(image, height, width, method)
    assert found.dtype == np.uint8 and found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("box", [(10, 5, 40, 50), (-7, -3, 20, 20), (70, 50, 100, 90), (-20, -20, 120, 90)])
def test_crop_is_pillows_also_outside(box):
    np.testing.assert_array_equal(crop(NOISE, *box), np.asarray(Image.fromarray(NOISE).crop(box)))


def test_a_crop_beside_the_image_is_fill():
    assert (crop(SMOOTH, 200, 200, 210, 205, fill=9) == np.full((5, 10), 9)).all()


def test_center_crop_keeps_the_middle():
    image = np.zeros((11, 21), np.uint8)
    image[5, 10] = 200
    assert center_crop(image, 3, 5)[1, 2] == 200
    assert center_crop(image, 31, 31).sum() == 200 and center_crop(image, 31, 31)[15, 15] == 200


@pytest.mark.parametrize(
    "image", [NOISE[..., 0], SMOOTH, SMOOTH // 8, np.full((9, 9), 77, np.uint8)], ids=list("abcd")
)
def test_equalise_is_pillows(image):
    np.testing.assert_array_equal(equalise(image), np.asarray(ImageOps.equalize(Image.fromarray(image))))


@pytest.mark.parametrize(
    "call, error",
    [
        (lambda: to_grey(NOISE.astype(float)), BadRecording),
        (lambda: to_grey(np.zeros((4, 4, 4), np.uint8)), BadRecording),
        (lambda: resize(np.zeros((0, 4), np.uint8), 4, 4), BadRecording),
        (lambda: resize(SMOOTH, 4, 4, "cubic"), BadParameter),
        (lambda: resize(SMOOTH, 0, 4), BadParameter),
        (lambda: crop(SMOOTH, 5, 5, 5, 9), BadParameter),
        (lambda: equalise(NOISE), BadRecording),
    ],
)
def test_bad_input_says_what_is_expected(call, error):
    with pytest.raises(error, match="expected"):
        call()
