"""Goals of the project (goals.yaml), and how far the results reach them. Missed ones stay in the table."""

from pathlib import Path

import pandas as pd
import yaml

from emolib.report.results import NUMBERS, named, pick
from emolib.report.tables import interval

GOALS = yaml.safe_load(Path(__file__).with_name("goals.yaml").read_text(encoding="utf-8"))
DIGITS = {"points": ".2f", "ratio": ".2f", "percent": ".1f", "fraction": ".3f"}  # else whole numbers


def table(results: pd.DataFrame) -> pd.DataFrame:
    """A row per goal and result that it holds for: goal, limit, value with its 95 % interval as text, unit, reached, result."""
    rows = []
    for goal in GOALS:
        limit, is_most = goal["limit"], goal["sign"] == "≤"
        for _, row in pick(results, **goal["of"]).iterrows():
            value = interval(*row[NUMBERS], digits=DIGITS.get(row.unit, ".0f"))
            is_reached = row.value <= limit if is_most else row.value >= limit
            rows.append((goal["text"], f"{goal['sign']} {limit:g}", value, row.unit, is_reached, named(row)))
    return pd.DataFrame(rows, columns=("goal", "limit", "value", "unit", "reached", "result"))
