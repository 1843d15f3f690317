"""When a model knows that it does not know: which windows its gate refuses, which are unlike its training, how sure it is.

Numpy only: a notebook fits it to a fold's training and inner validation people, and a device applies it.
"""

from dataclasses import dataclass, replace

import numpy as np

from emolib.fusion.reliability import Typicality, calibrated, statistics, temperature
from emolib.fusion.scores import FLOOR
from emolib.signals.frontend import Windows, collect
from emolib.signals.gate import Gate

FAMILIAR = 95.0  # percent of the inner validation people's windows


def traces(X: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """What tells a window like the training ones: statistics of X (n_windows, *shape), standardised, and the logs of its
    scores (n_windows, n_classes) about their mean, (n_windows, 5 + n_classes)."""
    logs = np.log(np.maximum(scores.astype(np.float64), FLOOR))
    return np.concatenate([statistics(X), logs - logs.mean(axis=1, keepdims=True)], axis=1)


def loss(scores: np.ndarray, y: np.ndarray) -> float:
    """Log loss of scores (n, n_classes)."""
    return float(-np.log(np.maximum(scores[np.arange(len(y)), y], FLOOR)).mean())


@dataclass(frozen=True, eq=False)
class Trust:
    """gate: None where a model has no measures, and for bundles that know of none. typicality: of `traces`; what lies beyond
    its limit is unfamiliar; None for bundles that know of none."""

    gate: Gate | None = None
    typicality: Typicality | None = None
    temperature: float = 1.0

    @classmethod
    def fit(cls, gate: Gate | None, train: np.ndarray, val: np.ndarray, scores: np.ndarray, y: np.ndarray) -> "Trust":
        """From the traces of training and inner validation windows, and the validation windows' scores and labels y. A
        temperature that does not lower their log loss is left at 1."""
        typicality = Typicality.fit(train)
        limit = float(np.percentile(typicality.distance(val), FAMILIAR))
        found = temperature(scores, y)
        is_better = loss(calibrated(scores, found), y) < loss(scores, y)
        return cls(gate, replace(typicality, limit=limit), found if is_better else 1.0)

    def passed(self, windows: Windows) -> Windows:
        """The windows that the gate lets through; the others are dropped, each for its first measure out of range."""
        if self.gate is None or windows.measures is None or not len(windows.X):
            return windows
        reasons = self.gate.reasons(windows.measures)
        kept = collect(windows.X, windows.start_s, reasons, windows.measures[[not reason for reason in reasons]])
        return replace(kept, dropped=windows.dropped | kept.dropped)

    def unfamiliar(self, X: np.ndarray, scores: np.ndarray) -> bool | None:
        """Whether more than half of the standardised windows X (n_windows, *shape), with their scores, are unlike the training;
        None where nothing is known of it."""
        if self.typicality is None:
            return None
        return bool((self.typicality.distance(traces(X, scores)) > self.typicality.limit).mean() > 0.5)

    def told(self, scores: np.ndarray) -> np.ndarray:
        """Scores (…, n_classes) as sure as they are right: the softmax of logits over the temperature."""
        return scores if self.temperature == 1 else calibrated(scores, self.temperature)

    def to_dict(self) -> dict:
        """Lists and numbers, for JSON."""
        parts = {name: getattr(self, name) for name in ("gate", "typicality")}
        told = {name: part.to_dict() for name, part in parts.items() if part is not None}
        return told | {"temperature": self.temperature}

    @classmethod
    def from_dict(cls, record: dict) -> "Trust":
        """What `to_dict` gave; of an empty record, one that trusts everything."""
        known = {"gate": Gate, "typicality": Typicality}
        parts = {name: kind.from_dict(record[name]) for name, kind in known.items() if name in record}
        return cls(**parts, temperature=float(record.get("temperature", 1.0)))
