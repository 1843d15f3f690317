"""AlexNet and what is left of it, as descriptions that a search can compare, hash and store.

Baseline: Krizhevsky, Sutskever and Hinton (2012), "ImageNet classification with deep convolutional neural networks",
Figure 2, with both halves in one tower and without local response normalisation, which no TFLite kernel has in int8.
Its first map of 55 × 55 needs 3 pixels around a picture of 224 × 224; the paper does not print them.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from emolib.core.errors import BadParameter

POOL_STRIDE = 2


@dataclass(frozen=True)
class Block:
    """A convolution with ReLU, then a maximum over pool × pool at stride 2; 0 filters or 0 pool leave it out. The
    kernel is odd, the stride 1 to the kernel."""

    filters: int
    kernel: int
    stride: int = 1
    pool: int = 0
    batch_norm: bool = False

    @property
    def padding(self) -> int:
        """Zeros around the picture: windows centred on their stride; at stride 1 the side stays."""
        return (self.kernel - self.stride) // 2

    def convolved(self, side: int) -> int:
        """Side of the map after the convolution, below 1 where the window does not fit."""
        return (side + 2 * self.padding - self.kernel) // self.stride + 1 if self.filters else side

    def pooled(self, side: int) -> int:
        """Side of the map after the pool, below 1 where the window does not fit."""
        return (side - self.pool) // POOL_STRIDE + 1 if self.pool else side


class Layer(NamedTuple):
    """A layer of an architecture: its name, output shape and MACs, and its numbers as `key` takes them."""

    name: str
    shape: tuple[int, ...]
    macs: int
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Architecture:
    """Blocks, hidden dense layers, logits. A dense width of 0 is no layer; dropout follows every hidden layer, or comes
    before the logits where there is none. Raises BadParameter where a window does not fit into its map.
    """

    side: int
    channels: int
    blocks: tuple[Block, ...]
    dense: tuple[int, ...]
    n_classes: int
    dropout: float = 0.5

    def __post_init__(self):
        layers(self)


def _fits(name: str, window: int, side: int, after: int) -> int:
    if after < 1:
        raise BadParameter(
            f"{name}: a window of {window} × {window} does not fit into its map of {side} × {side}: enlarge the input, "
            "take a smaller stride or one pool less."
        )
    return after


@cache
def layers(architecture: Architecture) -> tuple[Layer, ...]:
    """Convolutions, pools, dense layers and logits in their order. Raises BadParameter as Architecture does."""
    side, channels, found = architecture.side, architecture.channels, []
    for number, block in enumerate(architecture.blocks, start=1):
        if block.filters:
            side = _fits(f"conv{number}", block.kernel, side, block.convolved(side))
            macs = block.kernel**2 * channels * block.filters * side**2
            channels = block.filters
            numbers = (channels, block.kernel, block.stride, int(block.batch_norm))
            found.append(Layer(f"conv{number}", (side, side, channels), macs, numbers))
        if block.pool:
            side = _fits(f"pool{number}", block.pool, side, block.pooled(side))
            found.append(Layer(f"pool{number}", (side, side, channels), 0, (block.pool,)))
    width = side**2 * channels
    dense = [(f"dense{number}", units) for number, units in enumerate(architecture.dense, start=1) if units]
    for name, units in [*dense, ("logits", architecture.n_classes)]:
        found.append(Layer(name, (units,), width * units, (units,)))
        width = units
    return tuple(found)


def flops(architecture: Architecture) -> int:
    """FLOPs of one picture as emolib.evaluation.cost counts them, two a MAC; nothing is built."""
    return 2 * sum(layer.macs for layer in layers(architecture))


def description(architecture: Architecture) -> dict:
    """What an architecture computes, JSON-able: the same for descriptions that build the same network."""
    found = [[layer.name.rstrip("0123456789"), *layer.numbers] for layer in layers(architecture)]
    shape = [architecture.side, architecture.channels]
    return {"input": shape, "layers": found, "dropout": architecture.dropout}


@cache
def key(architecture: Architecture) -> str:
    """A hash of `description`, 16 hexadecimal digits: the name of its artifacts."""
    text = json.dumps(description(architecture), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def build(architecture: Architecture, picture: tuple[int, int, int] | None = None):
    """A Keras model, (side, side, channels) → logits (n_classes,). With `picture`, (height, width, channels) of the
    data, the network itself resizes each picture to its side: one set trains architectures of every side."""
    import keras
    from keras import layers as kl

    side = architecture.side
    x = inputs = keras.Input(picture or (side, side, architecture.channels))
    if picture and picture[:2] != (side, side):
        x = kl.Resizing(side, side, antialias=side < max(picture[:2]), name="resize")(x)
    for number, block in enumerate(architecture.blocks, start=1):
        if block.filters:
            x = kl.ZeroPadding2D(block.padding)(x) if block.stride > 1 and block.padding else x
            options = {"use_bias": not block.batch_norm, "kernel_initializer": "he_normal"}
            options["padding"] = "same" if block.stride == 1 else "valid"
            x = kl.Conv2D(block.filters, block.kernel, block.stride, name=f"conv{number}", **options)(x)
            x = kl.ReLU()(kl.BatchNormalization()(x) if block.batch_norm else x)
        x = kl.MaxPooling2D(block.pool, POOL_STRIDE, name=f"pool{number}")(x) if block.pool else x
    x = kl.Flatten()(x)
    for number, units in enumerate(architecture.dense, start=1):
        if units:
            x = kl.ReLU()(kl.Dense(units, kernel_initializer="he_normal", name=f"dense{number}")(x))
            x = kl.Dropout(architecture.dropout)(x)
    x = x if any(architecture.dense) else kl.Dropout(architecture.dropout)(x)
    return keras.Model(inputs, kl.Dense(architecture.n_classes, name="logits")(x))


def baseline(channels: int = 1, n_classes: int = 7, side: int = 224, width: float = 1.0) -> Architecture:
    """AlexNet in one tower at 224 × 224: 2262 MFLOP with three channels, 2122 with one. `width` times its filters and
    units, and another side, make a small one to try a search on.

    Shved (2019) counts 82.7 MFLOP at 224 × 224 and prints no widths. A MAC as one operation (1131), the two towers of 2012
    (1440) and no hidden dense layer (2153) do not give it; these layers at 64 × 64 with a MAC as one operation come near
    (83.7). So the ratio of FLOPs compares with his 16; FLOPs do not.
    """
    filters, kernels = (96, 256, 384, 384, 256), (11, 5, 3, 3, 3)
    strides, pools = (4, 1, 1, 1, 1), (3, 3, 0, 0, 3)
    blocks = map(Block, [round(n * width) for n in filters], kernels, strides, pools)
    return Architecture(side, channels, tuple(blocks), (round(4096 * width),) * 2, n_classes)


def embedded(channels: int = 1, n_classes: int = 7) -> Architecture:
    """Three convolutions, the first at stride 7, three pools, one batch norm, one dense layer behind dropout, at 224 ×
    224. Source: Shved (2019), final architecture, which prints neither widths nor kernels. Ours make its 1.3 MFLOP at
    one channel."""
    blocks = (Block(8, 7, 7, 3, batch_norm=True), Block(8, 3, pool=3), Block(32, 3, pool=3))
    return Architecture(224, channels, blocks, (), n_classes)
