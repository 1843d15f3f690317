"""Power logs of the power notebook: opened and aligned, generated, or recorded live; energy and ratios of devices."""

import math
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path

import pandas as pd

from emolib import datasets
from emolib.core.artifacts import Run, sha256
from emolib.core.errors import BadParameter, check_names
from emolib.core.experiment import INT8, Experiment, model_name
from emolib.core.paths import PROJECT
from emolib.core.results import row
from emolib.device.interpreter import Model
from emolib.device.latency import noise_window
from emolib.device.markers import Marker, now_s
from emolib.evaluation.energy import alignment, marks, readers
from emolib.evaluation.energy.alignment import Alignment
from emolib.evaluation.energy.blocks import QUANTITIES, Measured, estimate, measure, ratio
from emolib.evaluation.energy.generated import Bench
from emolib.evaluation.energy.sensors import Sampler, Sensor
from emolib.evaluation.energy.trace import Trace
from emolib.evaluation.metrics import columns_of

ENTRY = ["device", "log", "reader", "options", "markers", "channels"]
ENTRY += ["offset_s", "search_s", "max_drift", "settle_s"]
LIVE_HZ = 20.0
COARSE = 0.1  # of the work's power: a last digit above this is a caution
RATIOS = {name: f"{name.rsplit('_', 1)[0]}_ratio" for name in QUANTITIES}  # column of each quantity's ratio
METRICS = {  # column: metric and unit in the results
    "energy_mj": ("energy", "mJ"),
    "peak_energy_mj": ("peak_energy", "mJ"),
    "net_w": ("net_power", "W"),
    "energy_ratio": ("times_the_energy", "ratio"),
}


@dataclass(frozen=True)
class Log:
    """One device's log on the meter's clock, its markers, how they align, and the energy of its blocks."""

    device: str
    trace: Trace
    markers: list[Marker]
    alignment: Alignment
    measured: Measured
    digest: str = ""

    @property
    def aligned(self) -> Trace:
        return self.alignment.apply(self.trace)

    @property
    def slug(self) -> str:
        """The device's name in file names."""
        return re.sub(r"[^a-z0-9]+", "_", self.device.lower()).strip("_")

    @property
    def works(self) -> list[str]:
        return list(dict.fromkeys(block.what for block in self.measured.blocks))


# Logs


def opened(entries: Sequence[Mapping]) -> list[Log]:
    """The logs of the notebook's `logs`; paths are relative to the project.

    An entry needs device and log, and markers or `channels`: {0: "name"} for the digital inputs of a PPK2. `reader` is
    one of readers.READERS with its `options`. offset_s replaces a search; search_s, max_drift and settle_s are those of
    alignment.find and blocks.measure. Raises BadRecording, and BadParameter for a wrong entry, or where two logs are of
    one device and the same work.
    """
    logs = [_opened(entry) for entry in entries]
    named = Counter((log.device, what) for log in logs for what in log.works)
    for (device, what), times in named.items():
        if times > 1:
            raise BadParameter(f"logs: {what} on {device} is in two logs: name the devices apart.")
    return logs


def _opened(entry: Mapping) -> Log:
    check_names(entry, ENTRY, "an entry of logs")
    file, channels = entry.get("markers"), entry.get("channels")
    if not (entry.get("device") and entry.get("log")) or bool(file) == bool(channels):
        raise BadParameter(f"logs: got {dict(entry)}, expected device, log, and one of markers or channels.")
    path, offset_s = PROJECT / entry["log"], entry.get("offset_s")
    trace = readers.read(entry.get("reader", "csv"), path, **entry.get("options", {}))
    if channels:
        marked, offset_s = readers.ppk2_markers(path, {int(k): what for k, what in channels.items()}), 0.0
    else:
        marked = marks.read(PROJECT / file)
    if offset_s is None:
        aligned = alignment.find(trace, marked, entry.get("search_s"), entry.get("max_drift", 0.0))
    else:
        aligned = alignment.given(trace, marked, offset_s)
    measured = measure(aligned.apply(trace), marked, entry.get("settle_s", 0.0))
    return Log(entry["device"], trace, marked, aligned, measured, sha256(path))


def generated(bench: Bench, seed: int = 0) -> Log:
    """A *synthetic* log, treated as a real one: its clock is not known."""
    trace, marked = bench.run(seed)
    aligned = alignment.find(trace, marked, max_drift=1e-3)
    return Log("synthetic device", trace, marked, aligned, measure(aligned.apply(trace), marked))


def live(
    sensor: Sensor, works: Mapping[str, Callable[[], object]], n_blocks: int, block_s: float, pause_s: float
) -> Log:
    """The log of a sensor of this machine while it does each of `works`, {name: one inference}, in blocks."""
    marked = []
    with Sampler(sensor, rate_hz=LIVE_HZ) as sampler:
        time.sleep(pause_s)
        for what in [what for what in works for _ in range(n_blocks)]:
            start_s, n = now_s(), 0
            while now_s() < start_s + block_s:
                works[what]()
                n += 1
            marked.append(Marker(start_s, now_s(), n, what))
            time.sleep(pause_s)
    trace = sampler.trace()
    return Log(sensor.name, trace, marked, alignment.given(trace, marked, 0.0), measure(trace, marked))


def inferences(run: Run, sources: Sequence[str]) -> dict[str, Callable[[], object]]:
    """One inference of each source's int8 model, on noise: its values do not change the work."""
    models = {name: Model(run.read(f"{model_name(name, 0)}-{INT8}.tflite")) for name in sources}
    return {name: partial(model.times, noise_window(model), 1) for name, model in models.items()}


# Tables


def clocks(logs: Sequence[Log]) -> pd.DataFrame:
    """A row per log: what it holds, what is missing, and how its clock was found."""
    rows = []
    for log in logs:
        trace, found, gaps_s = log.trace, log.alignment, log.trace.gaps_s()
        row = {"device": log.device, "log": Path(trace.origin).name, "samples": len(trace.time_s)}
        row |= {"step_ms": 1e3 * trace.step_s, "gaps": len(gaps_s), "gaps_s": float(gaps_s.sum())}
        left_out = {**trace.dropped, **log.measured.excluded}
        row["left out"] = "; ".join(f"{reason}: {k}" for reason, k in left_out.items())
        row |= {
            "offset": f"{found.offset_s:.3f} s",
            "first_mark_s": log.markers[0].start_s - log.aligned.time_s[0],
        }
        row |= {"drift_ppm": 1e6 * found.drift, "correlation": found.correlation}
        rows.append(row | {"runner_up": found.runner_up, "sha256": log.digest[:12]})
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
                row |= columns_of(name, estimate(blocks, name, seed))
            rows.append(row)
    return pd.DataFrame(rows)


def ratios(logs: Sequence[Log], seed: int = 0) -> pd.DataFrame:
    """A row per pair of devices that did the same work: how many times more the first takes than the second."""
    rows = []
    for a, b in combinations(logs, 2):
        for what in (what for what in a.works if what in b.works):
            row = {"first": a.device, "second": b.device, "work": what}
            for name, column in RATIOS.items():
                row |= columns_of(column, ratio(a.measured.of(what), b.measured.of(what), name, seed))
            rows.append(row)
    return pd.DataFrame(rows)


def cautions(logs: Sequence[Log]) -> list[str]:
    """What an interval over blocks does not hold: a last digit that is large beside the work's power."""
    found = []
    for log in logs:
        digit_w = log.trace.digit_w
        net_w = abs(min(estimate(log.measured.of(what), "net_w").value for what in log.works))
        if digit_w > COARSE * net_w:
            found.append(
                f"{log.device}: the meter's last digit, {digit_w:g} W, is {digit_w / net_w:.0%} of the work's power: the "
                "error of half a digit is not in the interval."
            )
    return found


def concluded(table: pd.DataFrame, artifact: str, variant: str = "") -> list[dict]:
    """Rows of results of a table of `energies` or `ratios`, for work that is named after a source."""
    found = []
    for line in table.to_dict("records"):
        try:
            of = Experiment.parse(line["work"])
            datasets.get(of.corpus)
        except BadParameter:
            continue
        device = line["device"] if "device" in line else f"{line['first']} / {line['second']}"
        about = {"n": line.get("blocks", 2), "variant": variant, "device": device}
        for column, (metric, unit) in METRICS.items():
            if math.isfinite(line.get(column, math.nan)):
                ends = line[f"{column}_low"], line[f"{column}_high"]
                found.append(row(of, metric, line[column], *ends, unit=unit, artifact=artifact, **about))
    return found
