"""Numbers of others (related_work.yaml), to stand beside ours with what differs: published ones of the work this project
follows, and those that public models reach on the files that ours are tested on."""

from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from emolib.report.results import named, pick
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
        found = [row for _, row in pick(results, **theirs["ours"]).iterrows()]
        beside = [(ours(row, theirs["unit"]), named(row)) for row in found]
        if len(found) > FEW:
            beside = [(_span(found, theirs["unit"]), f"{len(found)} results")]
        about = {
            "work": f"{theirs['work']} ({theirs['year'] or 'undated'})",
            "what": f"{theirs['metric']}: {theirs['task']}",
            "theirs": f"{theirs['value']:g} {theirs['unit']}".strip(),
        }
        differs = f"Theirs: {theirs['protocol']}. Ours: {theirs['differs']}."
        for value, result in beside or [(MISSING, "–")]:
            rows.append({**about, "ours": value, "our result": result, "what differs": differs})
    return pd.DataFrame(rows)


def _span(found: list[pd.Series], unit: str) -> str:
    """Median and range of several of our numbers, without their intervals."""
    values, bare = [row.value for row in found], {**found[0], "low": np.nan, "high": np.nan}
    middle, least, most = (
        ours(pd.Series({**bare, "value": of(values)}), unit) for of in (np.median, min, max)
    )
    return f"{middle}, the median of {len(values)}: {least} to {most}"


def ours(row: pd.Series, unit: str) -> str:
    """One of our numbers in the published unit where it converts, else in its own, with its interval."""
    factor = FACTORS.get((row.unit, unit))
    own_unit = unit if factor else row.unit.replace("fraction", "")
    digits = ".1f" if own_unit in ("%", "points") else ".3g"
    scaled = (None if pd.isna(row[name]) else row[name] * (factor or 1) for name in ("value", "low", "high"))
    return f"{interval(*scaled, digits=digits)} {own_unit}".strip()
