"""Numbers of others (related_work.yaml), to stand beside ours with what differs: published ones of the work this project
follows, and those that public models reach on the files that ours are tested on."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import yaml

from emolib.report.results import NUMBERS, named, pick
from emolib.report.tables import interval

WORKS = yaml.safe_load(Path(__file__).with_name("related_work.yaml").read_text(encoding="utf-8"))
PUBLISHED = [{**work, **number} for work in WORKS for number in work["numbers"]]
MISSING = "not measured in this run"
FEW = 3  # of our numbers beside one of theirs, each in a row of its own
FACTORS = {  # (unit of ours, published unit): factor
    ("fraction", "%"): 100,
    ("ratio", "×"): 1,
    ("bytes", "MB"): 1e-6,
    ("bytes", "kB"): 1e-3,
    ("us", "ms"): 1e-3,
    ("ms", "s"): 1e-3,
    ("FLOPs", "million FLOPs"): 1e-6,
}


def side_by_side(results: pd.DataFrame) -> pd.DataFrame:
    """A row per number of others and result of ours that answers it, one for all of them where they are more than FEW;
    MISSING where there is none."""
    rows = []
    for theirs in PUBLISHED:
        found, unit = pick(results, **theirs["ours"]), theirs["unit"]
        beside = [(ours(row.unit, row[NUMBERS], unit), named(row)) for _, row in found.iterrows()]
        if len(found) > FEW:
            span = (ours(found.unit.iloc[0], [found.value.agg(of)], unit) for of in ("median", "min", "max"))
            beside = [("{}, the median of {n}: {} to {}".format(*span, n=len(found)), f"{len(found)} results")]
        about = {
            "work": f"{theirs['work']} ({theirs['year'] or 'undated'})",
            "what": f"{theirs['metric']}: {theirs['task']}",
            "theirs": f"{theirs['value']:g} {unit}".strip(),
        }
        differs = f"Theirs: {theirs['protocol']}. Ours: {theirs['differs']}."
        for value, result in beside or [(MISSING, "–")]:
            rows.append({**about, "ours": value, "our result": result, "what differs": differs})
    return pd.DataFrame(rows)


def ours(unit: str, numbers: Iterable[float], published: str) -> str:
    """A number of ours, or one and its interval, in the published unit where it converts, else in its own."""
    factor = FACTORS.get((unit, published))
    shown = published if factor else unit.replace("fraction", "")
    digits = ".1f" if shown in ("%", "points") else ".3g"
    return f"{interval(*(number * (factor or 1) for number in numbers), digits=digits)} {shown}".strip()
