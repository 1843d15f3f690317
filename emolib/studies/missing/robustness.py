"""What is left when modalities go missing or bad: UAR of every method under one condition after another.

Methods are those of emolib.studies.missing.methods, or any with a name that can be called like them.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from emolib.core.errors import check_names
from emolib.evaluation import metrics
from emolib.models import crossval
from emolib.studies.fusion.study import Study
from emolib.studies.missing.bench import Bench
from emolib.studies.missing.conditions import WHOLE, Condition, dropped_out, shown
from emolib.studies.missing.methods import Method
from emolib.studies.missing.noise import Noisy

POOLED = "pooled"
BEFORE, AFTER = "before", "after"
Found = Mapping[Condition, Mapping[str, np.ndarray]]  # scores (n, n_classes) of each method


def scored(bench: Bench, methods: Sequence[Method], conditions: Sequence[Condition]) -> Found:
    """What every method answers in every condition, in the order of bench.rows. Raises BadSet."""
    return {condition: bench.scores(methods, condition.change) for condition in conditions}


def table(bench: Bench, found: Found) -> pd.DataFrame:
    """A row per condition and method: UAR with its 95 % interval, and its points over the best single modality.

    Columns condition, bad, snr_db (NaN without noise), method, kind (single | fused), n, uar, uar_low, uar_high,
    best_single, points, points_low, points_high, p. The best single modality is the one of the highest UAR on
    the same test trials in the same condition, a choice that favours it.
    """
    every = np.ones(len(bench.rows), bool)
    parts = [_rated(bench, condition, scores, every) for condition, scores in found.items()]
    return pd.concat(parts, ignore_index=True)


def stream(bench: Bench, methods: Sequence[Method]) -> pd.DataFrame:
    """`table` before and after the middle of each person's stream, from which on a modality is gone.

    Column part is before or after; with nothing gone, condition "all", there are rows of both.
    """
    after = bench.after()
    whole = bench.scores(methods, WHOLE.change)
    parts = [_rated(bench, WHOLE, whole, kept, part) for part, kept in ((BEFORE, ~after), (AFTER, after))]
    for condition, scores in scored(bench, methods, shown(bench, dropped_out)).items():
        parts.append(_rated(bench, condition, scores, after, AFTER))
    return pd.concat(parts, ignore_index=True)


def gains(bench: Bench, found: Found, method: str, over: Sequence[str]) -> pd.DataFrame:
    """Points of UAR of a method over others wherever something is bad, and in all of this together, "pooled".

    Columns condition, method, over, n, points, points_low, points_high, p, paired over subjects. Raises
    BadParameter for a method that there is not.
    """
    bad = {condition.name: scores for condition, scores in found.items() if condition.bad}
    names, rows = [method, *over], []
    for scores in bad.values():
        check_names(names, list(scores), "the methods of this study")
    bad[POOLED] = {name: np.concatenate([scores[name] for scores in bad.values()]) for name in names}
    for condition, scores in bad.items():
        times = len(scores[method]) // len(bench.rows)
        y, subject = np.tile(bench.y, times), np.tile(bench.subject, times)
        for other in over:
            gain = metrics.paired_gain(y, scores[other], scores[method], subject, seed=bench.study.seed)
            row = {"condition": condition, "method": method, "over": other, "n": len(y)}
            rows.append(row | gain.columns())
    return pd.DataFrame(rows)


def pooled(gained: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The pooled rows of several `gains`, by what is bad in them: columns bad, method, over, n, points, …, p."""
    parts = [of[of.condition == POOLED].assign(condition=bad) for bad, of in gained.items()]
    return pd.concat(parts, ignore_index=True).rename(columns={"condition": "bad"})


def worst_points(missing: pd.DataFrame) -> pd.DataFrame:
    """The row of `table` in which each fused method's points over the best single one left are fewest."""
    fused = missing[missing.kind == "fused"]
    return fused.loc[fused.groupby("method", sort=False).points.idxmin()].reset_index(drop=True)


def lost(noisy: Mapping[str, Noisy]) -> pd.DataFrame:
    """Columns modality, snr_db, trials, missing (no window is left of them), and windows dropped by reason."""
    rows = []
    for modality, of in noisy.items():
        for snr, windows in of.windows.items():
            row = {"modality": modality, "snr_db": snr, "trials": len(windows), "missing": of.missing[snr]}
            rows.append(row | of.dropped[snr])
    counts = pd.DataFrame(rows, columns=None if rows else ["modality", "snr_db", "trials", "missing"])
    reasons = [name for name in counts.columns if name not in ("modality", "snr_db")]
    return counts.astype({"snr_db": float}).fillna(0).astype(dict.fromkeys(reasons, int))


def numbers(
    study: Study, name: str, tables: Mapping[str, pd.DataFrame], gained: Mapping[str, pd.DataFrame]
) -> dict[str, dict]:
    """Entries of summary.json from tables by their part of an artifact's name, and from the pooled rows of `gained`.

    UAR of each fused method in each condition, as <method>_<condition>; of "subsets" only with one modality gone or
    none, and the worst case over these, <method>_missing_any.
    """
    dropouts = tables["subsets"][(tables["subsets"].bad != "") | (tables["subsets"].condition == WHOLE.name)]
    found = {}
    for part, of in {**tables, "subsets": dropouts}.items():
        for row in of[of.kind == "fused"].to_dict("records"):
            key = study.key(f"{row['method']}_{_variant(row, part)}", "uar")
            found[key] = crossval.uar_entry(row, f"tables/{name}-missing-{part}.csv")
    for row in worst_points(dropouts[dropouts.bad != ""]).to_dict("records"):
        key = study.key(f"{row['method']}_missing_any", "worst_points")
        found[key] = crossval.gained_entry(row, f"tables/{name}-missing-subsets.csv")
    for part, of in gained.items():
        for row in of[of.condition == POOLED].to_dict("records"):
            key = study.key(f"{row['method']}_{part}", f"over_{row['over']}_points")
            found[key] = crossval.gained_entry(row, f"tables/{name}-missing-{part}-gains.csv")
    return found


def _variant(row: Mapping, part: str) -> str:
    """The condition of a row; where nothing is bad and not all trials count, with the part of the stream or table."""
    some = row.get("part", part)
    return row["condition"] if row["bad"] or some == "subsets" else f"{row['condition']}_{some}"


def _rated(bench: Bench, condition: Condition, scores, kept: np.ndarray, part: str = "") -> pd.DataFrame:
    """The rows of one condition, on the trials `kept` of bench.rows."""
    y, subject, seed = bench.y[kept], bench.subject[kept], bench.study.seed
    scores = {name: of_one[kept] for name, of_one in scores.items()}
    uars = {name: metrics.evaluate(y, of_one, subject, seed=seed)["uar"] for name, of_one in scores.items()}
    singles = list(bench.channels)
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
