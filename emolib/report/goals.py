"""Goals of the project (goals.yaml), and how far the results reach them. Missed ones stay in the table."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

from emolib.report.results import named, pick
from emolib.report.tables import interval

DIGITS = {"points": ".2f", "ratio": ".2f", "percent": ".1f", "fraction": ".3f"}  # else whole numbers


@dataclass(frozen=True)
class Goal:
    """A limit, "≤" or "≥", for every result of these columns of the results table."""

    text: str
    sign: str
    limit: float
    of: dict[str, str | list[str]]

    def is_reached(self, value: float) -> bool:
        return value <= self.limit if self.sign == "≤" else value >= self.limit


GOALS = [
    Goal(**goal)
    for goal in yaml.safe_load(Path(__file__).with_name("goals.yaml").read_text(encoding="utf-8"))
]


def table(results: pd.DataFrame) -> pd.DataFrame:
    """A row per goal and result that it holds for: goal, limit, value with its 95 % interval as text, unit, reached, result."""
    rows = []
    for goal in GOALS:
        for _, row in pick(results, **goal.of).iterrows():
            ends = (None if pd.isna(row[end]) else row[end] for end in ("value", "low", "high"))
            value = interval(*ends, DIGITS.get(row.unit, ".0f"))
            limit = f"{goal.sign} {goal.limit:g}"
            rows.append((goal.text, limit, value, row.unit, goal.is_reached(row.value), named(row)))
    return pd.DataFrame(rows, columns=("goal", "limit", "value", "unit", "reached", "result"))
