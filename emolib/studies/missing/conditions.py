"""Conditions under which a study is scored: modalities that are gone, noisy, stuck, late or lost in mid-stream.

A condition changes what the modalities of a fold give and nothing else: networks, weights and temperatures stay as they
were. Every method is asked in every condition.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from emolib.core.errors import check_names
from emolib.datasets.joint import MISSING
from emolib.evaluation import metrics
from emolib.studies.fusion.study import rated
from emolib.studies.missing.noise import Noisy
from emolib.studies.missing.streams import Change, Methods, Sensed, Streams


@dataclass(frozen=True)
class Condition:
    """What is changed. `name` is the condition in the table of results, `bad` the one modality concerned, snr_db its noise."""

    name: str
    change: Change
    bad: str = ""
    snr_db: float = float("nan")


WHOLE = Condition("nothing missing", lambda fold, given: given)


def only(left: Sequence[str]) -> Change:
    """All other modalities are gone."""
    return lambda fold, given: {name: of if name in left else None for name, of in given.items()}


def subsets(modalities: Sequence[str]) -> list[Condition]:
    """Every subset of one modality or more that is left, 15 of four; `bad` is what is gone where that is one."""
    found = [WHOLE]
    for n in range(len(modalities) - 1, 0, -1):
        for left in combinations(modalities, n):
            gone = [name for name in modalities if name not in left]
            bad = gone[0] if len(gone) == 1 else ""
            found.append(Condition(f"no {bad}" if bad else f"only {' + '.join(left)}", only(left), bad))
    return found


Shown = Callable[[np.ndarray, Sensed], np.ndarray]  # of a person's trials in order of time, those to be shown


def stuck(trials: np.ndarray, sensed: Sensed) -> np.ndarray:
    """Every trial shows the person's first recording again: a frozen buffer."""
    there = trials[sensed.present[trials]]
    return np.full(len(trials), there[0] if len(there) else MISSING)


def late(trials: np.ndarray, sensed: Sensed) -> np.ndarray:
    """Every trial shows the person's trial before; the first shows the last."""
    return np.roll(trials, 1)


def lost(trials: np.ndarray, sensed: Sensed) -> np.ndarray:
    """Nothing is shown from the middle of the person's stream on."""
    return np.where(np.arange(len(trials)) < len(trials) // 2, trials, MISSING)


def shown(streams: Streams, show: Shown) -> list[Condition]:
    """One modality after the other shows other trials than it should: stuck, late or lost."""

    def showing(modality: str) -> Change:
        def change(fold, given):
            sensed, which = given[modality], np.full(len(streams.order[fold]), MISSING)
            for trials in streams.people(fold):
                which[trials] = show(trials, sensed)
            return {**given, modality: sensed.showing(which)}

        return change

    return [Condition(f"{name} {show.__name__}", showing(name), name) for name in streams.channels]


def in_noise(streams: Streams, noisy: Mapping[str, Noisy]) -> list[Condition]:
    """One modality's windows are those of its noisy recordings: a condition per modality and SNR."""

    def replaced(modality: str, windows) -> Change:
        sensed = streams.channels[modality].sensed
        return lambda fold, given: {**given, modality: sensed(streams.found_rows(fold, modality), windows)}

    return [
        Condition(f"{snr:g} dB noise on {name}", replaced(name, windows), name, snr)
        for name, of in noisy.items()
        for snr, windows in of.items()
    ]


Scored = Mapping[Condition, Mapping[str, np.ndarray]]  # scores (n, n_classes) of each method


def scored(streams: Streams, methods: Methods, conditions: Sequence[Condition]) -> Scored:
    """What every method answers in every condition, in the order of streams.rows. Raises BadSet."""
    return {condition: streams.scores(methods, condition.change) for condition in conditions}


def table(streams: Streams, found: Scored) -> pd.DataFrame:
    """A row per condition and method: condition, bad, snr_db (NaN without noise), and the columns of `study.rated`.

    The best single modality is the one of the highest UAR on the same test trials in the same condition.
    """
    every = np.ones(len(streams.rows), bool)
    parts = [_rated(streams, condition, scores, every) for condition, scores in found.items()]
    return pd.concat(parts, ignore_index=True)


def stream_table(streams: Streams, methods: Methods) -> pd.DataFrame:
    """`table` before and after the middle of each person's stream, from which on a modality is lost.

    Column part is before or after; with nothing lost there are rows of both.
    """
    after = streams.after()
    parts = [_rated(streams, WHOLE, streams.scores(methods, WHOLE.change), ~after, part="before")]
    for condition, scores in scored(streams, methods, [WHOLE, *shown(streams, lost)]).items():
        parts.append(_rated(streams, condition, scores, after, part="after"))
    return pd.concat(parts, ignore_index=True)


def _rated(streams: Streams, condition: Condition, scores, kept: np.ndarray, **part) -> pd.DataFrame:
    """The rows of one condition, on the trials `kept` of streams.rows."""
    scores = {name: of_one[kept] for name, of_one in scores.items()}
    singles = list(streams.channels)
    fused, seed = set(scores) - set(singles), streams.study.seed
    found = rated(streams.y[kept], streams.subject[kept], scores, singles, seed, fused)
    about = {"condition": condition.name, "bad": condition.bad, "snr_db": condition.snr_db, **part}
    return pd.concat(
        [pd.DataFrame(about, index=found.index), found.drop(columns=["accuracy", "macro_f1"])], axis=1
    )


def gains(streams: Streams, found: Scored, named: str, method: str, over: Sequence[str]) -> pd.DataFrame:
    """Points of UAR of a method over others wherever something is bad, last in all of this together, condition `named`.

    Columns condition, method, over, n, points, points_low, points_high, p, paired over subjects. Raises
    BadParameter for a method that there is not.
    """
    bad = {condition.name: scores for condition, scores in found.items() if condition.bad}
    names, rows = [method, *over], []
    for scores in bad.values():
        check_names(names, list(scores), "the methods of this study")
    bad[named] = {name: np.concatenate([scores[name] for scores in bad.values()]) for name in names}
    for condition, scores in bad.items():
        times = len(scores[method]) // len(streams.rows)
        y, subject = np.tile(streams.y, times), np.tile(streams.subject, times)
        for other in over:
            gain = metrics.paired_gain(y, scores[other], scores[method], subject, seed=streams.study.seed)
            row = {"condition": condition, "method": method, "over": other, "n": len(y)}
            rows.append(row | gain.columns())
    return pd.DataFrame(rows)
