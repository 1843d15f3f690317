"""What is left when modalities go missing or bad: UAR of every method under one condition after another.

Methods are those of `emolib.studies.missing.methods`, or any with a name that can be called like them.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from emolib.core.errors import check_names
from emolib.evaluation import metrics
from emolib.studies.missing.conditions import WHOLE, Condition, lost, shown
from emolib.studies.missing.streams import Method, Streams

Scored = Mapping[Condition, Mapping[str, np.ndarray]]  # scores (n, n_classes) of each method


def scored(streams: Streams, methods: Sequence[Method], conditions: Sequence[Condition]) -> Scored:
    """What every method answers in every condition, in the order of streams.rows. Raises BadSet."""
    return {condition: streams.scores(methods, condition.change) for condition in conditions}


def table(streams: Streams, found: Scored) -> pd.DataFrame:
    """A row per condition and method: UAR with its 95 % interval, and its points over the best single modality.

    Columns condition, bad, snr_db (NaN without noise), method, kind (single | fused), n, uar, uar_low, uar_high,
    best_single, points, points_low, points_high, p. The best single modality is the one of the highest UAR on
    the same test trials in the same condition, a choice that favours it.
    """
    every = np.ones(len(streams.rows), bool)
    parts = [_rated(streams, condition, scores, every) for condition, scores in found.items()]
    return pd.concat(parts, ignore_index=True)


def stream_table(streams: Streams, methods: Sequence[Method]) -> pd.DataFrame:
    """`table` before and after the middle of each person's stream, from which on a modality is lost.

    Column part is before or after; with nothing lost there are rows of both.
    """
    after = streams.after()
    whole = streams.scores(methods, WHOLE.change)
    parts = [
        _rated(streams, WHOLE, whole, kept, part) for part, kept in (("before", ~after), ("after", after))
    ]
    for condition, scores in scored(streams, methods, shown(streams, lost)).items():
        parts.append(_rated(streams, condition, scores, after, "after"))
    return pd.concat(parts, ignore_index=True)


def _rated(streams: Streams, condition: Condition, scores, kept: np.ndarray, part: str = "") -> pd.DataFrame:
    """The rows of one condition, on the trials `kept` of streams.rows."""
    y, subject, seed = streams.y[kept], streams.subject[kept], streams.study.seed
    scores = {name: of_one[kept] for name, of_one in scores.items()}
    uars = {name: metrics.evaluate(y, of_one, subject, seed=seed)["uar"] for name, of_one in scores.items()}
    singles = list(streams.channels)
    best = max(singles, key=lambda name: uars[name].value)
    rows = []
    for name, uar in uars.items():
        row = {"condition": condition.name, "bad": condition.bad, "snr_db": condition.snr_db}
        row |= {"part": part} if part else {}
        row |= {"method": name, "kind": "single" if name in singles else "fused", "n": len(y)}
        row |= {"uar": uar.value, "uar_low": uar.low, "uar_high": uar.high, "best_single": best}
        gain = metrics.paired_gain(y, scores[best], scores[name], subject, seed=seed)
        rows.append(row | ({} if name in singles else gain.columns()))
    return pd.DataFrame(rows)


def worst(missing: pd.DataFrame) -> pd.DataFrame:
    """The row of `table` in which each fused method's points over the best single one left are fewest."""
    fused = missing[missing.kind == "fused"]
    return fused.loc[fused.groupby("method", sort=False).points.idxmin()].reset_index(drop=True)


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
