"""What labels mean: emotion, arousal and valence. Each corpus maps its labels to these, beside its loader.

The sides follow the circumplex model (Russell 1980, A circumplex model of affect, J. Pers. Soc. Psychol. 39):
anger, fear and joy are aroused, sadness, boredom and calm are not; joy and calm are pleasant, anger, fear,
sadness and boredom are not. Where authors disagree, the choice is:

- disgust and contempt: unpleasant; no arousal side, they lie near the axis and change sides between studies.
- surprise: aroused; no valence side, it can be either. TESS is the exception: pleasant surprise was played.
- neutral, rest, baseline: low arousal, as in the benchmark of Schuller et al. 2009 (ASRU); no valence side.
- boredom: low arousal, unpleasant. Meditation: low arousal; WESAD's amusement: pleasant, no arousal side.
- stress: high arousal, unpleasant. Concentrating, and CogWear's cognitive load: high arousal against rest; no valence side.

A task leaves out a label without a side in it, by design. A label that its corpus's map does not hold is an error.

Some corpora rate instead. A rating above the midpoint of its scale is high or positive, the midpoint and what is below
it low or negative: the usual "> 5" on 1 to 9 (GAMEEMO, DEAP) and "> 3" on 1 to 5 (DREAMER).
"""

import numpy as np

from emolib.core.errors import BadParameter, UnmappedLabel
from emolib.datasets import get, root_of
from emolib.datasets.base import Affect, Corpus, Trial

WORDS = {  # of the corpora
    **dict.fromkeys(("angry", "anger"), Affect("angry", "high", "negative")),
    "boredom": Affect("boredom", "low", "negative"),
    "calm": Affect("calm", "low", "positive"),
    "contempt": Affect("contempt", None, "negative"),
    "disgust": Affect("disgust", None, "negative"),
    **dict.fromkeys(("fear", "fearful"), Affect("fear", "high", "negative")),
    **dict.fromkeys(("happy", "happiness"), Affect("happy", "high", "positive")),
    "neutral": Affect("neutral", "low", None),
    **dict.fromkeys(("sad", "sadness"), Affect("sad", "low", "negative")),
    **dict.fromkeys(("surprise", "surprised"), Affect("surprise", "high", None)),
    "relaxed": Affect("relaxed", "low", "positive"),
    "rest": Affect("rest", "low", None),
    "stress": Affect("stress", "high", "negative"),
}


def mapped(*words: str) -> dict[str, Affect]:
    """A corpus's map of labels that are words of WORDS."""
    return {word: WORDS[word] for word in words}


# FER2013's words in its own order
FER = mapped("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

# Tasks that corpora share: the class names in their order
AROUSAL = {"arousal": ("low", "high")}
VALENCE = {"valence": ("negative", "positive")}
SIDES = {**AROUSAL, **VALENCE}
EMOTION7 = {"emotion7": tuple(FER)}
EMOTION4 = {"emotion4": ("neutral", "angry", "surprise", "happy")}
EMOTION6 = {"emotion6": ("angry", "disgust", "fear", "happy", "neutral", "sad")}
REST_STRESS = {"stress": ("rest", "stress")}


def classes(corpus: str, task: str) -> tuple[str, ...]:
    """The class names of a task in their order; those of your own emotions are read from labels.csv."""
    tasks = get(corpus).tasks
    if task not in tasks:
        raise BadParameter(f"task: got {task!r}, expected one of {', '.join(tasks)} for {corpus}.")
    return tasks[task](root_of(corpus)) if callable(tasks[task]) else tasks[task]


def target(corpus: str, task: str, trial: Trial) -> str | None:
    """The trial's class in a task, or None where the task leaves its label out by design. Raises UnmappedLabel for a
    label that the corpus's map does not hold, or a rating that is missing."""
    entry = get(corpus)
    if corpus == "own" and task == "emotion":
        return trial.label or None
    if entry.midpoint is None:
        if trial.label not in entry.labels:
            expected = f"{', '.join(entry.labels)}: mend the file name, or the map in emolib/datasets/corpora"
            raise UnmappedLabel(f"Label {trial.label!r} of {corpus} is in no map, expected {expected}.")
        return _class_of(entry, task, entry.labels[trial.label])
    known, rating = classes(corpus, task), trial.ratings.get(task)
    if rating is not None and np.isfinite(rating):
        return known[int(rating > entry.midpoint)]
    if corpus == "own":  # its ratings are optional
        return None
    raise UnmappedLabel(f"Trial {trial.trial} of {corpus} has {task} rating {rating}, expected a number.")


def marginal(corpus: str, task: str, to_task: str) -> np.ndarray:
    """0/1 matrix (n_classes, n_to_classes): scores of `task` @ matrix are sums per class of `to_task`.

    A class that `to_task` leaves out has a row of zeros. Raises BadParameter where a class of `task` would
    fall into several classes of `to_task`, or where nothing ties the two.
    """
    rows, columns, entry = classes(corpus, task), classes(corpus, to_task), get(corpus)
    if task == to_task:
        return np.eye(len(rows))
    affects = entry.labels.values()
    pairs = {(_class_of(entry, task, affect), _class_of(entry, to_task, affect)) for affect in affects}
    if sorted(start for start, _ in pairs if start) != sorted(rows):
        raise BadParameter(f"{corpus}: classes of {task} do not each fall into one class of {to_task}.")
    return np.array([[float((row, column) in pairs) for column in columns] for row in rows])


def _class_of(entry: Corpus, task: str, affect: Affect) -> str | None:
    """The class of an affect in a task, or None for no side."""
    side = getattr(affect, task) if task in SIDES else affect.emotion
    return side if side in classes(entry.name, task) else None
