"""Views of pictures with their boxes, and what a training is told from another by."""

import keras
import numpy as np
import pytest

from emolib.core.errors import BadParameter, BadSet
from emolib.datasets.face_boxes import load
from emolib.models import detector_training as training
from emolib.models.blocks import conv
from emolib.models.detector_training import PictureSet, draw_views, gather, render_views

SIDE = 32
RECIPE = training.Recipe(loss="iou_aware", epochs=3, batch_size=4)


def tiny():
    """A detector of three convolutions with the head of `small`."""
    x = inputs = keras.Input((SIDE, SIDE, 3))
    for filters in (8, 16, 24):
        x = conv(x, filters, strides=2)
    x = conv(x, 24)
    return keras.Model(inputs, keras.layers.Conv2D(6, 1, activation="sigmoid")(x), name="small")


def one_rectangle(n, stored=96):
    """n black pictures with a white rectangle each, green on its left half, and its box."""
    X = np.zeros((n, stored, stored, 3), np.uint8)
    X[:, 30:70, 40:60] = 255
    X[:, 30:70, 40:50, [0, 2]] = 0
    return X, (np.array([[40.0, 30, 60, 70]]),) * n


def test_boxes_move_and_turn_as_their_pictures_do():
    X, boxes = one_rectangle(80)
    views, moved = draw_views(boxes, 96, 64, np.random.default_rng(0))
    plain = {"gain": views["gain"] * 0 + 1, "offset": views["offset"] * 0, "colour": views["colour"] * 0 + 1}
    shown = render_views(X, views["transforms"], **plain, side=64)
    mirrored, heights = views["transforms"][:, 0] < 0, []
    for image, faces, turned in zip(shown.numpy(), moved, mirrored, strict=True):
        if len(faces) == 0:
            continue
        rows, columns = np.nonzero(image[..., 1] > 0.75)
        edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        np.testing.assert_allclose(faces[0], edges, atol=1.01)
        heights.append(faces[0, 3] - faces[0, 1])
        red = np.nonzero(image[..., 0] > 0.75)[1]
        if len(red):
            assert (red.mean() < faces[0, [0, 2]].mean()) == turned
    assert len(heights) > 60 and max(heights) > 1.8 * min(heights) and 0.3 < mirrored.mean() < 0.7


def test_a_face_that_hardly_shows_is_no_face_and_another_is_cut():
    boxes = np.array([[-8.0, 0, 12, 20], [-18, 0, 2, 20], [5, 5, 5.5, 25], [70, 70, 90, 90]])
    np.testing.assert_array_equal(training.faces_in_view(boxes, 64), [[0, 0, 12, 20]])
    assert training.faces_in_view(boxes[:0], 64).shape == (0, 4)


def test_light_and_colour_change_stay_in_range_and_follow_the_seed():
    X, boxes = one_rectangle(40)
    X = np.where(X == 0, 90, X).astype(np.uint8) - np.uint8([0, 30, 60])
    views, again, other = (draw_views(boxes, 96, 48, np.random.default_rng(seed))[0] for seed in (0, 0, 1))
    shown = render_views(X, **views, side=48).numpy()
    assert shown.shape == (40, 48, 48, 3) and shown.min() >= 0 and shown.max() <= 1
    assert shown.mean(axis=(1, 2, 3)).std() > 0.05 and 0.02 < 1 - views["colour"].mean() < 0.3
    np.testing.assert_array_equal(views["transforms"], again["transforms"])
    assert (views["transforms"] != other["transforms"]).any()


@pytest.fixture(scope="module")
def sets():
    found = gather(load("scenes", n=40), SIDE)
    return found["train"], found["test"]


def test_the_model_is_left_at_its_best_epoch_and_a_state_is_of_one_recipe_and_set_of_pictures(sets):
    trainer = training.Trainer(tiny, RECIPE)
    same, history = trainer.identity(*sets), trainer.fit(*sets)
    longer = training.Recipe(loss="iou_aware", epochs=4, batch_size=4)
    assert same == trainer.identity(*sets) != trainer.identity(sets[1], sets[0])
    assert training.Trainer(tiny, longer).identity(*sets) != same
    best = max(history, key=lambda record: record["val_iou"] + record["val_ap50"])
    found = trainer.validate(sets[1], "tiny")
    assert found == {key: best[key] for key in found}


def test_what_cannot_be_trained_is_refused(sets):
    nobody = PictureSet(sets[0].X, tuple(boxes[:0] for boxes in sets[0].boxes), sets[0].names)
    trainer = training.Trainer(tiny, RECIPE)
    with pytest.raises(BadSet, match="training pictures has a face"):
        trainer.fit(nobody, sets[1])
    trainer.model.variables[0].assign(trainer.model.variables[0] * np.nan)
    with pytest.raises(BadParameter, match="diverged"):
        trainer.validate(sets[1], "tiny")
