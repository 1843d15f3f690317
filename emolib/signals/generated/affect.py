"""The latent that drives every channel of a synthetic trial: what is felt, and what each channel shows of it.

The four emotions are the quadrants around (±1, ±1) of the circumplex model (Russell 1980). Felt affect overlaps with
that of the neighbours: no model, not even one that reads the latent itself, is right every time. Each channel adds noise
of its own: people do not show alike in heart, brain, voice, face and skin what they feel.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

QUADRANTS = {"happy": (1, 1), "angry": (-1, 1), "sad": (-1, -1), "relaxed": (1, -1)}  # valence, arousal
SPREAD = 0.44  # standard deviation within a quadrant, per axis
PERSON_BIAS = 0.15  # between people, per axis
DRIFT = 0.25  # depth of the slow course within a trial
NOISE = {  # standard deviation of what a channel adds to (valence, arousal)
    "heart": (1.00, 0.70),
    "eeg": (0.70, 0.65),
    "speech": (0.60, 0.40),
    "face": (0.45, 0.75),
    "skin": (1.50, 0.60),
}
EXPRESSIVENESS = 0.15  # log-normal spread of a person's gain in a channel
STREAMS = (  # by number: new ones come last
    *("labels", "felt", "course", "heart", "eeg", "speech", "face"),
    *("heart shown", "eeg shown", "speech shown", "face shown", "heart sensor", "skin", "skin shown"),
)


@dataclass(frozen=True)
class Affect:
    """One trial's emotion in one person. Equal fields give equal data in every channel, in any order."""

    seed: int
    subject: int
    trial: int
    label: str
    trial_s: float

    @property
    def subject_id(self) -> str:
        return f"s{self.subject:02d}"

    @property
    def trial_id(self) -> str:
        return f"{self.subject_id}-t{self.trial:02d}"

    def person_rng(self, stream: str) -> np.random.Generator:
        """Random stream of this person's traits in a channel, the same in all of their trials."""
        return np.random.default_rng([self.seed, STREAMS.index(stream), self.subject])

    def trial_rng(self, stream: str) -> np.random.Generator:
        """Random stream of this trial in a channel, independent of every other channel."""
        return np.random.default_rng([self.seed, STREAMS.index(stream), self.subject, 1 + self.trial])

    def felt(self) -> np.ndarray:
        """Felt (valence, arousal), the mean over the trial, (2,)."""
        bias = self.person_rng("felt").normal(0, PERSON_BIAS, 2)
        return np.array(QUADRANTS[self.label]) + bias + self.trial_rng("felt").normal(0, SPREAD, 2)

    def course(self, t: np.ndarray) -> np.ndarray:
        """Slow course of felt (valence, arousal) around its mean at t seconds, (2, *t.shape)."""
        start = self.trial_rng("course").uniform(0, 2 * np.pi, 2).reshape(2, *[1] * t.ndim)
        return DRIFT * np.sin(2 * np.pi * t / self.trial_s + start)

    def shown(self, channel: str, t: np.ndarray) -> np.ndarray:
        """(valence, arousal) that a channel shows at t seconds, (2, *t.shape), saturating towards ±3."""
        gain = np.exp(self.person_rng(f"{channel} shown").normal(0, EXPRESSIVENESS, 2))
        noise = self.trial_rng(f"{channel} shown").normal(0, NOISE[channel])
        mean = (gain * self.felt() + noise).reshape(2, *[1] * t.ndim)
        return 3 * np.tanh((mean + self.course(t)) / 3)


def affects(n_subjects: int, n_trials: int, trial_s: float, seed: int) -> Iterator[Affect]:
    """Every trial of every subject: emotions balanced within a subject, in shuffled order."""
    words = list(QUADRANTS)
    for subject in range(n_subjects):
        order = np.random.default_rng([seed, STREAMS.index("labels"), subject]).permutation(n_trials)
        for trial in range(n_trials):
            yield Affect(seed, subject, trial, words[order[trial] % len(words)], trial_s)
