"""Each way does what its name says, by an independent reference."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from emolib.models import augment

SEED = tf.constant([3, 7])
N, SIDE = 6, 24
STILL, ONE = tf.zeros((N, 1)), tf.ones((N, 1))


def pictures(n: int = N) -> np.ndarray:
    """Smooth pictures from 0.2 to 0.8, so that nothing is clipped by accident."""
    X = ndimage.gaussian_filter(np.random.default_rng(0).random((n, SIDE, SIDE + 4, 1)), (0, 1.5, 1.5, 0))
    return (0.2 + 0.6 * (X - X.min()) / np.ptp(X)).astype(np.float32)


def test_blur_is_scipy_s():
    X, sigmas = pictures(2), (0.7, 1.6)
    found = augment.blurred(X, tf.constant(sigmas)[:, None], radius=6).numpy()
    for image, result, sigma in zip(X, found, sigmas, strict=True):
        expected = ndimage.gaussian_filter(image, (sigma, sigma, 0), mode="reflect", radius=6)
        np.testing.assert_allclose(result, expected, atol=1e-5)


def test_a_quarter_turn_is_numpy_s():
    X = pictures()[:, :, :SIDE]
    found = augment.affine(X, ONE, tf.fill((N, 1), np.pi / 2), STILL, STILL).numpy()
    np.testing.assert_allclose(found, np.rot90(X, axes=(1, 2)), atol=1e-4)
    mirrored = augment.affine(X, -ONE, STILL, STILL, STILL).numpy()
    np.testing.assert_allclose(mirrored, X[:, :, ::-1], atol=1e-5)


def test_a_shift_of_whole_pixels_moves_them_and_repeats_the_border():
    X = pictures()
    found = augment.affine(X, ONE, STILL, 3 * ONE, -2 * ONE).numpy()
    expected = np.pad(X, ((0, 0), (2, 0), (0, 3), (0, 0)), mode="edge")[:, :SIDE, 3:]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("way", augment.WAYS)
def test_a_way_changes_the_picture_within_its_span(way):
    X = pictures()
    found = augment.five_ways(X, SEED, [way]).numpy()
    assert found.shape == X.shape and 0 < np.abs(found - X).mean() < 0.3
    extreme = augment.five_ways(np.round(X), SEED, [way]).numpy()
    assert extreme.min() >= 0 and extreme.max() <= 1


def test_noise_is_as_strong_as_it_says():
    X = np.full((400, 16, 16, 1), 0.5, np.float32)
    sds = augment.five_ways(X, SEED, ["noise"]).numpy().std(axis=(1, 2, 3))
    assert sds.max() == pytest.approx(augment.GRAIN, rel=0.15)
    assert sds.mean() == pytest.approx(augment.GRAIN / 2, rel=0.1)
    wide = augment.five_ways(X * 4 - 2, SEED, ["noise"], span=(-2, 2)).numpy()
    np.testing.assert_allclose(wide.std(axis=(1, 2, 3)), 4 * sds, rtol=1e-4)
