"""Training: it learns what is there and nothing else, and no fold depends on the folds before."""

import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, log_loss
from sklearn.utils.class_weight import compute_class_weight

from emolib.core.errors import BadParameter, BadSet
from emolib.datasets.base import EmotionSet

keras = pytest.importorskip("keras")
training = pytest.importorskip("emolib.models.training")
Trainer, Training, part = training.Trainer, training.Training, EmotionSet.part

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


def eeg():
    from emolib.models import build

    return build("eeg", SHAPE, 2)


def trainer(options: Training = QUICK) -> Trainer:
    from emolib.models import network

    return Trainer(eeg, options, network("eeg").augment)


TRAIN, VAL, TEST = toy(), toy(seed=1), toy(400, seed=2)


@pytest.fixture(scope="module")
def used() -> Trainer:
    """A trainer that many tests use, as many folds would."""
    return trainer()


def weights(model) -> list[np.ndarray]:
    return [w.copy() for w in model.get_weights()]


def same(a, b) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_learns_a_separable_set(used):
    history = used.fit(TRAIN, VAL)
    assert balanced_accuracy_score(TEST.y, used.predict(TEST.X).argmax(1)) > 0.93  # one step alone gives 0.84
    assert history["loss"][-1] < history["loss"][0]


def test_shuffled_labels_stay_at_chance(used):
    shuffled = replace(TRAIN, y=np.random.default_rng(3).permutation(TRAIN.y))
    used.fit(shuffled, replace(VAL, y=np.random.default_rng(4).permutation(VAL.y)))
    labels = np.random.default_rng(5).permutation(TEST.y)
    assert abs(balanced_accuracy_score(labels, used.predict(TEST.X).argmax(1)) - 0.5) < 0.08


def test_a_fold_is_the_same_after_other_folds_as_in_a_fresh_trainer(used):
    used.fit(toy(100, gap=-3.0, seed=9), VAL)
    late = used.fit(TRAIN, VAL)
    fresh = trainer()
    assert fresh.fit(TRAIN, VAL) == late
    assert same(weights(fresh.model), weights(used.model))


def test_another_seed_gives_other_weights(used):
    used.fit(TRAIN, VAL)
    other = trainer(replace(QUICK, seed=1))
    other.fit(TRAIN, VAL)
    assert not same(weights(other.model), weights(used.model))


def test_class_weights_raise_the_recall_of_a_rare_class():
    train, val, test = (toy(400, gap=0.5, seed=k, share=0.12) for k in (0, 1, 2))
    recall = {}
    for weighted in (False, True):
        fitted = trainer(replace(QUICK, class_weights=weighted, epochs=3, patience=3))
        fitted.fit(train, val)
        recall[weighted] = (fitted.predict(test.X).argmax(1) == 1)[test.y == 1].mean()
    assert recall[True] > recall[False] + 0.2


def test_stops_early_with_the_weights_of_the_best_epoch():
    mirrored = replace(VAL, y=1 - VAL.y)  # validation gets worse with every epoch of learning
    fitted = trainer(replace(QUICK, epochs=30, patience=3))
    history = fitted.fit(TRAIN, mirrored)
    best = int(np.argmin(history["val_loss"]))
    assert len(history["val_uar"]) == best + 1 + 3 < 30
    logits = fitted.predict(mirrored.X)
    assert balanced_accuracy_score(mirrored.y, logits.argmax(1)) == pytest.approx(history["val_uar"][best])
    p = np.exp(logits.astype(np.float64))
    p /= p.sum(axis=1, keepdims=True)
    by_class = [
        log_loss(mirrored.y[rows], p[rows], labels=[0, 1]) for rows in (mirrored.y == 0, mirrored.y == 1)
    ]
    assert np.mean(by_class) == pytest.approx(history["val_loss"][best], rel=1e-4)


def test_learning_rate_falls_along_half_a_cosine_from_the_start_of_every_fold(used):
    for _ in range(2):
        rates = used.fit(TRAIN, VAL)["learning_rate"]
        assert rates[0] == pytest.approx(0.01)
        assert rates[4] == pytest.approx(0.005)
        assert np.all(np.diff(rates) < 0)


@pytest.mark.parametrize("name", sorted(training.OPTIMIZERS))
def test_every_optimizer_learns(name):
    fitted = trainer(replace(QUICK, optimizer=name))
    fitted.fit(TRAIN, VAL)
    assert balanced_accuracy_score(TEST.y, fitted.predict(TEST.X).argmax(1)) > 0.9


@pytest.mark.parametrize("n", [1, 131, 300])
def test_predictions_are_the_models_for_any_number_of_windows(used, n):
    X = np.resize(TEST.X, (n, *TEST.X.shape[1:]))
    expected = used.model(X, training=False).numpy()
    np.testing.assert_allclose(used.predict(X), expected, rtol=1e-4, atol=1e-5)


def test_a_field_that_training_lacks_is_named():
    assert training.options(3, {"epochs": 2}) == training.Training(epochs=2, seed=3)
    with pytest.raises(BadParameter, match="Parameter epoch does not exist in fit: did you mean epochs"):
        training.options(0, {"epoch": 3})


def test_balanced_weights_are_sklearns():
    y = np.array([0, 0, 0, 1, 2, 2])
    np.testing.assert_allclose(
        training.balanced(y, 3), compute_class_weight("balanced", classes=np.arange(3), y=y)
    )


@pytest.mark.parametrize(("n", "size", "shape"), [(10, 4, (3, 4)), (3, 8, (1, 8)), (8, 4, (2, 4))])
def test_an_epoch_sees_every_window_in_batches_of_one_size(n, size, shape):
    rows = training.batches(n, size, np.random.default_rng(0))
    assert rows.shape == shape
    counts = np.bincount(rows.ravel(), minlength=n)
    assert counts.min() >= 1 and counts.max() - counts.min() <= 1


def test_part_takes_rows_and_transforms_windows_only():
    taken = part(TRAIN, np.array([5, 3]), lambda X: X * 2)
    np.testing.assert_array_equal(taken.X, TRAIN.X[[5, 3]] * 2)
    np.testing.assert_array_equal(taken.subject, TRAIN.subject[[5, 3]])
    assert taken.classes == TRAIN.classes


def test_refuses_sets_that_cannot_be_trained_on(used):
    with pytest.raises(BadSet, match="class high"):
        used.fit(part(TRAIN, np.flatnonzero(TRAIN.y == 0)), VAL)
    with pytest.raises(BadSet, match="One subject"):
        used.fit(part(TRAIN, np.flatnonzero(TRAIN.subject == "1")), VAL)
    with pytest.raises(BadSet, match=r"validation set .*\(\(3, 1, 6\), 2\), expected \(\(4, 1, 6\), 2\)"):
        used.fit(TRAIN, replace(VAL, X=VAL.X[:, :3]))
    with pytest.raises(BadSet, match="NaN"):
        used.fit(replace(TRAIN, X=np.full_like(TRAIN.X, np.nan)), VAL)
    with pytest.raises(BadSet, match="No windows"):
        used.fit(TRAIN, part(VAL, np.array([], int)))


def focal_loss(logits: np.ndarray, targets: np.ndarray, gamma: float) -> float:
    """-sum of target (1 - p)^gamma log p, mean over windows: Lin et al. (2017), equation 4, in float64."""
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return float(-(targets * (1 - p) ** gamma * np.log(p)).sum(axis=1).mean())


def focal_slopes(logits: np.ndarray, targets: np.ndarray, gamma: float) -> tuple[float, np.ndarray]:
    """The library's loss and its gradient by the logits."""
    import tensorflow as tf

    x = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(x)
        gain = training.focused(tf.nn.log_softmax(x), gamma)
        loss = -tf.reduce_mean(tf.reduce_sum(targets * gain, axis=1))
    return float(loss), tape.gradient(loss, x).numpy()


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 5.0])
def test_focal_loss_and_its_gradient_are_those_of_the_paper(gamma):
    rng = np.random.default_rng(0)
    logits, targets = rng.normal(size=(5, 3)) * 3, rng.uniform(size=(5, 3))
    loss, slopes = focal_slopes(logits, targets, gamma)
    assert loss == pytest.approx(focal_loss(logits, targets, gamma), rel=1e-9)
    step, expected = 1e-6, np.empty_like(logits)
    for i in np.ndindex(logits.shape):
        up, down = logits.copy(), logits.copy()
        up[i] += step
        down[i] -= step
        expected[i] = (focal_loss(up, targets, gamma) - focal_loss(down, targets, gamma)) / (2 * step)
    np.testing.assert_allclose(slopes, expected, rtol=1e-5, atol=1e-8)


def test_focal_gradient_is_the_papers_formula_for_two_classes():
    """Lin et al. (2017), appendix B: dFL/dx = y (1 - p)^gamma (gamma p log p + p - 1), p = sigmoid(y x)."""
    x = np.linspace(-6, 6, 13)
    p = 1 / (1 + np.exp(-x))
    targets = np.stack([np.ones_like(x), np.zeros_like(x)], axis=1)
    _, slopes = focal_slopes(np.stack([x, np.zeros_like(x)], axis=1), targets, 2.0)
    np.testing.assert_allclose(slopes[:, 0] * len(x), (1 - p) ** 2 * (2 * p * np.log(p) + p - 1), atol=1e-12)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_focal_gradient_is_finite_where_the_answer_is_sure(gamma):
    logits = np.array([[200.0, 0.0], [-200.0, 0.0]], np.float32)
    _, slopes = focal_slopes(logits, np.array([[1.0, 0.0], [1.0, 0.0]], np.float32), gamma)
    np.testing.assert_allclose(slopes, [[0, 0], [-0.5, 0.5]], atol=1e-6)


def test_without_focus_the_loss_is_cross_entropy_to_the_bit():
    import tensorflow as tf

    log_p = tf.nn.log_softmax(tf.random.stateless_normal((50, 4), (1, 2)))
    np.testing.assert_array_equal(training.focused(log_p, 0.0), log_p)


def test_training_takes_the_focal_loss_with_class_weights():
    from emolib.models import build

    options = replace(QUICK, focal_gamma=2.0, label_smoothing=0.0, augment=False)
    focal = Trainer(lambda: build("eeg", SHAPE, 2, dropout=0.0), options)
    y = np.repeat([0, 1], [24, 8])
    logits = focal.model(TRAIN.X[:32], training=True).numpy()
    focal.reset()
    weighted = np.eye(2)[y] * np.array([32 / 2 / 24, 32 / 2 / 8])[y][:, None]
    loss = float(focal.steps(TRAIN.X[None, :32], focal.targets(y)[None], 0))
    assert loss == pytest.approx(focal_loss(logits.astype(np.float64), weighted, 2.0), rel=1e-5)
    focal.fit(TRAIN, VAL)
    assert balanced_accuracy_score(TEST.y, focal.predict(TEST.X).argmax(1)) > 0.9


@pytest.mark.parametrize(
    ("changed", "serves"),
    [
        ({"epochs": 3, "label_smoothing": 0.0, "patience": 2, "learning_rate": 0.1}, True),
        ({"batch_size": 8}, False),
        ({"optimizer": "sgd"}, False),
        ({"focal_gamma": 1.0}, False),
        ({"augment": False}, False),
        ({"seed": 5}, False),
    ],
)
def test_a_trainer_serves_options_that_its_graph_does_not_hold(used, changed, serves):
    assert used.serves(replace(QUICK, **changed)) is serves


def test_a_trainer_with_other_options_gives_what_a_new_one_gives(used):
    options = replace(QUICK, epochs=3, label_smoothing=0.0, learning_rate=0.02, class_weights=False)
    used.fit(TRAIN, VAL)
    used.options = options
    history = used.fit(TRAIN, VAL)
    used.options = QUICK
    assert trainer(options).fit(TRAIN, VAL) == history


def test_training_that_diverges_is_named(used):
    hot = trainer(replace(QUICK, optimizer="sgd", learning_rate=1e30))
    with pytest.raises(
        BadParameter, match=r"fold S07: training diverged, .*lower learning_rate \(now 1e\+30\)"
    ):
        hot.fit(TRAIN, VAL, name="fold S07")


@pytest.mark.parametrize(
    "wrong",
    [
        {"optimizer": "lion"},
        {"epochs": 0},
        {"learning_rate": -1},
        {"label_smoothing": 1.0},
        {"focal_gamma": -1.0},
        {"focal_gamma": math.nan},
    ],
)
def test_refuses_options_out_of_range(wrong):
    with pytest.raises(BadParameter, match=f"{next(iter(wrong))}: got .*, expected"):
        Training(**wrong)


def test_progress_is_one_line_a_fold(used, capsys):
    used.fit(TRAIN, VAL, name="fold S01")
    lines = capsys.readouterr().out.rstrip("\n").split("\n")
    assert len(lines) == 1
    assert "fold S01" in lines[0] and "validation UAR" in lines[0].split("\r")[-1]
