"""The feature-level network: its layers counted by hand, and configs that cannot be built."""

import keras
import numpy as np

from emolib.evaluation.cost import against_traditional, cost
from emolib.models.tinym2net import Branch, build

SHAPES = {"speech": (12, 8, 1), "face": (8, 8, 3)}
LAYOUTS = {
    "speech": Branch((4, 6), (5, 3), dense=(10,)),
    "face": Branch((3, 5, 7), dense=()),
}
# By hand. speech: (12, 8, 1) → conv (12, 8, 4), pool (6, 4, 4) → separable (6, 4, 6), pool (3, 2, 6) → 36 → 10.
# face: (8, 8, 3) → conv (8, 8, 3), pool (4, 4, 3) → (4, 4, 5), pool (2, 2, 5) → (2, 2, 7), pool (1, 1, 7) → 7.
CONVOLUTIONS = [  # kernel weights, MACs, channels that batch norm has 4 numbers for
    (15 * 1 * 4, 15 * 1 * 4 * 96, 4),
    (15 * 4 + 4 * 6, (15 * 4 + 4 * 6) * 24, 6),
    (9 * 3 * 3, 9 * 3 * 3 * 64, 3),
    (9 * 3 + 3 * 5, (9 * 3 + 3 * 5) * 16, 5),
    (9 * 5 + 5 * 7, (9 * 5 + 5 * 7) * 4, 7),
]
DENSE = [(36, 10), (17, 9), (9, 4)]  # of speech, joint, logits


def small(**options):
    return build(SHAPES, 4, LAYOUTS, **{"dense": (9,), **options})


def test_parameters_and_macs_by_hand():
    found = cost(small())
    norms = 4 * sum(channels for _, _, channels in CONVOLUTIONS) + 4 * (10 + 9)
    dense = 36 * 10 + 17 * 9 + (9 * 4 + 4)  # of the logits alone with a bias
    assert found.params == sum(w for w, _, _ in CONVOLUTIONS) + norms + dense
    assert found.macs == sum(macs for _, macs, _ in CONVOLUTIONS) + sum(n * m for n, m in DENSE)
    assert found.params == small().count_params() and found.flops == 2 * found.macs


def test_heads_are_the_joint_one_then_the_branches():
    """Each head is the dense layer of its name: of the joint features, or of its branch's alone."""
    model, rng = small(heads=True), np.random.default_rng(1)
    assert model.output_shape == (None, 3, 4)
    X = {name: rng.normal(size=(5, *shape)).astype(np.float32) for name, shape in SHAPES.items()}
    heads = np.asarray(model(X, training=False))
    names = ["logits", "speech_logits", "face_logits"]
    each = keras.Model(model.input, [model.get_layer(name).output for name in names])(X, training=False)
    np.testing.assert_allclose(heads, np.stack([np.asarray(one) for one in each], axis=1), atol=1e-6)
    other = np.asarray(model({**X, "face": X["face"] + 1}, training=False))
    np.testing.assert_array_equal(other[:, 1], heads[:, 1])
    assert np.abs(other - heads).max(axis=(0, 2))[[0, 2]].min() > 1e-3
    assert build({"face": (8, 8, 3)}, 4, LAYOUTS, heads=True).output_shape == (None, 2, 4)


def test_the_network_against_itself_with_traditional_convolutions():
    table = against_traditional(small())
    whole = {name: one._replace(separable=False) for name, one in LAYOUTS.items()}
    traditional = build(SHAPES, 4, whole, dense=(9,))
    saved = (table["weights if traditional"] - table["weights"]).sum()
    assert len(table) == 3 and saved == traditional.count_params() - small().count_params()
    assert (table["MACs if traditional"] - table["MACs"]).sum() == cost(traditional).macs - cost(small()).macs
    assert against_traditional(traditional).empty
