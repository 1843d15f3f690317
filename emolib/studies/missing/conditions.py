"""Conditions under which a study is scored: modalities that are gone, noisy, stuck, late or lost in mid-stream.

A condition changes what the modalities of a fold give and nothing else: networks, weights and temperatures
stay what they were.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from emolib.studies.missing.bench import Bench, Change
from emolib.studies.missing.noise import Noisy
from emolib.studies.missing.sensed import GONE, Sensed

Shown = Callable[[np.ndarray, Sensed], np.ndarray]  # of a person's trials in order of time, those to be shown


@dataclass(frozen=True)
class Condition:
    """What is changed; `name` is part of a summary key, `bad` the modality concerned, snr_db its noise."""

    name: str
    change: Change
    bad: str = ""
    snr_db: float = float("nan")


WHOLE = Condition("all", lambda fold, given: given)  # nothing is gone, nothing is bad


def only(left: Sequence[str]) -> Change:
    """All other modalities are gone."""
    return lambda fold, given: {name: of if name in left else None for name, of in given.items()}


def subsets(modalities: Sequence[str]) -> list[Condition]:
    """Every subset of one modality or more that is left, 15 of four; `bad` is what is gone where that is one."""
    sizes = range(len(modalities), 0, -1)
    return [_left(modalities, left) for n in sizes for left in combinations(modalities, n)]


def _left(modalities: Sequence[str], left: Sequence[str]) -> Condition:
    gone = [name for name in modalities if name not in left]
    if not gone:
        return WHOLE
    bad = gone[0] if len(gone) == 1 else ""
    return Condition(f"without_{bad}" if bad else "+".join(left), only(left), bad)


def stuck(trials: np.ndarray, sensed: Sensed) -> np.ndarray:
    """Every trial shows the person's first recording again: a frozen buffer."""
    there = trials[sensed.present[trials]]
    return np.full(len(trials), there[0] if len(there) else GONE)


def late(trials: np.ndarray, sensed: Sensed) -> np.ndarray:
    """Every trial shows the person's trial before; the first shows the last."""
    return np.roll(trials, 1)


def dropped_out(trials: np.ndarray, sensed: Sensed) -> np.ndarray:
    """Nothing is shown from the middle of the person's stream on."""
    return np.where(np.arange(len(trials)) < len(trials) // 2, trials, GONE)


def shown(bench: Bench, show: Shown) -> list[Condition]:
    """One modality after the other shows other trials than it should: stuck, late or dropped_out."""
    return [
        Condition(f"{name}_{show.__name__}", _showing(bench, name, show), name) for name in bench.channels
    ]


def _showing(bench: Bench, modality: str, show: Shown) -> Change:
    def change(fold, given):
        sensed, which = given[modality], np.full(len(bench.order[fold]), GONE)
        for trials in bench.people(fold):
            which[trials] = show(trials, sensed)
        return {**given, modality: sensed.showing(which)}

    return change


def in_noise(bench: Bench, noisy: Mapping[str, Noisy]) -> list[Condition]:
    """One modality's windows are those of its noisy recordings: a condition per modality and SNR."""
    return [
        Condition(f"{name}_{snr:g}dB", _replaced(bench, name, windows), name, snr)
        for name, of in noisy.items()
        for snr, windows in of.windows.items()
    ]


def _replaced(bench: Bench, modality: str, windows) -> Change:
    m, channel = list(bench.channels).index(modality), bench.channels[modality]
    return lambda fold, given: {**given, modality: channel.sensed(bench.numbers[fold][m], windows)}
