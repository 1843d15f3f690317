"""Tables for people: rounded, units in the header, numbers to the right; the CSV keeps every digit."""

import re
from collections.abc import Iterable, Mapping
from html import escape

import numpy as np
import pandas as pd

from emolib.datasets.base import EmotionSet

SHARES = re.compile(r"(uar|accuracy|macro_f1|recall|precision|chance|majority|ece|low|high)(_|$)")
UNITS = {"us": "µs", "uj": "µJ", "mmacps": "MMAC/s"} | {
    unit.lower(): unit for unit in ("ms", "s", "mJ", "mW", "kB", "MB", "Hz", "MFLOP", "dB", "W", "ppm")
}
NAMES = {"lsb": "difference (LSB)", "macro f1": "macro-F1"} | {
    name.lower(): name
    for name in ["UAR", "MACs", "FLOPs", "ECE", "AUC", "EEG", "SRAM", "NPU", "BOPs", "SQNR", "IoU", "AP50"]
}
LONG = {True: 20, False: 32}  # characters of a cell that may break, with and without spaces
NOTHING = "–"
THIN_SPACE = "\u202f"


def windows_table(emotion_set: EmotionSet) -> pd.DataFrame:
    """Windows per subject × class, without copies: index "subject", columns classes; a row and a column "total". Where every
    window has a subject of its own, because identities are unknown, the rows are the official splits."""
    own = emotion_set.own
    names = np.asarray(emotion_set.classes, dtype=object)[emotion_set.y[own]]
    known = len(np.unique(emotion_set.subject)) < len(emotion_set.y)
    row = "subject" if known else "split"
    counts = pd.crosstab(pd.Series(getattr(emotion_set, row)[own], name=row), names)
    counts = counts.reindex(columns=list(emotion_set.classes), fill_value=0)
    counts.columns.name = None
    counts["total"] = counts.sum(axis=1)
    counts.loc["total"] = counts.sum()
    return counts


def interval(value: float, low: float = np.nan, high: float = np.nan, digits: str = ".1f") -> str:
    """A value and its interval, if it has one: "78.3 (74.1–82.0)", "0.4 (-1.2 to 2.0)"; what rounds to zero has no sign."""
    texts = [f"{number:z{digits}}" for number in (value, low, high)]
    return texts[0] if np.isnan(low) or np.isnan(high) else _joined(*texts)


def percent(row: Mapping, name: str) -> str:
    """A share with its interval from a row of a table: "78.3 (74.1–82.0) %"."""
    return interval(*(100 * row[f"{name}{end}"] for end in ("", "_low", "_high"))) + " %"


def points(row: Mapping, name: str = "points") -> str:
    """Percentage points with their interval from a row of a table: "1.2 (0.4–2.1) points"."""
    return interval(*(row[f"{name}{end}"] for end in ("", "_low", "_high"))) + " points"


def _joined(value: str, low: str, high: str) -> str:
    return f"{value} ({low}{' to ' if '-' in low else '–'}{high})"


def rounded(table: pd.DataFrame) -> pd.DataFrame:
    """The same table as text; x, x_low and x_high become one column.

    Shares in [0, 1] (uar, accuracy, …, low, high) become percentages with one decimal; other floats keep three significant
    digits of the column's largest value, at most three decimals, or three of each where a quantity with a unit spans much.
    """
    texts = {header(name, table[name]): _with_interval(table, name) for name in _shown(table)}
    return pd.DataFrame(texts, index=table.index, dtype=object)


def _shown(table: pd.DataFrame) -> list[str]:
    """Columns without those that are the interval of another one."""
    ends = {f"{name}_{end}" for name in table.columns for end in ("low", "high")}
    return [name for name in table.columns if name not in ends]


def _with_interval(table: pd.DataFrame, name: str) -> list[str]:
    if f"{name}_low" not in table.columns:
        return _texts(name, table[name])
    texts = _texts(name, pd.concat([table[name], table[f"{name}_low"], table[f"{name}_high"]]))
    rows = np.reshape(texts, (3, -1)).T
    return [_joined(*row) if NOTHING not in row else row[0] for row in rows]


def header(name: str, column: pd.Series) -> str:
    """A column's name in words with its unit: p50_us → "p50 (µs)", uar → "UAR (%)"."""
    quantity, _, unit = str(name).rpartition("_")
    if quantity and unit in UNITS | {"percent": "%"}:
        return f"{words(quantity)} ({UNITS.get(unit, '%')})"
    return words(name) + " (%)" * _is_share(name, column)


def words(name: str) -> str:
    """A name as people read it: macro_f1 → "macro-F1"."""
    text = str(name).replace("_", " ")
    return NAMES.get(text, " ".join(NAMES.get(word, word) for word in text.split(" ")))


def _is_share(name: str, column: pd.Series) -> bool:
    return bool(SHARES.match(str(name)) and pd.api.types.is_float_dtype(column) and column.abs().max() <= 1)


def _texts(name: str, column: pd.Series) -> list[str]:
    if not pd.api.types.is_float_dtype(column):
        return [_cell(value) for value in column]
    share = _is_share(name, column)
    values = 100 * column if share else column
    decimals = 1 if share or "%" in str(name) or str(name).endswith("_percent") else _decimals(values)
    if str(name).split("_")[-1] in UNITS and values.abs().between(0, 10.0 ** (1 - decimals), "neither").any():
        return [_number(value, _decimals(pd.Series([value]), most=9)) for value in values]
    return [_number(value, decimals) for value in values]


def _decimals(values: pd.Series, most: int = 3) -> int:
    """Decimals that leave three significant digits of the largest value, 0 to `most`."""
    largest = values[np.isfinite(values)].abs().max()
    if not largest > 0 or (values.dropna() % 1 == 0).all():
        return 0
    return int(np.clip(2 - np.floor(np.log10(largest)), 0, most))


def _number(value: float, decimals: int) -> str:
    if np.isnan(value):
        return NOTHING
    smallest = 10.0**-decimals
    if 0 < abs(value) < smallest / 2:
        return f"<{smallest:.{decimals}f}" if value > 0 else f">-{smallest:.{decimals}f}"
    return f"{value:z,.{decimals}f}".replace(",", THIN_SPACE)


def _cell(value) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{value:,}".replace(",", THIN_SPACE)
    return NOTHING if pd.isna(value) else str(value)


def to_html(table: pd.DataFrame) -> str:
    """An HTML table, escaped, numbers to the right; the index is shown if it has a name."""
    if table.index.name:
        table = table.reset_index()
    texts = rounded(table)
    sides = ["right" if table[name].dtype.kind in "iuf" else "left" for name in _shown(table)]

    def row(tag: str, cells: Iterable[str]) -> str:
        """A row whose long cells may break, also behind a slash."""
        found = ""
        for cell, side in zip(cells, sides, strict=True):
            long = ' class="long"' if len(cell) > LONG[" " in cell] else ""
            text = escape(cell).replace("/", "/<wbr>")
            found += f'<{tag}{long} style="text-align:{side}">{text}</{tag}>'
        return f"<tr>{found}</tr>\n"

    rows = "".join(row("td", cells) for cells in texts.itertuples(index=False, name=None))
    return f"<table>\n<thead>\n{row('th', texts.columns)}</thead>\n<tbody>\n{rows}</tbody>\n</table>\n"
