"""The embedded default corpus: a generator of time-aligned trials in every modality.

SYNTHETIC: a program made every signal, and how well a model does on them says nothing about people. It is
here so that every notebook runs anywhere, and so that tests know the truth behind each signal.
"""

from collections.abc import Iterator
from pathlib import Path

from emolib.core.errors import BadParameter
from emolib.datasets.base import MODALITIES, Corpus, Dropped, Trial
from emolib.datasets.labels import SIDES, mapped
from emolib.signals.generated import CARDIAC, recording
from emolib.signals.generated.affect import Affect, affects


def trial(affect: Affect, modality: str, cardiac: str = "ppg") -> Trial:
    """One trial in one modality; its ratings are the felt affect that drove it (about -2 to 2)."""
    made, names = recording(affect, modality, cardiac), (affect.subject_id, affect.trial_id)
    ratings = dict(zip(("valence", "arousal"), affect.felt().tolist(), strict=True))
    return Trial("synthetic", modality, *names, label=affect.label, ratings=ratings, **vars(made))


def trials(
    root: Path,
    modality: str,
    dropped: list[Dropped],
    n_subjects: int = 8,
    n_trials: int = 40,
    trial_s: float = 8.0,
    seed: int = 0,
    cardiac: str = "ppg",
) -> Iterator[Trial]:
    """n_subjects × n_trials trials of one modality, made while they are read; root and dropped stay unused.

    A trial is the same however many subjects and whichever modalities are asked for. cardiac, "ppg" or "ecg", is
    what records a heart; the other modalities ignore it. Raises BadParameter.
    """
    if cardiac not in CARDIAC:
        raise BadParameter(f"cardiac: got {cardiac!r}, expected {' or '.join(CARDIAC)}.")
    for name, value in {"n_subjects": n_subjects, "n_trials": n_trials, "trial_s": trial_s, "seed": seed}.items():
        if value < (least := 0 if name == "seed" else 1):
            raise BadParameter(f"{name}: got {value}, expected {least} or more for the synthetic corpus.")
    return (trial(affect, modality, cardiac) for affect in affects(n_subjects, n_trials, trial_s, seed))


SYNTHETIC = Corpus(
    name="synthetic",
    title="SYNTHETIC trials in five modalities, made by a program: accuracy on them says nothing about people",
    modalities=MODALITIES,
    tasks={"emotion": ("happy", "angry", "sad", "relaxed"), **SIDES},
    labels=mapped("happy", "angry", "sad", "relaxed"),
    licence="Apache-2.0 (part of emolib)",
    cite="emolib, emolib/signals/generated",
    layout="No files: generated from a seed. Synthetic; accuracy on it says nothing about people.",
    where="Part of emolib; nothing to fetch.",
    trials=trials,
)
