"""The tidy table of results: one row a number. `Run.conclude` writes the rows of a notebook, 06_report joins them."""

import csv
import io
import math
from collections.abc import Iterable, Mapping
from numbers import Integral

from emolib.core.errors import BadParameter
from emolib.core.experiment import Experiment

# What the number is of. modality: several are joined by "+". model: the network, or the way of fusion.
# variant: float32, int8, …, or a fusion rule. condition: what was done to the input ("no speech", "10 dB noise on heart").
# pairing: how trials of several modalities were put together ("same trials", "by label").
OF = ("corpus", "task", "protocol", "modality", "model", "variant", "condition", "pairing", "metric")
# The number itself. low, high: 95 % interval. n: answers. people: over whom the interval is.
# how: measured, emulated or modelled. device: what a latency or energy was measured on, or modelled for.
NUMBER = ("value", "low", "high", "unit", "n", "people", "how", "device", "artifact")
ROW = OF + NUMBER  # as a notebook writes it
COLUMNS = (*ROW, "run", "commit")  # as results.csv has it
HOW = ("measured", "emulated", "modelled")


def row(
    of: Experiment,
    metric: str,
    value: float,
    low: float | None = None,
    high: float | None = None,
    *,
    unit: str,
    n: int,
    artifact: str,
    variant: str = "",
    condition: str = "",
    pairing: str = "",
    people: int | str = "",
    how: str = "measured",
    device: str = "",
) -> dict:
    """One row of the table. `unit`: fraction, points, bytes, us, ms, mJ, … or "" for a number without one.

    Floats keep six significant digits. An interval that is NaN, of one person alone, is left out. Raises BadParameter for
    a value that is not finite, or another `how`.
    """
    if how not in HOW:
        raise BadParameter(f"Result {metric} of {of}: how is {how!r}, expected {', '.join(HOW)}.")
    if not math.isfinite(value):
        raise BadParameter(f"Result {metric} of {of} is {value}, expected a finite number: leave it out.")
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        low = high = None
    number = ["" if x is None else int(x) if isinstance(x, Integral) else float(f"{x:.6g}") for x in (value, low, high)]
    about = of.corpus, of.task, of.protocol, of.modality, of.network, variant, condition, pairing, metric
    return dict(zip(ROW, (*about, *number, unit, int(n), people, how, device, artifact), strict=True))


def to_csv(rows: Iterable[dict]) -> str:
    """The rows as CSV, ROW as head. Raises BadParameter where two say different numbers of the same thing."""
    text, seen = io.StringIO(), {}
    writer = csv.DictWriter(text, ROW, lineterminator="\n")
    writer.writeheader()
    for one in rows:
        what = tuple(one[name] for name in (*OF, "how", "device"))
        if seen.setdefault(what, one) != one:
            of = ", ".join(map(str, filter(None, what)))
            raise BadParameter(f"Two results for {of}: {seen[what]['value']}, {one['value']}.")
        writer.writerow(one)
    return text.getvalue()


def tidy(
    of: Experiment, table, units: Mapping[str, str], artifact: str, names: Mapping[str, str] | None = None, **about
) -> list[dict]:
    """A row for each row of a pandas table and each of its columns in `units`, column: unit; the metric is that of the
    column's name, or what `names` says.

    A column `variant` names the variant, `n` the answers, `people` the people; <column>_low and <column>_high are the
    interval. `about` is what `row` takes besides. What is NaN has no row.
    """
    found = []
    for one in table.to_dict("records"):
        known = {name: one[name] for name in ("variant", "people", "condition", "n") if name in one}
        options = {"n": 1, "artifact": artifact, **known, **about}
        for column, unit in units.items():
            if not math.isnan(one[column]):
                ends = one.get(f"{column}_low"), one.get(f"{column}_high")
                metric = (names or {}).get(column, column)
                found.append(row(of, metric, one[column], *ends, unit=unit, **options))
    return found
