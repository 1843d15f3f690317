"""From a picture to faces and scores: a detector and a classifier that a test can foresee."""

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import find_objects, label

from emolib.device.faces import STAGES, Classifier, Detector, FacePath, square
from emolib.signals.boxes import Grid
from emolib.signals.frontend import FaceFrontEnd
from emolib.signals.readers import read_face
from emolib.signals.standardise import Standardiser

SIDE, GRID = 96, Grid(n_cells=12, n_boxes=1, reach=0.0)


class Sees:
    """A detector that finds the patches of one grey level, 255, each in the square that it is shown."""

    input_shape = (SIDE, SIDE, 1)

    def invoke(self, x):
        patches = find_objects(label(x[..., 0] > 0.97)[0])
        boxes = [(columns.start, rows.start, columns.stop, rows.stop) for rows, columns in patches]
        targets, _ = GRID.encode(np.reshape(np.array(boxes, float), (-1, 4)), SIDE)
        return np.concatenate([targets, np.ones((12, 12, 1))], axis=-1)


class Brightness:
    """A classifier of two classes: how bright the crop is, of which a face of 255 leaves little doubt."""

    def predict(self, X):
        level = X.mean(axis=(1, 2, 3))
        return np.stack([level, -level], axis=1)


def path(margin=0.2):
    as_it_is = Standardiser(np.float32(0), np.float32(1), None)
    classifier = Classifier(Brightness(), FaceFrontEnd(size=16), as_it_is, margin)
    return FacePath(Detector(Sees(), GRID, 0.5), classifier)


def picture(height, width, *boxes):
    """Dark noise with white faces."""
    image = np.random.default_rng(0).integers(0, 60, (height, width, 3)).astype(np.uint8)
    for x1, y1, x2, y2 in boxes:
        image[y1:y2, x1:x2] = 255
    return image


def test_boxes_come_back_in_pixels_of_the_picture():
    truth = [(20, 30, 80, 100), (150, 40, 220, 130)]
    faces = path(margin=0.05)(picture(192, 288, *truth))
    found = sorted((face.box for face in faces), key=lambda box: box[0])
    np.testing.assert_allclose(found, truth, atol=5)  # a pixel of the detector is 3 of the picture
    assert all(face.scores.sum() == pytest.approx(1) and face.scores[0] > 0.5 for face in faces)


def test_no_face_is_an_empty_list_and_every_stage_is_timed():
    face_path = path()
    face_path(picture(192, 192, (40, 40, 120, 110)))
    assert tuple(face_path.ms) == STAGES and all(ms > 0 for ms in face_path.ms.values())
    assert face_path(picture(192, 192)) == [] and face_path.ms["classifier"] == 0
    assert path(margin=0.0)(picture(96, 96, (20, 20, 60, 60))) == []  # one grey level alone is no face


def test_exif_rotation(tmp_path):
    exif, upright = Image.Exif(), picture(96, 192, (30, 20, 90, 60))
    exif[0x0112] = 6  # to be shown turned by 90° clockwise
    Image.fromarray(upright).transpose(Image.Transpose.ROTATE_90).save(tmp_path / "a.png", exif=exif)
    image = read_face(tmp_path / "a.png").data
    np.testing.assert_array_equal(image, upright)


def test_square_by_hand():
    assert square(np.array([10.0, 20, 30, 60]), 0.0) == (0, 20, 40, 60)
    assert square(np.array([10.0, 10, 20, 20]), 0.5) == (5, 5, 25, 25)
    assert square(np.array([5, 5, 5.2, 5.1]), 0.0) == (5, 5, 6, 6)
