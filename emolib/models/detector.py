"""Face detectors and their losses: a picture (side, side, n_channels) of values in [0, 1] → the outputs of a Grid, cell by
cell. Targets of a loss are `Grid.encode`'s, outputs what `Grid.decode` reads.
"""

import math

from emolib.core.errors import check_names
from emolib.models.backend import keras, tf
from emolib.models.blocks import conv, residual, scaled, separable
from emolib.signals.boxes import Grid

layers = keras.layers

FEW = -4.6  # logit of 1 %
HEADS = {"table1": {"n_boxes": 2, "reach": 0.0}, "small": {"n_boxes": 1, "reach": 1.0}}
COORD, NOOBJ = 5.0, 0.5  # λ of Redmon et al. (2016)
LEAST = 1e-7  # added below logarithms and fractions
BOX, CLASS = 2.0, 4.0  # weights beside the confidence's 1, our own
ALPHA, GAMMA = 0.25, 2.0  # of Lin et al. (2017)


def table1(side: int = 288, n_channels: int = 3) -> keras.Model:
    """Table I of Mikhaylevskiy et al. (2021), layer by layer: (side, side, n_channels) → (side/32, side/32, 11).

    The last convolution has no activation, as printed, and as in Redmon et al. (2016), section 2.2. The table has
    1.54 M parameters, 6.14 MB in float32; the paper's 4.95 MB are near what three of the four convolutions of 192 have.
    """
    x = inputs = keras.Input((side, side, n_channels))
    for filters in (8, 16, 32, 64, 128):
        x = conv(conv(x, filters), filters)
        x = layers.MaxPooling2D(2)(x)
    for _ in range(4):
        x = conv(x, 192)
    return keras.Model(inputs, layers.Conv2D(11, 3, padding="same", name="cells")(x), name="table1")


def small(side: int = 192, n_channels: int = 3, width: float = 1.0) -> keras.Model:
    """Our own, depthwise separable: (side, side, n_channels) → (side/8, side/8, 6), side a multiple of 16.

    The coarse half sees a face whole. It is enlarged and added to the fine half, which knows where the edges of the
    face are. The last activation is a sigmoid: in int8, every output then has the scale 1/256. Its biases say that
    few cells have a face, as in Lin et al. (2017), "Focal loss", section 4.1.
    """
    x = inputs = keras.Input((side, side, n_channels))
    x = conv(x, scaled(16, width), strides=2)
    x = separable(x, scaled(32, width), strides=2)
    x = separable(x, scaled(64, width), strides=2)
    x = fine = residual(residual(x, scaled(64, width)), scaled(64, width))
    x = separable(x, scaled(128, width), strides=2)
    x = residual(residual(x, scaled(128, width)), scaled(128, width))
    x = layers.UpSampling2D(2, interpolation="bilinear")(conv(x, scaled(64, width), 1))
    x = residual(layers.Add()([x, fine]), scaled(64, width))
    cells = layers.Conv2D(6, 1, activation="sigmoid", name="cells")
    model = keras.Model(inputs, cells(x), name="small")
    cells.bias.assign([0, 0, 0, 0, 0, FEW])
    return model


def build(network: str, side: int, n_channels: int, **options) -> keras.Model:
    """A detector by its name, small or table1. Raises BadParameter for another name."""
    check_names([network], list(HEADS), "the detectors")
    return {"small": small, "table1": table1}[network](side, n_channels, **options)


def grid_of(model: keras.Model) -> Grid:
    """What the outputs of a detector mean."""
    return Grid(n_cells=model.output_shape[1], **HEADS[model.name])


def corners(values, grid: Grid):
    """x1 y1 x2 y2 in sides of the picture, (n, n_cells, n_cells, n_boxes, 4), of x y √w √h in the same shape."""
    line, column = tf.meshgrid(*[tf.range(grid.n_cells, dtype=values.dtype)] * 2, indexing="ij")
    cell = tf.stack([column, line], axis=-1)[:, :, None]
    centre = (cell + values[..., :2] * (1 + 2 * grid.reach) - grid.reach) / grid.n_cells
    half = tf.maximum(values[..., 2:4], 0.0) ** 2 / 2
    return tf.concat([centre - half, centre + half], axis=-1)


def overlap(a, b):
    """Intersection over union (…,) of boxes (…, 4)."""
    sides = tf.minimum(a[..., 2:], b[..., 2:]) - tf.maximum(a[..., :2], b[..., :2])
    both = tf.reduce_prod(tf.maximum(sides, 0.0), -1)
    area_a, area_b = (tf.reduce_prod(box[..., 2:] - box[..., :2], -1) for box in (a, b))
    return both / (area_a + area_b - both + LEAST)


def matched(targets, outputs, grid: Grid):
    """Truth (n, c, c, 1, 4), has_face (n, c, c), each box (n, c, c, n_boxes, 5), face probability (n, c, c), and by box,
    (n, c, c, n_boxes), whether it answers for the face of its cell, having the highest IoU, and that IoU.
    """
    truth, has_face, face = targets[..., None, :4], targets[..., 4], outputs[..., -1]
    each = tf.reshape(outputs[..., :-1], (-1, grid.n_cells, grid.n_cells, grid.n_boxes, 5))
    iou = overlap(corners(each[..., :4], grid), corners(truth, grid))
    mine = tf.one_hot(tf.argmax(iou, axis=-1), grid.n_boxes) * has_face[..., None]
    return truth, has_face, each, face, mine, tf.stop_gradient(iou)


def yolo_v1(targets, outputs, grid: Grid):
    """Loss (1) of Mikhaylevskiy et al. (2021), a sum over cells and its mean over the batch.

    As in Redmon et al. (2016), equation 3, which it cites, w and h are treated alike and there is a class term: (1) as
    printed lacks the square of h's root, and the class, the table's eleventh output. λ_coord, λ_noobj and the IoU as
    target of the confidence are from there too.
    """
    truth, has_face, each, face, mine, iou = matched(targets, outputs, grid)
    coordinates = tf.reduce_sum((each[..., :4] - truth) ** 2, axis=-1)
    sure, unsure = (each[..., 4] - iou) ** 2, each[..., 4] ** 2
    boxes = mine * (COORD * coordinates + sure) + NOOBJ * (1 - mine) * unsure
    total = tf.reduce_sum(boxes, axis=-1) + has_face * (face - 1) ** 2
    return tf.reduce_mean(tf.reduce_sum(total, axis=(1, 2)))


def complete_iou(a, b):
    """CIoU (…,) of boxes (…, 4): IoU less the distance of the centres and the difference in aspect.

    Source: Zheng et al. (2020), "Distance-IoU loss", equations 7 to 11; the weight of the aspect has no gradient.
    """
    iou = overlap(a, b)
    centres = tf.reduce_sum((a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) ** 2, -1) / 4
    hull = tf.maximum(a[..., 2:], b[..., 2:]) - tf.minimum(a[..., :2], b[..., :2])
    angle_a, angle_b = (
        tf.atan2(box[..., 2] - box[..., 0] + LEAST, box[..., 3] - box[..., 1] + LEAST) for box in (a, b)
    )
    aspect = (2 / math.pi * (angle_b - angle_a)) ** 2
    weight = tf.stop_gradient(aspect / (1 - iou + aspect + LEAST))
    return iou - centres / (tf.reduce_sum(hull**2, -1) + LEAST) - weight * aspect


def entropy(target, share):
    """Cross-entropy in nats, elementwise, of a share in [0, 1] against a target in [0, 1]."""
    return -target * tf.math.log(share + LEAST) - (1 - target) * tf.math.log(1 - share + LEAST)


def iou_aware(targets, outputs, grid: Grid):
    """Our own: CIoU of the boxes, their IoU as the confidence, whether a cell has a face as the class.

    Every cell learns the class, by a focal loss (Lin et al. 2017, equation 5). Cells with a face learn box and
    confidence; a sum per face, as in Wu et al. (2020), "IoU-aware single-stage object detector".
    """
    truth, has_face, each, face, mine, iou = matched(targets, outputs, grid)
    distance = 1 - complete_iou(corners(each[..., :4], grid), corners(truth, grid))
    boxes = tf.reduce_sum(mine * (BOX * distance + entropy(iou, each[..., 4])))
    missed = has_face * (1 - face) + (1 - has_face) * face
    weight = has_face * ALPHA + (1 - has_face) * (1 - ALPHA)
    classes = tf.reduce_sum(weight * missed**GAMMA * entropy(has_face, face))
    return (boxes + CLASS * classes) / (tf.reduce_sum(has_face) + 1)


LOSSES = {"yolo_v1": yolo_v1, "iou_aware": iou_aware}
