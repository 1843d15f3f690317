"""What a reader must know before believing a number."""

import pandas as pd

from emolib.core.experiment import Experiment
from emolib.evaluation.metrics import WHOLE, WITHIN
from emolib.report.tables import percent

NEAR_CHANCE = (
    "This result is not distinguishable from chance (p ≥ 0.05): no evidence that anything carries over to new people."
)
LEAKY = "A random split of windows: the same people train and test. Reported for comparison only."
BY_SUBJECT = (
    "Windows were standardised within each person, without labels, by all of the person's windows. That is transductive: a "
    "device needs a recording of the person first."
)
OWNER = (
    "Windows are normalised by what was heard of the person before them, without labels, recordings in a random order. "
    "Each person's first answers are those of a stranger."
)
KNOWN_PEOPLE = {"subject": BY_SUBJECT, "owner": OWNER}  # by what windows are normalised by
OPTIMISTIC = (
    "The corpora share no people. Trials of strangers were paired by label, which makes the errors of the modalities "
    "independent: the fused number is optimistic."
)
TUNED_ON = ("emodb", "synthetic")
TUNED = (
    "The default network, augmentation and training options were chosen while looking at grouped folds of this "
    "corpus. No fold picked its own epoch or weights, but the choice of defaults makes this number optimistic."
)
TESTED = {  # protocol: whom the test folds hold
    "loso": "unseen people",
    "grouped": "unseen people",
    "official": "the official test part",
    "leaky": "other windows of the people who trained",
}


CONFOUNDED = (
    "Most people have one class only: what is heard of the class and what of the person cannot be told apart here."
)
WITHOUT_SENSOR = {  # what emolib.models.context knows
    "clock": "the time since the session began",
    "order": "the place of a trial in the session",
    "stimulus": "what was shown or said",
}


def of_context(table: pd.DataFrame) -> list[str]:
    """What knows nothing of the sensor and is as good as the network or better, if there is such: the interval of its points
    over the network, as `crossval.compared` gives them, does not lie below 0."""
    told = [
        f"{WITHOUT_SENSOR[row['variant']]} {percent(row, 'uar')}"
        for row in table.to_dict("records")
        if row["variant"] in WITHOUT_SENSOR and (row["points"] >= 0 or row["points_high"] >= 0)
    ]
    if not told:
        return []
    ours = ", drift-free ".join(percent(row, "uar") for row in table[table.variant == "keras"].to_dict("records"))
    told = f"UAR of what needs no sensor: {', '.join(told)}; of the network: {ours}."
    return [f"{told} It may have learned the context and not the classes."]


def of_training(of: Experiment, chance_p: float, normalise: str, exchanged: str = WITHIN) -> list[str]:
    """Cautions of a network: its split, its distance from chance how labels were `exchanged` for that, its normalisation, and what its defaults were chosen on."""
    known = {
        LEAKY: of.protocol == "leaky",
        NEAR_CHANCE: of.protocol != "leaky" and chance_p >= 0.05,
        CONFOUNDED: exchanged == WHOLE,
        KNOWN_PEOPLE.get(normalise): normalise != "train",
        TUNED: of.corpus in TUNED_ON,
    }
    return [text for text, holds in known.items() if holds]
