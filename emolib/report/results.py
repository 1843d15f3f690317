"""The table of results: joined from the notebooks of a run, and asked by what a number is of."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from emolib.core.artifacts import Run, record_of
from emolib.core.experiment import Experiment
from emolib.core.results import COLUMNS, OF
from emolib.report.tables import interval

NUMBERS = ["value", "low", "high"]
UNITS = {  # unit: factor, digits, what stands behind the number
    "fraction": (100, ".1f", " %"),
    "bytes": (1e-3, ".1f", " kB"),
    "points": (1, ".2f", " points"),
    "ratio": (1, ".2f", " ×"),
    "us": (1, ".1f", " µs"),
    "ms": (1, ".3g", " ms"),
    "mJ": (1, ".3g", " mJ"),
    "W": (1, ".3g", " W"),
    "": (1, ".3g", ""),
    "params": (1, ",.0f", " parameters"),
    "percent": (1, ".1f", " %"),
    "kB": (1, ".1f", " kB"),
    "LSB": (1, ".0f", " LSB"),
    "rank": (1, ".2f", " (mean rank)"),
    "logits": (1, ".1e", " of a logit"),
    "fraction of folds": (100, ".0f", " % of folds"),
}
COUNTS = ("MACs", "BOPs", "FLOPs", "cycles", "hops", "cells", "windows", "people", "found")
UNITS |= {unit: (1, ",.0f", f" {unit}") for unit in COUNTS}


def read(path: Path) -> pd.DataFrame:
    """Rows of a CSV file as text, but for NUMBERS, which are floats; what is empty is "" or NaN."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    return table.assign(**{name: pd.to_numeric(table[name]) for name in NUMBERS})


def joined(run: Run, concluded: Iterable[str]) -> pd.DataFrame:
    """The rows of rows/<name>.csv of each name, with the run and the commit that wrote them."""
    paths = [run.read(f"rows/{name}.csv") for name in concluded]
    parts = [read(path).assign(commit=record_of(path)["commit"]) for path in paths]
    return pd.concat(parts, ignore_index=True).assign(run=run.folder.name)[list(COLUMNS)]


def pick(table: pd.DataFrame, **wanted: str | Iterable[str]) -> pd.DataFrame:
    """The rows whose columns have these values: pick(table, corpus="emodb", metric=("uar", "accuracy"))."""
    for name, value in wanted.items():
        table = table[table[name].isin([value] if isinstance(value, str) else list(value))]
    return table


def one(table: pd.DataFrame, **wanted: str) -> pd.Series | None:
    """The one row of these values, None where there is none. Raises ValueError for several."""
    found = pick(table, **wanted)
    if len(found) > 1:
        raise ValueError(f"{len(found)} results for {wanted}, expected one.")
    return found.iloc[0] if len(found) else None


def of_source(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of one source on its recordings as they are."""
    of = Experiment.parse(name)
    found = pick(table, corpus=of.corpus, task=of.task, protocol=of.protocol, modality=of.modality)
    return pick(found, model=of.network, condition="")


def named(row: pd.Series) -> str:
    """What a number is of, in words."""
    return " · ".join(row[name] for name in OF if name != "metric" and row[name])


def cell(row: pd.Series | None, with_unit: bool = True) -> str:
    """A number with its interval, in the unit that people read."""
    if row is None:
        return "–"
    factor, digits, unit = UNITS[row.unit]
    return interval(*factor * row[NUMBERS], digits=digits) + unit * with_unit


def markdown(head: list[str], body: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
