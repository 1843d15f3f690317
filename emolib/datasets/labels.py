"""What each corpus's labels mean: one explicit map per corpus into emotions, arousal and valence.

The sides follow the circumplex model (Russell 1980, A circumplex model of affect, J. Pers. Soc. Psychol. 39):
anger, fear and joy are aroused, sadness, boredom and calm are not; joy and calm are pleasant, anger, fear,
sadness and boredom are not. Where authors disagree, the choice is:

- disgust and contempt: unpleasant; no arousal side, they lie near the axis and change sides between studies.
- surprise: aroused; no valence side, it can be either. TESS is the exception: pleasant surprise was played.
- neutral, rest, baseline: low arousal, as in the benchmark of Schuller et al. 2009 (ASRU); no valence side.
- boredom: low arousal, unpleasant. Meditation: low arousal; WESAD's amusement: pleasant, no arousal side.
- stress: high arousal, unpleasant. Concentrating: high arousal against relaxed and neutral; no valence side.

A side of None is left out of that task, by design. A label that its map does not hold is an error.
"""

from typing import NamedTuple

import numpy as np

from emolib.core.errors import BadParameter, UnmappedLabel
from emolib.datasets import labels_csv, root_of
from emolib.datasets.base import Trial


class Affect(NamedTuple):
    """What a label stands for: the class of the categorical tasks and its sides on the circumplex."""

    emotion: str
    arousal: str | None  # low | high
    valence: str | None  # negative | positive


ANGRY = Affect("angry", "high", "negative")
BOREDOM = Affect("boredom", "low", "negative")
CALM = Affect("calm", "low", "positive")
CONTEMPT = Affect("contempt", None, "negative")
DISGUST = Affect("disgust", None, "negative")
FEAR = Affect("fear", "high", "negative")
HAPPY = Affect("happy", "high", "positive")
NEUTRAL = Affect("neutral", "low", None)
SAD = Affect("sad", "low", "negative")
SURPRISE = Affect("surprise", "high", None)
RELAXED = Affect("relaxed", "low", "positive")
REST = Affect("rest", "low", None)
STRESS = Affect("stress", "high", "negative")

FER = {
    "angry": ANGRY, "disgust": DISGUST, "fear": FEAR, "happy": HAPPY, "sad": SAD, "surprise": SURPRISE,
    "neutral": NEUTRAL,
}  # fmt: skip

MAPS: dict[str, dict[str, Affect]] = {
    "synthetic": {"happy": HAPPY, "angry": ANGRY, "sad": SAD, "relaxed": RELAXED},
    "emodb": {
        "anger": ANGRY, "boredom": BOREDOM, "disgust": DISGUST, "fear": FEAR, "happiness": HAPPY,
        "sadness": SAD, "neutral": NEUTRAL,
    },
    "ravdess": {
        "neutral": NEUTRAL, "calm": CALM, "happy": HAPPY, "sad": SAD, "angry": ANGRY, "fearful": FEAR,
        "disgust": DISGUST, "surprised": SURPRISE,
    },
    "crema_d": {
        "anger": ANGRY, "disgust": DISGUST, "fear": FEAR, "happy": HAPPY, "neutral": NEUTRAL, "sad": SAD,
    },
    "tess": {
        "angry": ANGRY, "disgust": DISGUST, "fear": FEAR, "happy": HAPPY, "neutral": NEUTRAL, "sad": SAD,
        "ps": SURPRISE._replace(valence="positive"),
    },
    "savee": {
        "anger": ANGRY, "disgust": DISGUST, "fear": FEAR, "happiness": HAPPY, "neutral": NEUTRAL,
        "sadness": SAD, "surprise": SURPRISE,
    },
    "fer2013": FER,
    "image_folder": FER,
    "ck_plus": {
        "anger": ANGRY, "contempt": CONTEMPT, "disgust": DISGUST, "fear": FEAR, "happy": HAPPY,
        "sadness": SAD, "surprise": SURPRISE,
    },
    "stress_predict": {"stroop": STRESS, "interview": STRESS, "hyperventilation": STRESS, "rest": REST},
    "wesad": {
        "baseline": REST,
        "stress": STRESS,
        "amusement": Affect("amusement", None, "positive"),
        "meditation": Affect("meditation", "low", None),
    },
    "walking": {"happy": HAPPY, "sad": SAD, "neutral": NEUTRAL},
    "muse": {
        "relaxed": Affect("relaxed", "low", None),
        "neutral": NEUTRAL,
        "concentrating": Affect("concentrating", "high", None),
    },
    "seed": {
        "negative": Affect("negative", None, "negative"),
        "neutral": Affect("neutral", None, None),  # films were chosen by valence; their arousal is not stated
        "positive": Affect("positive", None, "positive"),
    },
}  # fmt: skip

# Corpora that rate instead: above the midpoint of the scale is high or positive, the midpoint and what is
# below it low or negative: the usual "> 5" on 1 to 9 (GAMEEMO, DEAP) and "> 3" on 1 to 5 (DREAMER). Nobody knows
# the scale of a corpus of your own: its labels.csv is refused unless it rates from -1 to 1.
MIDPOINTS = {"gameemo": 5.0, "deap": 5.0, "dreamer": 3.0, "own": 0.0}

AROUSAL = {"arousal": ("low", "high")}
SIDES = {**AROUSAL, "valence": ("negative", "positive")}
EMOTION7 = {"emotion7": tuple(affect.emotion for affect in FER.values())}  # in FER2013's own order
EMOTION4 = {"emotion4": ("neutral", "angry", "surprise", "happy")}
EMOTION6 = {"emotion6": ("angry", "disgust", "fear", "happy", "neutral", "sad")}
REST_STRESS = {"stress": ("rest", "stress")}

TASKS: dict[str, dict[str, tuple[str, ...]]] = {
    "synthetic": {"emotion": ("happy", "angry", "sad", "relaxed"), **SIDES},
    "emodb": {
        "emotion7": ("angry", "boredom", "disgust", "fear", "happy", "sad", "neutral"),
        **EMOTION6, **SIDES,
    },
    "ravdess": {
        "emotion8": ("neutral", "calm", "happy", "sad", "angry", "fear", "disgust", "surprise"),
        **EMOTION7, **EMOTION6, **EMOTION4, **SIDES,
    },
    "crema_d": {**EMOTION6, **SIDES},
    "tess": {**EMOTION7, **EMOTION6, **EMOTION4, **SIDES},
    "savee": {**EMOTION7, **EMOTION6, **EMOTION4, **SIDES},
    "fer2013": {**EMOTION7, **EMOTION6, **EMOTION4, **SIDES},
    "image_folder": {**EMOTION7, **EMOTION4, **SIDES},
    "ck_plus": {"emotion7": ("angry", "contempt", "disgust", "fear", "happy", "sad", "surprise"), **SIDES},
    "stress_predict": {**REST_STRESS, **AROUSAL},
    "wesad": {**REST_STRESS, **SIDES},
    "walking": {"emotion3": ("happy", "sad", "neutral"), **SIDES},
    "muse": {"state3": ("relaxed", "neutral", "concentrating"), **AROUSAL},
    "seed": {"emotion3": ("negative", "neutral", "positive"), "valence": SIDES["valence"]},
    "gameemo": SIDES,
    "deap": SIDES,
    "dreamer": SIDES,
    "own": {"emotion": (), **SIDES},  # its emotions are the labels of its labels.csv
}  # fmt: skip


def tasks(corpus: str) -> tuple[str, ...]:
    """The tasks of a corpus. Raises BadParameter for an unknown corpus."""
    if corpus not in TASKS:
        raise BadParameter(f"corpus: got {corpus!r}, expected one of {', '.join(TASKS)}.")
    return tuple(TASKS[corpus])


def classes(corpus: str, task: str) -> tuple[str, ...]:
    """The class names of a task in their order. Raises BadParameter for a task that the corpus lacks.

    A corpus of your own names its emotions itself, in labels.csv: this reads it, and raises as labels_csv.classes.
    """
    if task not in tasks(corpus):
        raise BadParameter(f"task: got {task!r}, expected one of {', '.join(tasks(corpus))} for {corpus}.")
    return TASKS[corpus][task] or labels_csv.classes(root_of(corpus))


def target(corpus: str, task: str, trial: Trial) -> str | None:
    """The trial's class in a task, or None where the task leaves its label out by design.

    Raises UnmappedLabel for a label that the corpus's map does not hold, or a rating that is missing.
    """
    if corpus == "own":
        return _own(task, trial)
    known = classes(corpus, task)
    if corpus in MIDPOINTS:
        return known[int(_rating(corpus, task, trial) > MIDPOINTS[corpus])]
    return _side(corpus, task, _affect(corpus, trial.label))


def marginal(corpus: str, task: str, to_task: str) -> np.ndarray:
    """0/1 matrix (n_classes, n_to_classes): scores of `task` @ matrix are sums per class of `to_task`.

    A class that `to_task` leaves out has a row of zeros. Raises BadParameter where a class of `task` would
    fall into several classes of `to_task`, or where nothing ties the two.
    """
    rows, columns = classes(corpus, task), classes(corpus, to_task)
    if task == to_task:
        return np.eye(len(rows))
    affects = MAPS.get(corpus, {}).values()
    pairs = {(_side(corpus, task, affect), _side(corpus, to_task, affect)) for affect in affects}
    falls = [[column for start, column in pairs if start == row] for row in rows]
    if any(len(ends) != 1 for ends in falls):
        raise BadParameter(f"{corpus}: classes of {task} do not each fall into one class of {to_task}.")
    return np.array([[float(column == end) for column in columns] for (end,) in falls])


def _own(task: str, trial: Trial) -> str | None:
    """As `target`, but a trial without a label, or without a rating, is left out: both are optional."""
    if task == "emotion":
        return trial.label or None
    sides = classes("own", task)
    return sides[int(trial.ratings[task] > MIDPOINTS["own"])] if task in trial.ratings else None


def _side(corpus: str, task: str, affect: Affect) -> str | None:
    side = getattr(affect, task) if task in SIDES else affect.emotion
    return side if side in classes(corpus, task) else None


def _affect(corpus: str, label: str) -> Affect:
    known = MAPS[corpus]
    if label not in known:
        raise UnmappedLabel(
            f"Label {label!r} of {corpus} is in no map, expected one of {', '.join(known)}: "
            "mend the file name, or add the label to MAPS in emolib/datasets/labels.py."
        )
    return known[label]


def _rating(corpus: str, task: str, trial: Trial) -> float:
    rating = trial.ratings.get(task)
    if rating is None or not np.isfinite(rating):
        raise UnmappedLabel(
            f"Trial {trial.trial} of {corpus} has {task} rating {rating}, expected a number: "
            "the loader must drop trials without ratings."
        )
    return rating
