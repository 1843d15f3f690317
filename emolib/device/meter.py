"""Energy of one inference, *measured* where the processor has a counter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emolib.core.errors import BadParameter

if TYPE_CHECKING:
    from emolib.device.interpreter import Model

POWERCAP = Path("/sys/class/powercap")
MEASURED_S = 1.0  # the counter moves once a millisecond, an inference may take a hundredth of that
WARMUP = 20  # runs, to warm up and to learn how many fill MEASURED_S


@dataclass(frozen=True)
class Meter:
    """An energy counter of the processor package, or the reason why there is none to read."""

    counter: Path | None
    note: str

    def __bool__(self) -> bool:
        return self.counter is not None

    def measured_mj(self, work: Callable[[], object], repeats: int) -> float:
        """mJ of one `work()`, the mean of `repeats`: the whole package, idle power included.

        Raises BadParameter where no counter is readable.
        """
        if not self:
            raise BadParameter(f"Energy cannot be measured here: {self.note}; use the modelled one.")
        before = self.read_uj()
        for _ in range(repeats):
            work()
        after = self.read_uj()
        wrap = int((self.counter.parent / "max_energy_range_uj").read_text()) if after < before else 0
        return (after - before + wrap) / repeats / 1e3

    def inference_mj(self, model: Model, x: np.ndarray) -> float:
        """mJ of one inference on a window x (*input_shape), as `measured_mj`, the mean over about MEASURED_S.

        Raises BadParameter where no counter is readable.
        """
        n = max(1, round(MEASURED_S * 1e9 / np.median(model.times(x, WARMUP))))
        return self.measured_mj(lambda: model.times(x, n), repeats=1) / n

    def read_uj(self) -> int:
        return int(self.counter.read_text())


def meter(powercap: Path = POWERCAP) -> Meter:
    """The first readable RAPL package counter of Linux's powercap, or a Meter that says why there is none."""
    found = sorted(powercap.glob("intel-rapl:[0-9]*/energy_uj"))
    if not found:
        return Meter(None, f"no RAPL counter in {powercap}")
    for counter in found:
        try:
            counter.read_text()
        except OSError:
            continue
        return Meter(counter, (counter.parent / "name").read_text().strip())
    return Meter(None, f"{found[0]} is readable by root only")
