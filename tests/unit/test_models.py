"""The networks: shapes, budgets, augmentation, and that their int8 files hold nothing an NPU does not know."""

import numpy as np
import pytest

from emolib.evaluation.cost import against_traditional, cost
from emolib.models import build, network, tinym2net
from emolib.models.backend import keras, tf
from emolib.quantization import ptq
from emolib.quantization.flatbuffer import operators

SHAPES = {
    "heart": [(32, 1, 4), (240, 1, 4), (1, 1, 3)],
    "eeg": [(4, 1, 40), (1, 1, 56)],
    "speech": [(125, 40, 1), (61, 23, 1), (5, 13, 1)],
    "face": [(48, 48, 1), (33, 50, 1)],
    "skin": [(60, 1, 8), (8, 1, 8)],
}
MAX_MACS = {"heart": 1e6, "eeg": 1e6, "speech": 4e6, "face": 8e6, "skin": 1e6}
WEIGHTED = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
NPU = WEIGHTED | {"AVERAGE_POOL_2D", "MAX_POOL_2D", "MEAN", "ADD", "RESHAPE", "PAD"}


@pytest.mark.parametrize("modality", SHAPES)
def test_logits_of_every_shape_within_the_budgets(modality):
    for shape in SHAPES[modality]:
        model = build(modality, shape, 7)
        logits = model(np.random.default_rng(0).normal(size=(3, *shape)).astype(np.float32)).numpy()
        assert logits.shape == (3, 7) and np.isfinite(logits).all() and not np.allclose(logits.sum(axis=1), 1)
        needs = cost(model)
        assert needs.macs <= MAX_MACS[modality] and needs.params < 120_000
        assert needs.peak_activation_bytes <= 256_000
    assert cost(build("face", (48, 48, 1), 7, "resnet")).params <= 100_000


@pytest.mark.parametrize("modality, name, shape", [
    *((modality, "", shapes[0]) for modality, shapes in SHAPES.items()),
    ("face", "resnet", (48, 48, 1)),
    ("face", "table2", (64, 64, 1)),
    ("speech", "lda", (1, 309, 1)),
])  # fmt: skip
def test_int8_file_is_small_and_holds_npu_operators_only(modality, name, shape):
    model = build(modality, shape, 7, name)
    X = np.random.default_rng(0).normal(size=(4, *shape)).astype(np.float32)
    content = ptq.convert(model, "int8", X)
    assert len(content) <= (20_000 if modality == "skin" else 250_000)
    assert set(operators(content)["operator"]) <= NPU


def test_image_moves_a_spot_a_little_and_mirrors_half_of_the_faces():
    X = np.zeros((400, 48, 48, 1), np.float32)
    X[:, 22:26, 8:12] = 100.0  # left of the centre
    moved = network("face").augment(tf.constant(X), tf.constant([0, 0])).numpy()
    column = moved.clip(0).sum(axis=(1, 3)) @ np.arange(48) / moved.clip(0).sum(axis=(1, 2, 3))
    mirrored = column > 24
    assert 0.4 < mirrored.mean() < 0.6
    centre = np.where(mirrored, 47 - column, column)
    assert np.abs(centre - 9.5).max() < 7 and 1 < centre.std() < 4


def test_spectrogram_masks_a_band_of_frames_and_of_mels():
    X = np.full((200, 125, 40, 1), 50.0, np.float32)
    masked = network("speech").augment(tf.constant(X), tf.constant([0, 0])).numpy()[..., 0] == 0
    frames, mels = masked.all(axis=2).sum(axis=1), masked.all(axis=1).sum(axis=1)
    assert frames.max() <= 0.1 * 125 + 1 and mels.max() <= 0.1 * 40 + 1
    assert frames.mean() > 5 and mels.mean() > 1.5


def test_table_2_of_mikhaylevskiy_et_al_has_the_parameters_and_macs_counted_by_hand():
    """h · w of the output × (9 · c_in + c_in · c_out) of a separable convolution; four numbers of a batch norm."""
    separable = [(16, 8, 16), (16, 16, 16), (8, 16, 32), (8, 32, 32), (4, 32, 64), (4, 64, 64)]
    dense = [(32, 9, 8), (16, 9 * 8, 8), (8, 8, 16), (4, 16, 32), (2, 9 * 32, 64), (1, 64, 4)]
    weights = [(n, 9 * c + c * d) for n, c, d in separable] + [(n, c * d) for n, c, d in dense]
    needs = cost(build("face", (64, 64, 1), 4, "table2"))
    assert needs.params == sum(w for _, w in weights) + 4 * (2 * 8 + 3 * (16 + 32 + 64)) + 4
    assert needs.macs == sum(n * n * w for n, w in weights)


# The feature-level network: its layers counted by hand

BRANCHES = {"speech": (12, 8, 1), "face": (8, 8, 3)}
LAYOUTS = {
    "speech": tinym2net.Branch((4, 6), (5, 3), dense=(10,)),
    "face": tinym2net.Branch((3, 5, 7), dense=()),
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
    return tinym2net.build(BRANCHES, 4, LAYOUTS, **{"dense": (9,), **options})


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
    X = {name: rng.normal(size=(5, *shape)).astype(np.float32) for name, shape in BRANCHES.items()}
    heads = np.asarray(model(X, training=False))
    names = ["logits", "speech_logits", "face_logits"]
    each = keras.Model(model.input, [model.get_layer(name).output for name in names])(X, training=False)
    np.testing.assert_allclose(heads, np.stack([np.asarray(one) for one in each], axis=1), atol=1e-6)
    other = np.asarray(model({**X, "face": X["face"] + 1}, training=False))
    np.testing.assert_array_equal(other[:, 1], heads[:, 1])
    assert np.abs(other - heads).max(axis=(0, 2))[[0, 2]].min() > 1e-3
    assert tinym2net.build({"face": (8, 8, 3)}, 4, LAYOUTS, heads=True).output_shape == (None, 2, 4)


def test_the_network_against_itself_with_traditional_convolutions():
    table = against_traditional(small())
    whole = {name: one._replace(separable=False) for name, one in LAYOUTS.items()}
    traditional = tinym2net.build(BRANCHES, 4, whole, dense=(9,))
    saved = (table["weights if traditional"] - table["weights"]).sum()
    assert len(table) == 3 and saved == traditional.count_params() - small().count_params()
    assert (table["MACs if traditional"] - table["MACs"]).sum() == cost(traditional).macs - cost(small()).macs
    assert against_traditional(traditional).empty
