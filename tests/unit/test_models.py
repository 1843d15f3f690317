"""The networks: shapes, budgets, augmentation, and that their int8 files hold nothing an NPU does not know."""

import numpy as np
import pytest

from emolib.core.errors import BadParameter
from emolib.evaluation.cost import cost
from emolib.models import build, check_network, network

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

from emolib.quantization import ptq  # noqa: E402
from emolib.quantization.flatbuffer import operators  # noqa: E402

SHAPES = {
    "heart": [(32, 1, 4), (240, 1, 4), (1, 1, 3)],
    "eeg": [(4, 1, 40), (1, 1, 56)],
    "speech": [(125, 40, 1), (61, 23, 1), (5, 13, 1)],
    "face": [(48, 48, 1), (33, 50, 1)],
}
MAX_MACS = {"heart": 1e6, "eeg": 1e6, "speech": 4e6, "face": 8e6}
NPU = {
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "MEAN",
    "ADD",
    "RESHAPE",
    "PAD",
    "AVERAGE_POOL_2D",
    "MAX_POOL_2D",
}


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


@pytest.mark.parametrize(
    "modality, name, shape",
    [
        *((modality, "", shapes[0]) for modality, shapes in SHAPES.items()),
        ("face", "resnet", (48, 48, 1)),
        ("face", "table2", (64, 64, 1)),
        ("speech", "lda", (1, 309, 1)),
    ],
)
def test_int8_file_is_small_and_holds_npu_operators_only(modality, name, shape):
    model = build(modality, shape, 7, name)
    X = np.random.default_rng(0).normal(size=(4, *shape)).astype(np.float32)
    content = ptq.convert(model, "int8", X)
    assert len(content) <= 250_000
    assert set(operators(content)["operator"]) <= NPU


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(
        BadParameter, match="smell does not exist in the modalities: known: heart, eeg, speech, face"
    ):
        build("smell", (4, 1, 4), 2)
    with pytest.raises(BadParameter, match="widht does not exist in the face model: did you mean width"):
        build("face", (48, 48, 1), 7, widht=2)
    with pytest.raises(BadParameter, match=r"got 'resnet' for eeg, expected \"\" \(its own\) or lda"):
        check_network("eeg", "resnet")


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


ROWS = (  # Table II of Mikhaylevskiy et al. 2021: type, filters, kernel, input, output; a block's two branches one after the other
    ("Conv2D", 8, 3, (64, 64, 1), (32, 32, 8)),
    ("Conv2D", 8, 3, (32, 32, 8), (16, 16, 8)),
    ("SeparableConv2D", 16, 3, (16, 16, 8), (16, 16, 16)),
    ("SeparableConv2D", 16, 3, (16, 16, 16), (16, 16, 16)),
    ("MaxPooling2D", None, 3, (16, 16, 16), (8, 8, 16)),
    ("Conv2D", 16, 1, (16, 16, 8), (8, 8, 16)),
    ("SeparableConv2D", 32, 3, (8, 8, 16), (8, 8, 32)),
    ("SeparableConv2D", 32, 3, (8, 8, 32), (8, 8, 32)),
    ("MaxPooling2D", None, 3, (8, 8, 32), (4, 4, 32)),
    ("Conv2D", 32, 1, (8, 8, 16), (4, 4, 32)),
    ("SeparableConv2D", 64, 3, (4, 4, 32), (4, 4, 64)),
    ("SeparableConv2D", 64, 3, (4, 4, 64), (4, 4, 64)),
    ("MaxPooling2D", None, 3, (4, 4, 64), (2, 2, 64)),
    ("Conv2D", 64, 3, (4, 4, 32), (2, 2, 64)),
    ("GlobalAveragePooling2D", None, None, (2, 2, 64), (64,)),
    ("Dense", None, None, (64,), (4,)),
)
PRINTED = {row[0] for row in ROWS}


def row_of(layer) -> tuple:
    kernel = getattr(layer, "kernel_size", getattr(layer, "pool_size", (None,)))
    shapes = tuple(layer.input.shape[1:]), tuple(layer.output.shape[1:])
    return type(layer).__name__, getattr(layer, "filters", None), kernel[0], *shapes


def test_every_row_of_the_table_and_its_costs():
    model = build("face", (64, 64, 1), 4, "table2")
    rows = [row_of(layer) for layer in model.layers if type(layer).__name__ in PRINTED]
    assert sorted(map(str, rows)) == sorted(map(str, ROWS))
    assert (cost(model).params, cost(model).macs) == (30_964, 703_232)  # counted by hand
