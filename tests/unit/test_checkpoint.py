import csv

import numpy as np
import pytest
import tensorflow as tf
from keras import Input, Model, layers

from emolib.datasets.base import EmotionSet
from emolib.models.checkpoint import Checkpoint
from emolib.models.training import Trainer, Training

OPTIONS = Training(epochs=6, batch_size=16, patience=6, seed=3)


def made(seed, n=64):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    X = np.float32(rng.normal(size=(n, 4)) + y[:, None])
    names = np.array([f"s{i % 4}" for i in range(n)])
    return EmotionSet(X=X, y=y, subject=names, trial=names, sfreq=1.0, classes=("a", "b"))


TRAIN, VAL = made(0), made(1)


def network():
    inputs = Input((4,))
    return Model(inputs, layers.Dense(2)(layers.BatchNormalization()(layers.Dense(8)(inputs))))


class Killed(Exception):
    pass


class DiesAfter(Checkpoint):
    """Stands for a process that is killed after some epochs."""

    n = 3

    def epoch(self, variables, kept, history):
        super().epoch(variables, kept, history)
        if len(history) == self.n:
            raise Killed


@pytest.fixture(scope="module")
def whole():
    trainer = Trainer(network, OPTIONS)
    return trainer.fit(TRAIN, VAL), trainer.model.get_weights()


def test_a_killed_training_goes_on_with_the_same_numbers(tmp_path, whole):
    with pytest.raises(Killed):
        Trainer(network, OPTIONS).fit(TRAIN, VAL, state=DiesAfter(tmp_path / "fold", {"a": 1}, every_s=0))
    trainer, epochs = Trainer(network, OPTIONS), []
    real = trainer.epoch
    trainer.epoch = lambda X, targets, number, bar: epochs.append(number) or real(X, targets, number, bar)
    history = trainer.fit(TRAIN, VAL, state=Checkpoint(tmp_path / "fold", {"a": 1}))
    assert epochs == [3, 4, 5]
    assert history == whole[0]
    for mine, other in zip(trainer.model.get_weights(), whole[1], strict=True):
        assert np.array_equal(mine, other)


def test_a_state_of_another_training_is_not_taken_up(tmp_path, whole):
    with pytest.raises(Killed):
        Trainer(network, OPTIONS).fit(TRAIN, VAL, state=DiesAfter(tmp_path / "fold", {"a": 1}, every_s=0))
    history = Trainer(network, OPTIONS).fit(TRAIN, VAL, state=Checkpoint(tmp_path / "fold", {"a": 2}))
    assert history == whole[0]


@pytest.mark.parametrize(
    "damage", [lambda content: content[:200], lambda content: b"", lambda content: b"no zip"]
)
def test_a_damaged_state_is_as_none(tmp_path, damage):
    variables = [tf.Variable([1.0, 2.0])]
    state = Checkpoint(tmp_path / "fold", {}, every_s=0)
    state.epoch(variables, [np.ones(2)], [{"loss": 1.0}])
    state.state.write_bytes(damage(state.state.read_bytes()))
    assert state.restore(variables) == ([], [])
    assert variables[0].numpy().tolist() == [1.0, 2.0]


def test_a_state_of_other_shapes_changes_nothing(tmp_path):
    state = Checkpoint(tmp_path / "fold", {}, every_s=0)
    state.epoch([tf.Variable([1.0]), tf.Variable([2.0])], [], [{"loss": 1.0}])
    variables = [tf.Variable([5.0]), tf.Variable([5.0, 6.0])]
    assert state.restore(variables) == ([], [])
    assert variables[0].numpy().tolist() == [5.0]


def test_the_curve_is_a_table_and_scalars_and_outlives_the_state(tmp_path):
    state = Checkpoint(tmp_path / "training" / "fold", {}, every_s=0)
    history = Trainer(network, OPTIONS).fit(TRAIN, VAL, state=state)
    state.done()
    with open(tmp_path / "training" / "fold.csv") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["val_loss"]) for row in rows] == pytest.approx(history["val_loss"])
    assert [path.name for path in tmp_path.glob("training/*.npz")] == []
    events = list((tmp_path / "training" / "fold").iterdir())
    tags = {
        value.tag
        for path in events
        for record in tf.compat.v1.train.summary_iterator(str(path))
        for value in record.summary.value
    }
    assert tags == {"learning_rate", "loss", "val_loss", "val_uar"}


def test_a_short_training_writes_no_state(tmp_path):
    state = Checkpoint(tmp_path / "fold", {}, every_s=3600)
    state.epoch([tf.Variable([1.0])], [], [{"loss": 1.0}])
    assert [path.name for path in tmp_path.glob("*.npz")] == []
