"""What the power notebook says of its logs: tables, ratios, cautions and summary numbers."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.errors import BadParameter
from emolib.core.experiment import Experiment
from emolib.core.summary import ends, number
from emolib.evaluation.energy.estimate import QUANTITIES, Estimate, estimate, ratio
from emolib.evaluation.energy.generated import Bench
from emolib.studies.power.logs import Log

ENERGIES = ["device", "work", "blocks", "n", "idle_w"]
RATIOS = ["first", "second", "work"]
NOTHING = Estimate(math.nan, math.nan, math.nan, 0)
COARSE = 0.1  # of the work's power: a last digit above this is a caution


def clocks(logs: Sequence[Log]) -> pd.DataFrame:
    """A row per log: what it holds, what is missing, and how its clock was found."""
    rows = []
    for log in logs:
        trace, gaps = log.trace, log.trace.gaps_s()
        reasons = {**trace.dropped, **log.measured.excluded}
        rows.append(
            {
                "device": log.device,
                "log": Path(trace.origin).name,
                "samples": len(trace.time_s),
                "step_ms": 1e3 * trace.step_s,
                "gaps": len(gaps),
                "gaps_s": float(gaps.sum()),
                "left out": "; ".join(f"{reason}: {k}" for reason, k in reasons.items()),
                "offset": f"{log.alignment.offset_s:.3f} s",
                "first_mark_s": log.markers[0].start_s - log.aligned.time_s[0],
                "drift_ppm": 1e6 * log.alignment.drift,
                "correlation": log.alignment.correlation,
                "runner_up": log.alignment.runner_up,
                "sha256": log.digest[:12],
            }
        )
    return pd.DataFrame(rows)


def energies(logs: Sequence[Log], seed: int = 0) -> pd.DataFrame:
    """A row per device and kind of work: power above idle and energy of one inference, by mean and by peak."""
    rows = []
    for log in logs:
        for what in log.works:
            blocks = log.measured.of(what)
            row = {"device": log.device, "work": what, "blocks": len(blocks), "n": sum(b.n for b in blocks)}
            row["idle_w"] = sum(b.idle_w for b in blocks) / len(blocks)
            for name in QUANTITIES:
                row |= _columns(name, estimate(blocks, name, seed))
            rows.append(row)
    return pd.DataFrame(rows, columns=_names(ENERGIES, QUANTITIES))


def _names(first: Sequence[str], quantities: Iterable[str]) -> list[str]:
    return [*first, *(name for quantity in quantities for name in _columns(quantity, NOTHING))]


def _columns(name: str, found: Estimate) -> dict[str, float]:
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def recovered(log: Log, bench: Bench, seed: int = 0) -> pd.DataFrame:
    """The method's answers on a generated log beside the truth, for each way of taking idle off."""
    rows = []
    for name, way in (
        ("energy_mj", "mean of work - mean of idle"),
        ("peak_energy_mj", "peak of work - mean of idle"),
    ):
        found = estimate(log.measured.blocks, name, seed)
        row = {"way": way, "true_mj": bench.energy_mj, **_columns("found_mj", found)}
        rows.append(row | {"error_percent": 100 * (found.value / bench.energy_mj - 1)})
    return pd.DataFrame(rows)


def ratios(logs: Sequence[Log], seed: int = 0) -> pd.DataFrame:
    """A row per pair of devices that did the same work: how many times more the first takes than the second."""
    pairs = [
        (a, b, what) for i, a in enumerate(logs) for b in logs[i + 1 :] for what in a.works if what in b.works
    ]
    rows = []
    for a, b, what in pairs:
        row = {"first": a.device, "second": b.device, "work": what}
        for name in QUANTITIES:
            row |= _columns(_ratio_name(name), ratio(a.measured.of(what), b.measured.of(what), name, seed))
        rows.append(row)
    return pd.DataFrame(rows, columns=_names(RATIOS, map(_ratio_name, QUANTITIES)))


def _ratio_name(quantity: str) -> str:
    return f"{quantity.rsplit('_', 1)[0]}_ratio"


def cautions(logs: Sequence[Log]) -> list[str]:
    """What an interval over blocks does not hold: a last digit that is large beside the work's power."""
    found = []
    for log in logs:
        net_w = min(estimate(log.measured.of(what), "net_w").value for what in log.works)
        if log.trace.digit_w > COARSE * abs(net_w):
            found.append(
                f"{log.device}: the meter's last digit, {log.trace.digit_w:g} W, is {log.trace.digit_w / abs(net_w):.0%} "
                "of the work's power: the error of half a digit is not in the interval."
            )
    return found


def modelled(run: Run) -> pd.DataFrame:
    """The modelled energy of each source as the cost notebook wrote it, in µJ and in nothing measured."""
    return pd.read_csv(run.read("tables/cost-energy.csv"))


def slug(device: str) -> str:
    """A device's name as a part of summary keys."""
    return re.sub(r"[^a-z0-9]+", "_", device.lower()).strip("_")


def numbers(table: pd.DataFrame, compared: pd.DataFrame, artifact: str) -> tuple[dict[str, dict], list[str]]:
    """Entries of summary.json of work that is named after a source, and the names of other work.

    <device>_energy_mj, <device>_peak_energy_mj, <device>_net_w; <first>_over_<second>_energy.
    """
    found, others = {}, []
    for row in table.to_dict("records"):
        source = _source(row["work"])
        if source is None:
            others.append(row["work"])
            continue
        for name, unit in (("energy_mj", "mJ"), ("peak_energy_mj", "mJ"), ("net_w", "W")):
            key = source.key("measured", f"{slug(row['device'])}_{name}")
            found[key] = _entry(row, name, unit, row["blocks"], f"tables/{artifact}.csv")
    for row in compared.to_dict("records"):
        source = _source(row["work"])
        if source is not None and math.isfinite(row["energy_ratio"]):
            key = source.key("measured", f"{slug(row['first'])}_over_{slug(row['second'])}_energy")
            found[key] = _entry(row, "energy_ratio", "×", 2, f"tables/{artifact}-ratios.csv")
    return found, list(dict.fromkeys(others))


def _entry(row: Mapping, name: str, unit: str, n: int, artifact: str) -> dict:
    return number(
        row[name], *ends(row[f"{name}_low"], row[f"{name}_high"]), unit=unit, n=n, artifact=artifact
    )


def _source(work: str) -> Experiment | None:
    try:
        source = Experiment.parse(work)
        source.key("measured", "energy_mj")  # names a corpus that is there
    except BadParameter:
        return None
    return source
