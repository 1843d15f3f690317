"""Energy of one inference and its interval, both ways of taking idle off; the ratio of two devices."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from emolib.core.errors import BadParameter
from emolib.evaluation.energy.blocks import Block

N_BOOT = 10_000


@dataclass(frozen=True)
class Estimate:
    """A value, its 95 % interval over blocks (NaN of one block), and the number of blocks."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Quantity:
    """A sum over blocks over another: what the seeds call power and energy."""

    name: str
    above: Callable[[Block], float]
    below: Callable[[Block], float]

    def sums(self, blocks: Sequence[Block]) -> np.ndarray:
        return np.array([[self.above(block), self.below(block)] for block in blocks])


def _peak_w(block: Block) -> float:
    return block.peak_w - block.idle_w


QUANTITIES = {
    quantity.name: quantity
    for quantity in (
        Quantity("net_w", lambda block: block.net_j, lambda block: block.duration_s),
        Quantity("peak_net_w", _peak_w, lambda block: 1.0),
        Quantity("energy_mj", lambda block: 1e3 * block.net_j, lambda block: block.n),
        Quantity(
            "peak_energy_mj", lambda block: 1e3 * _peak_w(block) * block.duration_s, lambda block: block.n
        ),
    )
}


def estimate(blocks: Sequence[Block], name: str, seed: int = 0) -> Estimate:
    """net_w: mean of work minus mean of idle; peak_net_w: peak of work minus mean of idle, as the seed has it.

    energy_mj and peak_energy_mj are these times the time of one inference. The interval is a bootstrap over
    blocks, widened for few of them. Raises BadParameter for no block. Sources: Rashid et al. 2022 (TinyM²Net,
    peak minus idle); Hesterberg 2015 (expanded percentiles).
    """
    sums = _sums(blocks, name)
    value, draws = _ratio(sums), _draws(sums, np.random.default_rng(seed))
    return Estimate(value, *_ends(draws, len(blocks)), len(blocks))


def ratio(a: Sequence[Block], b: Sequence[Block], name: str, seed: int = 0) -> Estimate:
    """How many times more `a` takes than `b`; both bootstrapped on their own. Raises BadParameter.

    NaN where b's interval reaches zero: a ratio to nothing is none.
    """
    rng, (over, under) = np.random.default_rng(seed), (_sums(a, name), _sums(b, name))
    draws = [_draws(sums, rng) for sums in (over, under)]
    n = min(len(a), len(b))
    if n > 1 and _ends(draws[1], len(b))[0] <= 0 or _ratio(under) <= 0:
        return Estimate(math.nan, math.nan, math.nan, n)
    return Estimate(_ratio(over) / _ratio(under), *_ends(draws[0] / draws[1], n), n)


def _sums(blocks: Sequence[Block], name: str) -> np.ndarray:
    if not blocks:
        raise BadParameter(f"{name}: got no block of work, expected one or more.")
    return QUANTITIES[name].sums(blocks)


def _ratio(sums: np.ndarray) -> float:
    above, below = sums.sum(axis=0)
    return float(above / below)


def _draws(sums: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The ratio (N_BOOT,) of sums over blocks drawn with replacement."""
    times = rng.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), N_BOOT)
    above, below = (times @ sums).T
    return above / below


def _ends(draws: np.ndarray, n: int) -> tuple[float, float]:
    """Percentiles of draws that hold 95 % with n blocks too, NaN of one."""
    if n < 2:
        return math.nan, math.nan
    from scipy.stats import norm, t

    tail = 100 * norm.cdf(math.sqrt(n / (n - 1)) * t.ppf(0.025, n - 1))
    low, high = np.percentile(draws, (tail, 100 - tail))
    return float(low), float(high)
