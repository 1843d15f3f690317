"""What labels mean: classes and sides of each corpus."""

import numpy as np
import pytest

from emolib.core.errors import BadParameter, UnmappedLabel
from emolib.datasets import NAMES, get, labels
from emolib.datasets.base import Trial


def trial(label="", **ratings):
    return Trial("any", "speech", "s", "t", np.zeros(1), 1.0, label=label, ratings=ratings)


@pytest.mark.parametrize("corpus", [name for name in NAMES if get(name).labels])
def test_every_class_is_reached_by_some_label_and_every_label_by_some_task(corpus):
    tasks, known = get(corpus).tasks, get(corpus).labels
    reached = {task: {labels.target(corpus, task, trial(label)) for label in known} for task in tasks}
    assert all(found - {None} == set(labels.classes(corpus, task)) for task, found in reached.items())
    for label in known:
        assert any(labels.target(corpus, task, trial(label)) for task in tasks), label


def test_an_unmapped_label_or_task_is_named_with_what_is_known():
    with pytest.raises(BadParameter, match="got 'emotion4', expected one of emotion7"):
        labels.classes("emodb", "emotion4")
    with pytest.raises(UnmappedLabel, match="'joy' of emodb.*anger, boredom, disgust"):
        labels.target("emodb", "emotion7", trial("joy"))


@pytest.mark.parametrize(("corpus", "rating", "is_high"), [
    ("deap", 5.0, False), ("deap", 5.01, True), ("gameemo", 6, True), ("dreamer", 3, False), ("dreamer", 4, True),
])  # fmt: skip
def test_ratings_split_above_the_midpoint(corpus, rating, is_high):
    rated = trial(arousal=rating, valence=rating)
    for task, sides in labels.SIDES.items():
        assert labels.target(corpus, task, rated) == sides[is_high]
    with pytest.raises(UnmappedLabel, match="arousal rating"):
        labels.target(corpus, "arousal", trial(arousal=float("nan")))


def test_marginal_sums_scores_per_side():
    scores = np.array([0.1, 0.2, 0.05, 0.25, 0.2, 0.15, 0.05])  # angry boredom disgust fear happy sad neutral
    sums = scores @ labels.marginal("emodb", "emotion7", "arousal")
    np.testing.assert_allclose(sums, [0.2 + 0.15 + 0.05, 0.1 + 0.25 + 0.2])
    matrix = labels.marginal("fer2013", "emotion7", "emotion4")  # to neutral angry surprise happy
    np.testing.assert_array_equal(matrix.argmax(axis=1)[[6, 0, 5, 3]], [0, 1, 2, 3])
    np.testing.assert_array_equal(matrix.sum(axis=1), [1, 0, 0, 1, 0, 1, 1])
    np.testing.assert_array_equal(labels.marginal("deap", "arousal", "arousal"), np.eye(2))
    # none where a class has several ends, or nothing ties the two
    for pair in (("emodb", "arousal", "emotion7"), ("deap", "arousal", "valence")):
        with pytest.raises(BadParameter, match="arousal do not each fall"):
            labels.marginal(*pair)
