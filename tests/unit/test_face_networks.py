"""Table II of Mikhaylevskiy et al. 2021, row by row."""

import pytest

from emolib.models import build

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

from emolib.evaluation.cost import cost  # noqa: E402

SIZE = (64, 64, 1)
ROWS = (  # of the table: type, filters, kernel, input, output; a block's two branches one after the other
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


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return build("face", SIZE, 4, "table2")


def row_of(layer) -> tuple:
    kernel = getattr(layer, "kernel_size", getattr(layer, "pool_size", (None,)))
    shapes = tuple(layer.input.shape[1:]), tuple(layer.output.shape[1:])
    return type(layer).__name__, getattr(layer, "filters", None), kernel[0], *shapes


def test_every_row_of_the_table(model):
    rows = [row_of(layer) for layer in model.layers if type(layer).__name__ in PRINTED]
    assert sorted(map(str, rows)) == sorted(map(str, ROWS))


def test_parameters_and_macs(model):
    """Counted by hand: h · w of the output × (9 · c_in + c_in · c_out) of a separable convolution."""
    separable = [(16, 8, 16), (16, 16, 16), (8, 16, 32), (8, 32, 32), (4, 32, 64), (4, 64, 64)]
    macs = sum(n * n * (9 * c + c * d) for n, c, d in separable)
    macs += (
        32 * 32 * 9 * 8 + 16 * 16 * 9 * 64 + 8 * 8 * 8 * 16 + 4 * 4 * 16 * 32 + 2 * 2 * 9 * 32 * 64 + 64 * 4
    )
    params = sum(9 * c + c * d for _, c, d in separable)
    params += 9 * 8 + 9 * 64 + 8 * 16 + 16 * 32 + 9 * 32 * 64 + (64 + 1) * 4
    normed = 2 * 8 + 3 * 16 + 3 * 32 + 3 * 64  # channels with a batch norm
    needs = cost(model)
    assert (needs.params, needs.macs) == (params + 4 * normed, macs)
