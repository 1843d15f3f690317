"""Energy above idle: of the blocks of work in a log, then of one inference with its interval over blocks."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.stats import norm, t

from emolib.core.errors import BadParameter
from emolib.device.markers import Marker
from emolib.evaluation.energy.marks import joined
from emolib.evaluation.energy.trace import Trace

REST_STEPS = 4  # a pause of this many samples is long enough to see idle in
EDGE_STEPS = 1  # work reaches this far over its marks: meters average, and clocks are a little off
IDLE_S = 60.0  # idle is what lies this near to a block; of a pause, one half belongs to each of its blocks
MIN_COVERED = 0.5
MIN_SAMPLES = 3
N_BOOT = 10_000


class Block(NamedTuple):
    """Work of one kind without a pause, `n` inferences. `net_j` is above `idle_w`, the mean of rest before and after
    it. `peak_w` is the highest reading, idle included. `missing_s` is what gaps hide."""

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


class Measured(NamedTuple):
    """The blocks of a log, and how many blocks were left out, by reason."""

    blocks: list[Block]
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
    ends, starts = [-math.inf, *(b.end_s for b in work)], [*(b.start_s for b in work), math.inf]
    rests = pairwise(start_s - end_s for end_s, start_s in zip(ends, starts, strict=True))
    tried = [_block(trace, b, pauses, settle_s) for b, pauses in zip(work, rests, strict=True) if b.n]
    blocks = [one for one in tried if isinstance(one, Block)]
    excluded = Counter(one for one in tried if isinstance(one, str))
    if not blocks:
        reasons = "; ".join(f"{reason} ({k})" for reason, k in excluded.items()) or "no marker has n above 0"
        raise BadParameter(f"{trace.origin}: no block of work can be used: {reasons}.")
    return Measured(blocks, dict(excluded))


def _block(trace: Trace, block: Marker, pauses: tuple[float, float], settle_s: float) -> Block | str:
    """A block with its net energy, what lies over its edges included, or why it cannot be used. What a gap hides is taken
    as the block's mean."""
    start_s, end_s, n, what = block
    covered = trace.covered_s(start_s, end_s)
    power_w = trace.power_w[slice(*np.searchsorted(trace.time_s, (start_s, end_s)))]
    if end_s < trace.cells[0][0] or start_s > trace.cells[1][-1]:
        return "outside the log"
    if covered < MIN_COVERED * (end_s - start_s):
        return "more gap than log in it"
    if power_w.size < MIN_SAMPLES:
        return f"shorter than {MIN_SAMPLES} samples of the meter: repeat the work for longer"
    edge_s, rest_s = EDGE_STEPS * trace.step_s, end_s + settle_s
    before, after = (min(max((pause - settle_s) / 2, 0.0), IDLE_S) for pause in pauses)
    spans = (start_s - before, start_s - edge_s), (rest_s + edge_s, rest_s + after)
    idle = [_mean_w(trace, *span) for span in spans]
    if np.isnan(idle).all():
        return "no idle beside it: leave pauses"
    idle_w = float(np.nanmean(idle))

    def net(start_s: float, end_s: float) -> float:
        return trace.energy_j(start_s, end_s) - idle_w * trace.covered_s(start_s, end_s)

    missing = max(end_s - start_s - covered, 0.0)
    before, after = (min(edge_s, pause / 2) for pause in pauses)
    net_j = net(start_s - before, end_s + after) + missing * net(start_s, end_s) / covered
    return Block(what, start_s, end_s, n, net_j, idle_w, float(power_w.max()), missing)


def _mean_w(trace: Trace, start_s: float, end_s: float) -> float:
    """Mean power of a span; NaN where too little is logged."""
    covered = trace.covered_s(start_s, end_s) if start_s < end_s else 0.0
    return trace.energy_j(start_s, end_s) / covered if covered > trace.step_s / 2 else math.nan


QUANTITIES = {  # what papers call power and energy: the sum over blocks of the first over that of the second
    "net_w": lambda b: (b.net_j, b.duration_s),
    "peak_net_w": lambda b: (b.peak_w - b.idle_w, 1.0),
    "energy_mj": lambda b: (1e3 * b.net_j, b.n),
    "peak_energy_mj": lambda b: (1e3 * (b.peak_w - b.idle_w) * b.duration_s, b.n),
}


class Estimate(NamedTuple):
    """A value, its 95 % interval over blocks (NaN of one block), and the number of blocks."""

    value: float
    low: float
    high: float
    n: int


def estimate(blocks: Sequence[Block], name: str, seed: int = 0) -> Estimate:
    """One of QUANTITIES over blocks of the same work, with a bootstrap over blocks, widened for few of them.

    net_w: mean of work minus mean of idle. peak_net_w: peak of work minus mean of idle. energy_mj and
    peak_energy_mj: the same times the time of one inference. Sources: Rashid et al. 2022 (TinyM²Net, peak minus idle);
    Hesterberg 2015 (expanded percentiles).
    """
    value, draws = _drawn(blocks, name, np.random.default_rng(seed))
    return _estimate(value, draws, len(blocks))


def ratio(a: Sequence[Block], b: Sequence[Block], name: str, seed: int = 0) -> Estimate:
    """How many times more `a` takes than `b`, each bootstrapped on its own; NaN where b's interval reaches zero."""
    rng = np.random.default_rng(seed)
    (over, draws_over), (under, draws_under) = (_drawn(blocks, name, rng) for blocks in (a, b))
    n = min(len(a), len(b))
    if n > 1 and _estimate(under, draws_under, len(b)).low <= 0 or under <= 0:
        return Estimate(math.nan, math.nan, math.nan, n)
    return _estimate(over / under, draws_over / draws_under, n)


def _drawn(blocks: Sequence[Block], name: str, rng: np.random.Generator) -> tuple[float, np.ndarray]:
    """A quantity of blocks, and (N_BOOT,) of blocks drawn with replacement."""
    sums = np.array([QUANTITIES[name](block) for block in blocks])
    times = rng.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), N_BOOT)
    above, below = sums.sum(axis=0)
    draws_above, draws_below = (times @ sums).T
    return float(above / below), draws_above / draws_below


def _estimate(value: float, draws: np.ndarray, n: int) -> Estimate:
    """The value with the percentiles of draws that hold 95 % with n blocks too."""
    if n < 2:
        return Estimate(value, math.nan, math.nan, n)
    tail = 100 * norm.cdf(math.sqrt(n / (n - 1)) * t.ppf(0.025, n - 1))
    low, high = np.percentile(draws, (tail, 100 - tail))
    return Estimate(value, float(low), float(high), n)
