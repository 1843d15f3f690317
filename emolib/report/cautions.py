"""What a reader must know before believing a number."""

from emolib.core.experiment import Experiment

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


def of_training(of: Experiment, chance_p: float, normalise: str) -> list[str]:
    """Cautions of a network: its split, its distance from chance, its normalisation, and what its defaults were chosen on."""
    known = {
        LEAKY: of.protocol == "leaky",
        NEAR_CHANCE: of.protocol != "leaky" and chance_p >= 0.05,
        KNOWN_PEOPLE.get(normalise): normalise != "train",
        TUNED: of.corpus in TUNED_ON,
    }
    return [text for text, holds in known.items() if holds]
