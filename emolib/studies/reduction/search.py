"""The search of Shved (2019), Algorithm 1, which its author ran by hand: an A*-like search over architectures.

His recursion goes on from a network that keeps the quality, gives up below one that does not, and stops at a target of
FLOPs. Ours walks the same tree with a queue. An architecture has f = g + h: g is its FLOPs, whatever the path to it; h is
minus the most that reductions can still save below it. So f is a lower bound of the FLOPs of all that lies below it
(`space.bound`). An architecture whose f is the FLOPs of the best accepted one or more is skipped. When the queue is empty,
the optimum is found. The queue gives the fewest FLOPs first, not the least f. Both orders find the same optimum, but
trainings cost much, and this order finds a good network early (on the toy space of the tests the optimum itself at training
6 instead of 112).

The search assumes that nothing below a rejected architecture would be accepted. Then f grows with every rejection and saves
trainings. It is an assumption, since measured AUCs are noisy.
"""

import heapq
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

import pandas as pd

from emolib.core.bars import progress_bar
from emolib.core.errors import BadParameter
from emolib.models.alexnet import Architecture, flops, key
from emolib.studies.reduction.space import bound, reductions

CHANCE = 0.5
RULES = ("margin", "auc")


@dataclass(frozen=True)
class Tried:
    """A trained architecture: its `number` in the order of trainings from 0, its parent's number, and what was changed."""

    number: int
    parent: int | None
    change: str
    architecture: Architecture
    flops: int
    numbers: Mapping[str, float]
    accepted: bool


def least_auc(baseline_auc: float, share: float = 0.8, rule: str = "margin") -> float:
    """β₀, the AUC that an accepted architecture has at least: `share` of the baseline's margin over 0.5.

    The rule "auc" takes the share of the AUC itself, as the paper prints it: 80 % of 0.7 is 0.56, a margin of 30 %.
    Raises BadParameter for another rule, a share out of (0, 1], a baseline that is no better than chance.
    """
    if rule not in RULES or not 0 < share <= 1:
        raise BadParameter(f"rule {rule!r}, share {share}: expected {' or '.join(RULES)}, above 0 to 1.")
    if not baseline_auc > CHANCE:
        raise BadParameter(
            f"The baseline's AUC is {baseline_auc:.3f}, expected above {CHANCE}: train it longer or on more "
            "pictures, there is no margin to keep."
        )
    return share * baseline_auc if rule == "auc" else CHANCE + share * (baseline_auc - CHANCE)


@dataclass(eq=False)
class Search:
    """A search from `baseline`; `run` yields after every training.

    `evaluate` is T of the algorithm: an architecture's numbers on validation pictures, "auc" among them. The search
    ends at `target_flops`, after `budget` trainings (the baseline's and remembered ones too), or with the optimum;
    `stopped` says which: target | budget | optimum. `skipped` counts architectures that f ruled out. Raises BadParameter.
    """

    baseline: Architecture
    evaluate: Callable[[Architecture], Mapping[str, float]]
    budget: int
    target_flops: int = 0
    share: float = 0.8
    rule: str = "margin"
    tried: list[Tried] = field(default_factory=list, init=False)
    skipped: int = field(default=0, init=False)
    stopped: str = field(default="", init=False)

    def __post_init__(self):
        least_auc(1.0, self.share, self.rule)
        if self.budget < 1:
            raise BadParameter(f"budget: got {self.budget} trainings, expected 1 or more.")
        self.queue, self.seen = [], set()

    @property
    def least_auc(self) -> float:
        """β₀ of this search, once the baseline is trained."""
        return least_auc(self.tried[0].numbers["auc"], self.share, self.rule)

    @property
    def best(self) -> Tried:
        """The accepted architecture with the fewest FLOPs, the first of equals."""
        return min((one for one in self.tried if one.accepted), key=lambda one: one.flops)

    def run(self) -> Iterator[Tried]:
        """Train, yield, go on with the neighbours of what was accepted."""
        self._push(None, "baseline", self.baseline)
        with progress_bar(self.budget, "search", "trainings") as bar:
            while not self.stopped:
                one = self._train(*heapq.heappop(self.queue)[-3:])
                best = f"best: {self.best.flops / 1e6:.3g} MFLOP, AUC {self.best.numbers['auc']:.3f}"
                bar.set_postfix_str(best, refresh=False)
                bar.update(1)
                yield one
                if one.accepted:
                    for change, architecture in reductions(one.architecture).items():
                        self._push(one.number, change, architecture)
                self.stopped = self._reason()

    def _push(self, parent: int | None, change: str, architecture: Architecture):
        """Put an architecture into the queue, once: fewest FLOPs first, then the order of arrival."""
        if key(architecture) not in self.seen:
            self.seen.add(key(architecture))
            entry = (flops(architecture), len(self.seen), parent, change, architecture)
            heapq.heappush(self.queue, entry)

    def _train(self, parent: int | None, change: str, architecture: Architecture) -> Tried:
        """T of an architecture, and whether it is accepted; the baseline is, if it is better than chance."""
        numbers, number, size = self.evaluate(architecture), len(self.tried), flops(architecture)
        floor = self.least_auc if self.tried else least_auc(numbers["auc"], self.share, self.rule)
        accepted = number == 0 or bool(numbers["auc"] >= floor)
        self.tried.append(Tried(number, parent, change, architecture, size, numbers, accepted))
        return self.tried[-1]

    def _reason(self) -> str:
        """Why to stop, "" for going on; then the first in the queue is worth a training."""
        if self.best.flops <= self.target_flops:
            return "target"
        rejected = [one.architecture for one in self.tried if not one.accepted]
        while self.queue and bound(self.queue[0][-1], rejected) >= self.best.flops:
            heapq.heappop(self.queue)
            self.skipped += 1
        if not self.queue:
            return "optimum"
        return "budget" if len(self.tried) >= self.budget else ""


def trace(tried: Collection[Tried]) -> pd.DataFrame:
    """One row per training: order, parent, change, flops, auc, the other numbers, accepted, architecture (its key)."""
    return pd.DataFrame(
        {
            **{"order": one.number, "parent": one.parent, "change": one.change, "flops": one.flops},
            **{"auc": one.numbers["auc"], **one.numbers},
            **{"accepted": one.accepted, "architecture": key(one.architecture)},
        }
        for one in tried
    ).astype({"parent": "Int64"})
