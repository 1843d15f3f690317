"""Score-level fusion on the device, numpy only: the method `reliability` of 04c_missing.

A weighted geometric mean of calibrated scores; a modality's weight is its validation weight times its trust.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from emolib.fusion.reliability import Typicality, calibrated
from emolib.fusion.scores import fuse


class Vote(NamedTuple):
    """scores (n_classes,) of the fusion's classes, calibrated, and the trust in them, 0 to 1."""

    scores: np.ndarray
    trust: float


@dataclass(frozen=True, eq=False)
class Member:
    """A source in a fusion: to_task (n_classes, n_to) sums its classes; typicality None: always trusted."""

    weight: float
    to_task: np.ndarray
    temperature: float
    typicality: Typicality | None

    def vote(self, scores: np.ndarray, found: np.ndarray) -> Vote:
        """Of windows of one trial: scores (n_windows, n_classes), and their statistics (n_windows, 5)."""
        summed = scores.mean(axis=0) @ self.to_task + 1e-7  # as the fusion study does
        own = calibrated(summed / summed.sum(), self.temperature)
        trust = 1.0 if self.typicality is None else float(self.typicality(found).mean())
        return Vote(own, trust)


@dataclass(frozen=True, eq=False)
class Fusion:
    """Members by source, and the classes of the answer."""

    classes: tuple[str, ...]
    members: Mapping[str, Member]

    @classmethod
    def of_study(cls, study: dict, sources: Sequence[str]) -> "Fusion":
        """Of a study in bundle.json, and those of its sources that are used."""
        members = {}
        for name in sources:
            told = study["sources"][name]
            typicality = Typicality.from_dict(told["typicality"])
            members[name] = Member(told["weight"], np.array(told["to_task"]), told["temperature"], typicality)
        return cls(tuple(study["classes"]), members)

    @classmethod
    def equal(cls, classes: Sequence[str], temperatures: Mapping[str, float]) -> "Fusion":
        """All sources, each with its temperature, count alike: they have these classes, and no study knows them."""
        to_task = np.eye(len(classes))
        return cls(tuple(classes), {name: Member(1.0, to_task, each, None) for name, each in temperatures.items()})

    def fuse(self, votes: Mapping[str, Vote]) -> tuple[np.ndarray | None, dict[str, float]]:
        """Scores (n_classes,) of the votes by source, and the share of each: equal ones where no vote is trusted.
        (None, {}) without votes."""
        if not votes:
            return None, {}
        weights = np.array([self.members[name].weight * vote.trust for name, vote in votes.items()])
        weights = weights / weights.sum() if weights.sum() > 0 else np.full(len(votes), 1 / len(votes))
        scores = np.stack([vote.scores for vote in votes.values()])
        return fuse(scores[:, None], "product", weights)[0], dict(zip(votes, weights.tolist(), strict=True))
