"""The network that is solved: scikit-learn's answers, no seed, and validation people that pick nothing."""

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from emolib import models
from emolib.core.experiment import Experiment
from emolib.datasets.base import EmotionSet
from emolib.device.interpreter import Model
from emolib.fusion.scores import softmax
from emolib.models import lda, training
from emolib.quantization import ptq

SOURCE = Experiment("synthetic", "eeg", "emotion", "loso", "lda")


def windows(n=90, n_classes=3, seed=0) -> EmotionSet:
    rng = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    X = rng.standard_normal((n, 4, 1, 5)) + 0.8 * rng.standard_normal((n_classes, 4, 1, 5))[y]
    names = np.array([f"p{i % 5}" for i in range(n)])
    return EmotionSet(X.astype(np.float32), y, names, names, tuple("abc"[:n_classes]))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_it_answers_as_scikit_learn(n_classes):
    """Its class probabilities, by the solver that inverts nothing as ours does."""
    data = windows(n_classes=n_classes)
    model = models.build("eeg", (4, 1, 5), n_classes, "lda")
    model.set_weights(lda.solve(data.X, data.y, n_classes))
    theirs = LinearDiscriminantAnalysis(
        solver="eigen", shrinkage=lda.SHRINKAGE, priors=np.full(n_classes, 1 / n_classes)
    ).fit(data.X.reshape(len(data.X), -1), data.y)
    scores = softmax(model.predict(data.X, verbose=0))
    np.testing.assert_allclose(scores, theirs.predict_proba(data.X.reshape(len(data.X), -1)), atol=1e-4)


def test_two_classes_on_a_line_by_hand():
    """Means -1 and 1 and variance 1 about them: the logits differ by 2 x, as the log odds of the two normal densities."""
    X = np.float32([-2, 0, 0, 2]).reshape(4, 1, 1, 1)
    weights, bias = lda.solve(X, np.array([0, 0, 1, 1]), 2)
    assert weights.ravel() == pytest.approx([-1, 1]) and bias == pytest.approx([-0.5, -0.5])


def test_neither_seed_nor_validation_people_change_it():
    data = windows()
    found = []
    for seed, val in ((0, windows(seed=1)), (1, windows(30, seed=2))):
        trainer = training.trainer_of(SOURCE, data, {}, training.options(seed, {}))
        history = trainer.fit(data, val)
        assert {len(column) for column in history.values()} == {1} and 0 <= history["val_uar"][0] <= 1
        found.append(trainer.predict(data.X))
    np.testing.assert_array_equal(*found)
    assert history["loss"][0] < np.log(3)


def test_its_int8_file_is_tiny_and_answers_alike():
    data, test = windows(300), windows(60, seed=1)
    trainer = training.trainer_of(SOURCE, data, {}, training.options(0, {}))
    trainer.fit(data, test)
    content = ptq.convert(trainer.model, "int8", data.X)
    with Model(content) as model:
        same = model.predict(test.X).argmax(axis=1) == trainer.predict(test.X).argmax(axis=1)
    assert len(content) < 4000 and same.mean() > 0.9
