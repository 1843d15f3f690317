"""Each way does what its name says, by an independent reference; together they follow their seed."""

import numpy as np
import pytest
from scipy import ndimage

pytest.importorskip("tensorflow")
import tensorflow as tf

from emolib.models import augment
from emolib.models import five_ways as ways

SEED = tf.constant([3, 7])
N, SIDE = 6, 24


def pictures(n_channels: int = 1, n: int = N) -> np.ndarray:
    """Smooth pictures from 0.2 to 0.8, so that nothing is clipped by accident."""
    rng = np.random.default_rng(0)
    X = ndimage.gaussian_filter(rng.random((n, SIDE, SIDE + 4, n_channels)), (0, 1.5, 1.5, 0))
    return (0.2 + 0.6 * (X - X.min()) / np.ptp(X)).astype(np.float32)


def test_blur_is_scipy_s():
    X, sigmas = pictures(3, 3), (0.0, 0.7, 1.6)
    found = ways.blurred(X, tf.constant(sigmas)[:, None], radius=6).numpy()
    for image, result, sigma in zip(X, found, sigmas, strict=True):
        expected = (
            ndimage.gaussian_filter(image, (sigma, sigma, 0), mode="reflect", radius=6) if sigma else image
        )
        np.testing.assert_allclose(result, expected, atol=1e-5)


def test_a_quarter_turn_is_numpy_s():
    X = pictures(3)[:, :, :SIDE]
    quarter = tf.fill((N, 1), np.pi / 2)
    still, one = tf.zeros((N, 1)), tf.ones((N, 1))
    found = augment.affine(X, one, quarter, still, still).numpy()
    np.testing.assert_allclose(found, np.rot90(X, axes=(1, 2)), atol=1e-4)
    mirrored = augment.affine(X, -one, still, still, still).numpy()
    np.testing.assert_allclose(mirrored, X[:, :, ::-1], atol=1e-5)


def test_a_shift_of_whole_pixels_moves_them_and_repeats_the_border():
    X, still, one = pictures(), tf.zeros((N, 1)), tf.ones((N, 1))
    found = augment.affine(X, one, still, 3 * one, -2 * one).numpy()
    expected = np.pad(X, ((0, 0), (2, 0), (0, 3), (0, 0)), mode="edge")[:, :SIDE, 3:]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("way", [*ways.WAYS, "all"])
def test_strength_0_leaves_the_picture_and_more_changes_it_within_its_span(way, n_channels):
    X, chosen = pictures(n_channels), list(ways.WAYS) if way == "all" else [way]
    np.testing.assert_array_equal(ways.five_ways(X, SEED, 0.0, chosen).numpy(), X)
    little, much = (ways.five_ways(X, SEED, strength, chosen).numpy() for strength in (0.5, 1.0))
    assert little.shape == much.shape == X.shape and little.dtype == np.float32
    assert 0 < np.abs(little - X).mean() < np.abs(much - X).mean() < 0.3
    strong = ways.five_ways(X, SEED, 5.0, chosen).numpy()
    assert strong.min() >= 0 and strong.max() <= 1


def test_noise_is_as_strong_as_it_says():
    X = np.full((400, 16, 16, 1), 0.5, np.float32)
    sds = ways.five_ways(X, SEED, 1.0, ["noise"]).numpy().std(axis=(1, 2, 3))
    assert sds.max() == pytest.approx(ways.NOISE, rel=0.15) and sds.mean() == pytest.approx(
        ways.NOISE / 2, rel=0.1
    )
    wide = ways.five_ways(X * 4 - 2, SEED, 1.0, ["noise"], span=(-2, 2)).numpy()
    np.testing.assert_allclose(wide.std(axis=(1, 2, 3)), 4 * sds, rtol=1e-4)


def test_the_seed_decides_also_in_a_dataset():
    X = pictures(3)
    first, other = (ways.five_ways(X, tf.constant(seed)).numpy() for seed in ([3, 7], [3, 8]))
    np.testing.assert_array_equal(first, ways.five_ways(X, SEED).numpy())
    assert not np.allclose(first, other)
    batches = tf.data.Dataset.from_tensor_slices(X).batch(2).enumerate()
    mapped = batches.map(lambda i, x: ways.five_ways(x, tf.stack([0, tf.cast(i, tf.int32)])))
    for i, found in enumerate(mapped):
        expected = ways.five_ways(X[2 * i : 2 * i + 2], tf.constant([0, i]))
        np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=1e-6)
