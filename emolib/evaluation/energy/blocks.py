"""Energy of the blocks of work in a log, above idle."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from emolib.core.errors import BadParameter
from emolib.device.markers import Marker, joined
from emolib.evaluation.energy.trace import Trace

REST_STEPS = 4  # a pause of this many samples is long enough to see idle in
EDGE_STEPS = 1  # work reaches this far over its marks: meters average, and clocks are a little off
IDLE_S = 60.0  # idle is what lies this near to a block; of a pause, one half belongs to each of its blocks
MIN_COVERED = 0.5
MIN_SAMPLES = 3


class Block(NamedTuple):
    """Work of one kind without a pause. `net_j` is above `idle_w`, the mean before and after; `peak_w` not."""

    what: str
    start_s: float
    end_s: float
    n: int
    net_j: float
    idle_w: float
    peak_w: float
    missing_s: float

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Measured:
    """What a log gives: blocks, and blocks that were left out, by reason."""

    blocks: tuple[Block, ...]
    excluded: dict[str, int]

    def of(self, what: str) -> list[Block]:
        return [block for block in self.blocks if block.what == what]


def measure(trace: Trace, markers: Sequence[Marker], settle_s: float = 0.0) -> Measured:
    """Blocks of work in a log that lies on the markers' clock.

    Idle is the mean of the rest before a block and the rest after it, without `settle_s` seconds after work.
    Markers of n 0 are work that is neither idle nor counted. Raises BadParameter where no block can be used.
    """
    if not settle_s >= 0:
        raise BadParameter(f"settle_s is {settle_s}, expected 0 or more.")
    work = joined(markers, REST_STEPS * trace.step_s + settle_s)
    ends = [-np.inf, *(block.end_s for block in work[:-1])]
    starts = [*(block.start_s for block in work[1:]), np.inf]
    found, excluded = [], Counter()
    for block, end_s, start_s in zip(work, ends, starts, strict=True):
        pauses = block.start_s - end_s, start_s - block.end_s
        idle = _idle_w(trace, block, pauses, settle_s)
        if block.n and (reason := _refused(trace, block, idle)):
            excluded[reason] += 1
        elif block.n:
            found.append(_block(trace, block, float(np.nanmean(idle)), pauses))
    if not found:
        raise BadParameter(f"{trace.origin}: no block of work can be used: {_reasons(excluded)}.")
    return Measured(tuple(found), dict(excluded))


def _reasons(excluded: Counter) -> str:
    return "; ".join(f"{reason} ({k})" for reason, k in excluded.items()) or "no marker has n above 0"


def _idle_w(trace: Trace, block: Marker, pauses: tuple[float, float], settle_s: float) -> list[float]:
    """Mean power of the rest before and after a block; NaN where too little of it is logged.

    A pause is halved, so that blocks share no reading and are independent.
    """
    edge = EDGE_STEPS * trace.step_s
    halves = [max((pauses[0] - settle_s) / 2, 0.0), max((pauses[1] - settle_s) / 2, 0.0)]
    before, after = (min(half, IDLE_S) for half in halves)
    rest = block.end_s + settle_s
    return [
        _mean_w(trace, block.start_s - before, block.start_s - edge),
        _mean_w(trace, rest + edge, rest + after),
    ]


def _mean_w(trace: Trace, start_s: float, end_s: float) -> float:
    covered = float(trace.covered_s(start_s, end_s)) if start_s < end_s else 0.0
    return float(trace.energy_j(start_s, end_s)) / covered if covered > trace.step_s / 2 else np.nan


def _refused(trace: Trace, block: Marker, idle: Sequence[float]) -> str:
    """Why a block cannot be used, "" where it can."""
    if block.end_s < trace.cells[0][0] or block.start_s > trace.cells[1][-1]:
        return "outside the log"
    if trace.covered_s(block.start_s, block.end_s) < MIN_COVERED * (block.end_s - block.start_s):
        return "more gap than log in it"
    if _samples(trace, block).size < MIN_SAMPLES:
        return f"shorter than {MIN_SAMPLES} samples of the meter: repeat the work for longer"
    return "" if np.isfinite(idle).any() else "no idle beside it: leave pauses"


def _samples(trace: Trace, block: Marker) -> np.ndarray:
    return trace.power_w[
        np.searchsorted(trace.time_s, block.start_s) : np.searchsorted(trace.time_s, block.end_s)
    ]


def _block(trace: Trace, block: Marker, idle_w: float, pauses: tuple[float, float]) -> Block:
    """Net energy with what lies over the edges; what a gap hides is taken as the block's mean."""
    before, after = (min(EDGE_STEPS * trace.step_s, pause / 2) for pause in pauses)

    def net(start_s: float, end_s: float) -> float:
        return float(trace.energy_j(start_s, end_s) - idle_w * trace.covered_s(start_s, end_s))

    covered = float(trace.covered_s(block.start_s, block.end_s))
    missing = max(block.end_s - block.start_s - covered, 0.0)
    hidden = missing * net(block.start_s, block.end_s) / covered
    net_j = net(block.start_s - before, block.end_s + after) + hidden
    peak_w = float(_samples(trace, block).max())
    return Block(block.what, block.start_s, block.end_s, block.n, net_j, idle_w, peak_w, missing)
