"""Goals of the project, and how far a run reaches them; missed ones stay in the table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

import pandas as pd

from emolib.report.page import Section, Table
from emolib.report.tables import interval

COLUMNS = ("goal", "limit", "value", "unit", "reached", "key")
DIGITS = {"points": ".2f", "ratio": ".2f", "percent": ".1f", "fraction": ".3f"}  # else whole numbers


@dataclass(frozen=True)
class Goal:
    """A limit, "≤" or "≥", for every number of a summary whose key matches the pattern `key`, as fnmatch does."""

    text: str
    key: str
    sign: str
    limit: float

    def reached(self, value: float) -> bool:
        return value <= self.limit if self.sign == "≤" else value >= self.limit


def table(goals: Iterable[Goal], numbers: Mapping[str, dict]) -> pd.DataFrame:
    """One row per goal and number that it holds for: COLUMNS, value with its 95 % interval as text."""
    rows = []
    for goal in goals:
        for key in sorted(name for name in numbers if fnmatchcase(name, goal.key)):
            entry = numbers[key]
            digits = DIGITS.get(entry["unit"], ".0f")
            value = interval(entry["value"], entry["low"], entry["high"], digits)
            limit, reached = f"{goal.sign} {goal.limit:g}", goal.reached(entry["value"])
            rows.append((goal.text, limit, value, entry["unit"], reached, key))
    return pd.DataFrame(rows, columns=COLUMNS)


def section() -> Section:
    """What the report says of them."""
    shown = Table("tables/goals.csv", "Goals that this run has a number for; missed ones stay in the table.")
    return Section("Goals", "What this project set itself, and what this run reaches of it.", [shown])
