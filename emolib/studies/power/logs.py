"""The logs of the power notebook: opened and aligned, generated, or recorded live; with the energy of their blocks."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from emolib.core.artifacts import Run, sha256
from emolib.core.errors import BadParameter, check_names
from emolib.core.experiment import INT8, model_name
from emolib.core.paths import PROJECT
from emolib.device import markers
from emolib.device.interpreter import Model
from emolib.device.latency import noise_window
from emolib.device.markers import Marker, Recorder, repeat
from emolib.evaluation.energy import alignment, ppk2, readers
from emolib.evaluation.energy.alignment import Alignment
from emolib.evaluation.energy.blocks import Measured, measure
from emolib.evaluation.energy.generated import Bench
from emolib.evaluation.energy.sampler import Sampler, Sensor
from emolib.evaluation.energy.trace import Trace

KEYS = ("device", "log", "reader", "options", "markers", "channels")
KEYS += ("offset_s", "search_s", "max_drift", "settle_s")
LIVE_HZ = 20.0


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
    def works(self) -> list[str]:
        return list(dict.fromkeys(block.what for block in self.measured.blocks))


def all_opened(entries: Sequence[Mapping]) -> list[Log]:
    """The logs of all entries, as `opened`. Raises BadParameter where two are of one device and the same work."""
    logs, seen = [opened(entry) for entry in entries], set()
    for log in logs:
        for what in log.works:
            if (log.device, what) in seen:
                raise BadParameter(f"logs: {what} on {log.device} is in two logs: name the devices apart.")
            seen.add((log.device, what))
    return logs


def opened(entry: Mapping) -> Log:
    """The log of an entry of the notebook's `logs`, paths relative to the project.

    device, log and markers are needed; reader is one of readers.READERS with its `options`. `channels` instead
    of markers: {0: "name"} for the digital inputs of a PPK2. offset_s instead of a search; search_s, max_drift
    and settle_s as alignment.find and blocks.measure take them. Raises BadParameter, BadRecording.
    """
    check_names(entry, KEYS, "an entry of logs")
    for name in ("device", "log"):
        if not entry.get(name):
            raise BadParameter(
                f"logs: an entry has no {name}, expected device, log, and markers or channels."
            )
    if bool(entry.get("markers")) == bool(entry.get("channels")):
        raise BadParameter(
            f"logs: {entry['device']} has markers and channels or neither, expected one of them."
        )
    path = PROJECT / entry["log"]
    trace = readers.read(entry.get("reader", "csv"), path, **entry.get("options", {}))
    if entry.get("channels"):
        marked = ppk2.read_markers(path, {int(k): what for k, what in entry["channels"].items()})
        aligned = alignment.given(trace, marked, 0.0)
    else:
        marked = markers.read(PROJECT / entry["markers"])
        aligned = _aligned(trace, marked, entry)
    return made(entry["device"], trace, marked, aligned, entry.get("settle_s", 0.0), sha256(path))


def _aligned(trace: Trace, marked: list[Marker], entry: Mapping) -> Alignment:
    if entry.get("offset_s") is not None:
        return alignment.given(trace, marked, entry["offset_s"])
    return alignment.find(trace, marked, entry.get("search_s"), entry.get("max_drift", 0.0))


def made(
    device: str,
    trace: Trace,
    marked: list[Marker],
    aligned: Alignment,
    settle_s: float = 0.0,
    digest: str = "",
) -> Log:
    """A log whose alignment is known, with the energy of its blocks."""
    measured = measure(aligned.apply(trace), marked, settle_s)
    return Log(device, trace, marked, aligned, measured, digest)


def generated(bench: Bench, max_drift: float = 1e-3, seed: int = 0) -> Log:
    """A *synthetic* log, read as a real one is: its clock is not known."""
    trace, marked = bench.run(seed)
    return made("synthetic device", trace, marked, alignment.find(trace, marked, max_drift=max_drift))


def live(
    sensor: Sensor, works: Mapping[str, Callable[[], object]], n_blocks: int, block_s: float, pause_s: float
) -> Log:
    """The log of a sensor of this machine while it does each of `works`, a name and one inference, in blocks."""
    recorder = Recorder()
    with Sampler(sensor, rate_hz=LIVE_HZ) as sampler:
        time.sleep(pause_s)
        for what, work in works.items():
            repeat(recorder, what, work, n_blocks, block_s, pause_s)
    trace = sampler.trace()
    return made(sensor.name, trace, recorder.markers, alignment.given(trace, recorder.markers, 0.0))


def models(run: Run, sources: Sequence[str]) -> dict[str, Callable[[], object]]:
    """One inference of each source's int8 model, on noise: its values do not change the work."""
    return {name: _inference(Model(run.read(f"{model_name(name, 0)}-{INT8}.tflite"))) for name in sources}


def _inference(model: Model) -> Callable[[], object]:
    x = noise_window(model)
    return lambda: model.times(x, 1)
