"""What training of a detector makes small. Targets are `Grid.encode`'s, outputs what `Grid.decode` reads."""

import math

import tensorflow as tf

from emolib.signals.boxes import Grid

COORD, NOOBJ = 5.0, 0.5  # λ of Redmon et al. (2016)
LEAST = 1e-7  # added below logarithms and fractions
BOX, CLASS = 2.0, 4.0  # weights beside the confidence's 1, our own
ALPHA, GAMMA = 0.25, 2.0  # of Lin et al. (2017)


def corners(values, grid: Grid):
    """x1 y1 x2 y2 in sides of the picture, (n, n_cells, n_cells, n_boxes, 4), of x y √w √h in the same shape."""
    line, column = tf.meshgrid(*[tf.range(grid.n_cells, dtype=values.dtype)] * 2, indexing="ij")
    cell = tf.stack([column, line], axis=-1)[:, :, None]
    centre = (cell + values[..., :2] * (1 + 2 * grid.reach) - grid.reach) / grid.n_cells
    half = tf.maximum(values[..., 2:4], 0.0) ** 2 / 2
    return tf.concat([centre - half, centre + half], axis=-1)


def overlap(a, b):
    """Intersection over union (…,) of boxes (…, 4)."""
    both = tf.reduce_prod(
        tf.maximum(tf.minimum(a[..., 2:], b[..., 2:]) - tf.maximum(a[..., :2], b[..., :2]), 0.0), -1
    )
    area_a, area_b = (tf.reduce_prod(box[..., 2:] - box[..., :2], -1) for box in (a, b))
    return both / (area_a + area_b - both + LEAST)


def parts(targets, outputs, grid: Grid):
    """Of a batch: truth (n, c, c, 1, 4), has_face (n, c, c), each box (n, c, c, n_boxes, 5), face probability (n, c, c)."""
    each = tf.reshape(outputs[..., :-1], (-1, grid.n_cells, grid.n_cells, grid.n_boxes, 5))
    return targets[..., None, :4], targets[..., 4], each, outputs[..., -1]


def responsible(truth, has_face, each, grid: Grid):
    """1 for the box of each cell with a face whose IoU is highest, and all IoUs, both (n, c, c, n_boxes)."""
    iou = overlap(corners(each[..., :4], grid), corners(truth, grid))
    return tf.one_hot(tf.argmax(iou, axis=-1), grid.n_boxes) * has_face[..., None], tf.stop_gradient(iou)


def yolo_v1(targets, outputs, grid: Grid):
    """Loss (1) of Mikhaylevskiy et al. (2021), a sum over cells and its mean over the batch.

    As printed there, the term of h lacks its square root's square; here w and h are treated alike, as in
    Redmon et al. (2016), equation 3, which it cites. From that come λ_coord = 5, λ_noobj = 0.5, the IoU as
    target of the confidence, and the class term, which (1) leaves out: the table's eleventh output is a class.
    """
    truth, has_face, each, face = parts(targets, outputs, grid)
    mine, iou = responsible(truth, has_face, each, grid)
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

    The class is learnt in every cell by a focal loss (Lin et al. 2017, equation 5), box and confidence where a
    face is; a sum per face, as in Wu et al. (2020), "IoU-aware single-stage object detector".
    """
    truth, has_face, each, face = parts(targets, outputs, grid)
    mine, iou = responsible(truth, has_face, each, grid)
    distance = 1 - complete_iou(corners(each[..., :4], grid), corners(truth, grid))
    boxes = tf.reduce_sum(mine * (BOX * distance + entropy(iou, each[..., 4])))
    missed = has_face * (1 - face) + (1 - has_face) * face
    weight = has_face * ALPHA + (1 - has_face) * (1 - ALPHA)
    classes = tf.reduce_sum(weight * missed**GAMMA * entropy(has_face, face))
    return (boxes + CLASS * classes) / (tf.reduce_sum(has_face) + 1)
