"""Training: it learns what is there and nothing else, no fold depends on the folds before, a killed one goes on."""

import csv
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from scipy.special import softmax as of_logits
from sklearn.metrics import balanced_accuracy_score, log_loss

from emolib import models
from emolib.core.errors import BadParameter, BadSet
from emolib.core.experiment import Experiment
from emolib.datasets.base import EmotionSet
from emolib.models import lda, training
from emolib.models.backend import tf
from emolib.models.checkpoint import Checkpoint
from emolib.models.training import Trainer, Training

softmax = partial(of_logits, axis=1)
SHAPE = (4, 1, 6)
QUICK = Training(epochs=8, patience=8, batch_size=32, learning_rate=0.01)


def toy(n: int = 240, gap: float = 2.0, seed: int = 0, share: float = 0.5) -> EmotionSet:
    """Two classes that lie `gap` standard deviations apart in one feature; four subjects."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < share).astype(int)
    X = rng.normal(size=(n, *SHAPE)).astype(np.float32)
    X[..., 0] += gap * (y[:, None, None] - 0.5)
    subject = np.arange(n) % 4
    return EmotionSet(X, y, subject.astype(str), np.arange(n).astype(str), ("low", "high"))


def quick(**fields) -> Training:
    return QUICK.model_copy(update=fields)


def trainer(options: Training = QUICK) -> Trainer:
    return Trainer(lambda: models.build("eeg", SHAPE, 2), options, models.network("eeg").augment)


TRAIN, VAL, TEST = toy(), toy(seed=1), toy(400, seed=2)


@pytest.fixture(scope="module")
def used() -> Trainer:
    """A trainer that many tests use, as many folds would."""
    return trainer()


def uar_on_test(fitted: Trainer, y=TEST.y) -> float:
    return balanced_accuracy_score(y, fitted.predict(TEST.X).argmax(1))


def same_weights(a: Trainer, b: Trainer) -> bool:
    return all(map(np.array_equal, a.model.get_weights(), b.model.get_weights()))


def test_shuffled_labels_stay_at_chance(used):
    rng = np.random.default_rng(3)
    used.fit(*(replace(data, y=rng.permutation(data.y)) for data in (TRAIN, VAL)))
    assert abs(uar_on_test(used, rng.permutation(TEST.y)) - 0.5) < 0.08


def test_a_fold_is_the_same_after_other_folds_as_in_a_fresh_trainer_and_differs_by_seed(used):
    used.fit(toy(100, gap=-3.0, seed=9), VAL)
    late = used.fit(TRAIN, VAL)
    fresh, other = trainer(), trainer(quick(seed=1))
    assert fresh.fit(TRAIN, VAL) == late and same_weights(fresh, used)
    other.fit(TRAIN, VAL)
    assert not same_weights(other, used)


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_every_optimizer_learns_a_separable_set_along_half_a_cosine(name):
    fitted = trainer(quick(optimizer=name))
    history = fitted.fit(TRAIN, VAL)
    assert uar_on_test(fitted) > 0.9 and history["loss"][-1] < history["loss"][0]
    rates = history["learning_rate"]
    assert rates[::4] == pytest.approx([0.01, 0.005]) and np.all(np.diff(rates) < 0)


def test_a_trainer_given_other_options_trains_as_a_new_one_where_its_graph_serves(used):
    assert not used.serves(quick(focal_gamma=1.0))
    options = quick(epochs=3, label_smoothing=0.0, learning_rate=0.02, class_weights=False)
    assert used.serves(options)
    used.options = options
    history = used.fit(TRAIN, VAL)
    used.options = QUICK
    assert trainer(options).fit(TRAIN, VAL) == history


def test_stops_early_with_the_weights_of_the_best_epoch():
    mirrored = replace(VAL, y=1 - VAL.y)  # validation gets worse with every epoch of learning
    fitted = trainer(quick(epochs=30, patience=3))
    history = fitted.fit(TRAIN, mirrored)
    best = int(np.argmin(history["val_loss"]))
    assert len(history["val_uar"]) == best + 1 + 3 < 30
    p = softmax(fitted.predict(mirrored.X).astype(np.float64))
    assert balanced_accuracy_score(mirrored.y, p.argmax(1)) == pytest.approx(history["val_uar"][best])
    losses = [log_loss(mirrored.y[mirrored.y == k], p[mirrored.y == k], labels=[0, 1]) for k in (0, 1)]
    assert np.mean(losses) == pytest.approx(history["val_loss"][best], rel=1e-4)


@pytest.mark.parametrize(("n", "size", "shape"), [(10, 4, (3, 4)), (3, 8, (1, 8))])
def test_an_epoch_sees_every_window_in_batches_of_one_size(n, size, shape):
    rows = training.batches(n, size, np.random.default_rng(0))
    counts = np.bincount(rows.ravel(), minlength=n)
    assert rows.shape == shape and counts.min() >= 1 and counts.max() - counts.min() <= 1


def test_a_class_without_windows_and_training_that_diverges_are_named(used):
    with pytest.raises(BadSet, match="class high"):
        used.fit(TRAIN.part(np.flatnonzero(TRAIN.y == 0)), VAL)
    hot = trainer(quick(optimizer="sgd", learning_rate=1e30))
    with pytest.raises(BadParameter, match=r"S07: training diverged, .*lower learning_rate \(now 1e\+30\)"):
        hot.fit(TRAIN, VAL, name="S07")


def focal_loss(logits: np.ndarray, targets: np.ndarray, gamma: float) -> float:
    """-sum of target (1 - p)^gamma log p, mean over windows: Lin et al. (2017), equation 4, in float64."""
    p = softmax(logits)
    return float(-(targets * (1 - p) ** gamma * np.log(p)).sum(axis=1).mean())


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_a_step_takes_the_focal_loss_of_the_paper_with_class_weights(gamma):
    options = quick(focal_gamma=gamma, label_smoothing=0.0, augment=False)
    focal = Trainer(lambda: models.build("eeg", SHAPE, 2, dropout=0.0), options)
    y = np.repeat([0, 1], [24, 8])
    logits = focal.model(TRAIN.X[:32], training=True).numpy()
    focal.reset()
    weighted = np.eye(2)[y] * np.array([32 / 2 / 24, 32 / 2 / 8])[y][:, None]
    loss = float(focal.steps(TRAIN.X[None, :32], focal.targets(y)[None], 0))
    assert loss == pytest.approx(focal_loss(logits.astype(np.float64), weighted, gamma), rel=1e-5)


def test_the_slope_of_the_focal_loss_is_finite_where_p_is_0_or_1():
    x = tf.constant([[200.0, 0.0], [-200.0, 0.0]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = -tf.reduce_mean(training.focal(tf.nn.log_softmax(x), 0.5)[:, 0])
    np.testing.assert_allclose(tape.gradient(loss, x), [[0, 0], [-0.5, 0.5]], atol=1e-6)


class Killed(Exception):
    pass


class DiesAfterThree(Checkpoint):
    """Stands for a process that is killed after three epochs."""

    def epoch(self, variables, kept, history):
        super().epoch(variables, kept, history)
        if len(history) == 3:
            raise Killed


@pytest.mark.parametrize(
    ("identity", "damaged", "epochs"),
    [({"a": 1}, False, range(3, 8)), ({"a": 2}, False, range(8)), ({"a": 1}, True, range(8))],
)
def test_a_killed_training_goes_on_with_the_same_numbers_and_another_one_starts_anew(
    tmp_path, identity, damaged, epochs
):
    whole = trainer()
    expected = whole.fit(TRAIN, VAL)
    state = DiesAfterThree(tmp_path / "fold", {"a": 1}, every_s=0)
    with pytest.raises(Killed):
        trainer().fit(TRAIN, VAL, state=state)
    if damaged:
        state.state.write_bytes(state.state.read_bytes()[:200])
    again, done = trainer(), []
    real = again.epoch
    again.epoch = lambda train, number, bar: done.append(number) or real(train, number, bar)
    assert again.fit(TRAIN, VAL, state=Checkpoint(tmp_path / "fold", identity)) == expected
    assert done == list(epochs) and same_weights(again, whole)


def test_the_curve_is_a_table_and_scalars_and_a_short_training_writes_no_state(tmp_path):
    state = Checkpoint(tmp_path / "fold", {}, every_s=3600)
    history = trainer().fit(TRAIN, VAL, state=state)
    assert not list(tmp_path.glob("*.npz"))
    with open(tmp_path / "fold.csv") as file:
        assert [float(row["val_loss"]) for row in csv.DictReader(file)] == pytest.approx(history["val_loss"])
    records = (
        record for path in (tmp_path / "fold").iterdir() for record in tf.compat.v1.train.summary_iterator(str(path))
    )
    tags = {value.tag for record in records for value in record.summary.value}
    assert tags == {"learning_rate", "loss", "val_loss", "val_uar"}


def test_lda_is_solved_in_one_epoch_whatever_seed_and_validation_people_and_by_hand():
    """Means -1 and 1 and variance 1 about them: the logits differ by 2 x, as the log odds of the two normal densities."""
    X = np.float32([-2, 0, 0, 2]).reshape(4, 1, 1, 1)
    weights, bias = lda.solve(X, np.array([0, 0, 1, 1]), 2)
    assert weights.ravel() == pytest.approx([-1, 1]) and bias == pytest.approx([-0.5, -0.5])
    source, found = Experiment("synthetic", "eeg", "emotion", "loso", "lda"), []
    for seed, val in ((0, VAL), (1, toy(30, seed=2))):
        fitted = training.trainer_of(source, TRAIN, {}, training.options(seed, {}))
        history = fitted.fit(TRAIN, val)
        assert len(history["loss"]) == 1 and history["loss"][0] < np.log(2)
        found.append(fitted.predict(TEST.X))
    np.testing.assert_array_equal(*found)
