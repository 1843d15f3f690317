"""A detector from pictures to numbers: what is skipped, what goes on, what may pick the threshold, sums by hand."""

from functools import partial

import numpy as np
import pytest
from found_boxes import found, shifted

from emolib.core.artifacts import Run
from emolib.evaluation import boxes as evaluation
from emolib.models.backend import keras, tf
from emolib.models.checkpoint import Checkpoint
from emolib.models.detector_training import PictureSet
from emolib.signals.boxes import Found, Grid
from emolib.studies import detector as study

INT8 = "int8"
FACE = [0.0, 0, 10, 10]


def shots(*boxes, side=16, n_channels=3):
    """Pictures with these boxes, each grey in the level of its place."""
    n = len(boxes)
    X = np.tile(np.arange(n, dtype=np.uint8)[:, None, None, None], (1, side, side, n_channels))
    boxes = tuple(np.reshape(np.array(each, float), (-1, 4)) for each in boxes)
    return PictureSet(X, boxes, tuple(f"scenes/p{k}" for k in range(n)))


PARTS = {"train": shots([FACE], [FACE]), "val": shots([FACE]), "test": shots([FACE])}


class Counts:
    """Stands for a Trainer of three epochs and its model: the only weight counts them; killed after `dies_after`."""

    grid = Grid(n_cells=4, n_boxes=1, reach=1.0)

    def __init__(self, recipe="r", dies_after=99):
        self.recipe, self.dies_after, self.epochs = recipe, dies_after, []
        self.weight, self.model = tf.Variable(0.0), self

    def save(self, path):
        path.write_text(f"weight {self.weight.numpy():g}")

    def identity(self, train, val):
        return {"recipe": self.recipe, "train": train.digest(), "val": val.digest()}

    def fit(self, train, val, name, state):
        history, _ = state.restore([self.weight])
        for number in range(len(history), 3):
            if number == self.dies_after:
                raise KeyboardInterrupt
            self.weight.assign_add(1)
            self.epochs.append(number)
            history.append({"epoch": number, "loss": 1 / (number + 1)})
            state.epoch([self.weight], [], history)
        return history


@pytest.fixture
def train(tmp_path, monkeypatch):
    """`study.train` in a process of its own, with a state on disk after every epoch: epochs that it trained, and history."""
    monkeypatch.setattr(study, "Checkpoint", partial(Checkpoint, every_s=0))

    def train(name, of=PARTS, **options):
        trainer = Counts(**options)
        return trainer.epochs, study.train(Run(tmp_path, "02d_detector", {"fit": {}}), name, trainer, of)

    return train


def test_a_detector_is_trained_once_and_goes_on_after_a_kill(train, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train("d", dies_after=2)
    assert not (tmp_path / "models/d.keras").exists()
    epochs, history = train("d")
    assert epochs == [2] and [row["epoch"] for row in history] == [0, 1, 2]
    assert (tmp_path / "models/d.keras").read_text() == "weight 3"
    assert not (tmp_path / "training/d.npz").exists() and (tmp_path / "training/d.csv").exists()
    assert study.grid(Run(tmp_path, "04a_composite", {}), "d") == Counts.grid
    assert train("d") == ([], history) == train("d", PARTS | {"test": shots([])})
    (tmp_path / "models/d.json").write_text("altered")
    assert train("d")[0] == [0, 1, 2]


@pytest.mark.parametrize("other", [{"recipe": "other"}, {"of": PARTS | {"train": shots([[0.0, 0, 9, 9]])}}])
def test_another_identity_trains_from_the_start(train, other):
    with pytest.raises(KeyboardInterrupt):
        train("killed", dies_after=2)
    train("whole")
    assert train("killed", **other)[0] == train("whole", **other)[0] == [0, 1, 2]


def write_detector(run, bias=2.0):
    """A detector of one convolution, 3 · 3 · 3 · 6 weights and 6 biases, on one cell."""
    inputs = keras.Input((8, 8, 3))
    cells = keras.layers.Conv2D(6, 3, strides=8, padding="same", name="cells")
    model = keras.Model(inputs, cells(inputs), name="small")
    cells.bias.assign(np.full(6, bias))
    with run.write("models/d.keras") as path:
        model.save(path)


def test_ranges_are_those_of_training_pictures_and_files_are_made_once(tmp_path, monkeypatch):
    calls = []  # what the converter was given: calibration pictures

    def convert(model, variant, calibration):
        calls.append(calibration)
        return f"{variant} {model.get_weights()[1][0]:g}".encode()

    def files(*options):
        found = study.convert(Run(tmp_path, "test", {}), "d", shots(*[[]] * 20), *options)
        return [path.read_text() for path in found.values()]

    monkeypatch.setattr(study.ptq, "convert", convert)
    monkeypatch.setattr(study, "compact", lambda content: content)
    write_detector(Run(tmp_path, "test", {}))
    for options, n_calls in (((6, 0), 2), ((6, 0), 2), ((7, 0), 4)):
        assert files(*options) == ["float32 2", "int8 2"] and len(calls) == n_calls
    write_detector(Run(tmp_path, "test", {}), bias=5.0)
    assert files(7, 0)[0] == "float32 5" and len(calls) == 6
    levels = np.rint(255 * calls[1][:, 0, 0, 0]).astype(int)
    assert len(set(levels)) == 6 and set(levels) <= set(range(20))
    expected = np.broadcast_to(levels[:, None, None, None] / 255, (6, 8, 8, 3))  # at the detector's side
    np.testing.assert_allclose(calls[1], expected, atol=1e-6)


VAL = [found(shifted(0, 0.9)), found(shifted(0, 0.6), shifted(40, 0.3)), found(shifted(40, 0.2))]
"""F1 from 0.9 on 2 · 1 / (1 + 3), from 0.6 on 2 · 2 / (2 + 3), then less: the threshold is 0.6."""
TEST = [found(shifted(0, 0.7)), found(shifted(0, 0.5)), found(shifted(5, 0.8), shifted(40, 0.65))]


def test_numbers_on_test_are_from_the_threshold_that_validation_picks(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "N_BOOT", 100)
    files = {name: tmp_path / name for name in ("float32", INT8)}
    for file in files.values():
        file.write_bytes(bytes(123))
    sure = [Found(boxes, scores**0.5) for boxes, scores in VAL]
    found = {"float32": {"val": VAL, "test": TEST}, INT8: {"val": sure, "test": TEST}}
    of = {"val": shots([FACE], [FACE], [FACE]), "test": shots([FACE], [FACE], [FACE])}
    table = study.evaluated(found, of, files).set_index("variant")
    assert table.min_score.tolist() == pytest.approx([0.6, 0.6**0.5]) and table.bytes.tolist() == [123] * 2
    row = table.loc["float32"]
    assert (row.n, row.n_single) == (3, 3)
    # The second picture's box is not sure enough, the third one's best has an IoU of 50 / 150
    assert row.iou == pytest.approx((1 + 0 + 1 / 3) / 3)
    assert [row.hit, row.recall, row.precision] == pytest.approx([1 / 3] * 3)
    assert row.ap50 == pytest.approx(1 / 3 * 1 / 2 + 1 / 3 * 1 / 2)  # hits are second and fourth of four
    assert table.iou[INT8] == pytest.approx(1 / 9)  # only 0.8 is above
