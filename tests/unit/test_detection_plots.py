"""What the figures of the detector show."""

import numpy as np
import pytest
from emolib.report.plots.detection import detections, detector_history
from matplotlib.patches import Rectangle

from emolib.datasets.face_boxes import load
from emolib.signals.boxes import Found


def test_every_picture_shows_its_boxes_and_their_iou():
    pictures = list(load("scenes", n=6))
    truth = [picture.boxes for picture in pictures]
    found = [Found(boxes + [0, 0, 10, 0], np.full(len(boxes), 0.8)) for boxes in truth]
    figure = detections([p.image for p in pictures], truth, found, [p.name for p in pictures])
    for ax, boxes, name in zip(figure.axes, truth, [p.name for p in pictures], strict=False):
        drawn = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
        assert ax.get_title() == name and len(drawn) == 2 * len(boxes)
        for box, patch in zip(boxes, drawn, strict=False):
            assert (*patch.get_xy(), patch.get_width()) == pytest.approx((*box[:2], box[2] - box[0]))
        width = boxes[:, 2] - boxes[:, 0]
        expected = [f"0.80, IoU {share:.2f}" for share in width / (width + 10)]
        assert [text.get_text() for text in ax.texts] == expected
    assert not figure.axes[-1].axison and len(figure.axes) == 8


def test_a_found_box_without_any_face_has_iou_0():
    figure = detections(
        [np.zeros((9, 9), np.uint8)], [np.empty((0, 4))], [Found(np.ones((1, 4)), np.ones(1))], ["a"]
    )
    assert figure.axes[0].texts[0].get_text() == "1.00, IoU 0.00"


def test_history_has_a_line_for_each_number():
    history = [
        {
            "epoch": i + 1,
            "loss": 2.0 / (i + 1),
            "val_loss": 3.0 / (i + 1),
            "val_iou": i / 10,
            "val_ap50": i / 20,
        }
        for i in range(8)
    ]
    figure = detector_history(history)
    lines = {line.get_label(): line.get_ydata() for ax in figure.axes for line in ax.lines}
    assert lines["loss, training"][3] == 0.5 and lines["AP at IoU 0.5, validation"][4] == 0.2
    assert len(lines) == 4
