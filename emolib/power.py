"""Energy of one inference: *modelled* from single operations, or *measured* where there is a counter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emolib.cost import Cost
from emolib.errors import BadParameter

if TYPE_CHECKING:
    import pandas as pd

    from emolib.runtime.interpreter import Model

# pJ, 45 nm, 0.9 V. Horowitz, ISSCC 2014, figure 1.1.9; a 32-bit access is half of the 64-bit one he gives
SOURCE = "Horowitz, ISSCC 2014: 45 nm, 0.9 V"
MAC_PJ = {"int8": 0.2 + 0.03, "float32": 3.7 + 0.9}  # multiply + add
ACCESS_PJ = {"8 kB SRAM": 5.0, "DRAM": 640.0}  # 32 bits; DRAM as Han et al. 2016 (EIE) read the same table
BYTES = {"int8": 1, "float32": 4}

POWERCAP = Path("/sys/class/powercap")
MEASURED_S = 1.0  # the counter moves once a millisecond, an inference may take a hundredth of that
WARMUP = 20  # runs, to warm up and to learn how many fill MEASURED_S


def modelled_energy(cost: Cost) -> pd.DataFrame:
    """A row per number format and memory: modelled µJ of one inference, of its MACs and of moving its data.

    A lower bound: parameters are read once, activations written and read once, control costs nothing.
    """
    import pandas as pd

    rows = [
        {
            "format": name,
            "memory": memory,
            "modelled_compute_uj": cost.macs * mac_pj / 1e6,
            "modelled_memory_uj": cost.moved_values * BYTES[name] / 4 * access_pj / 1e6,
            "modelled_by": SOURCE,
        }
        for name, mac_pj in MAC_PJ.items()
        for memory, access_pj in ACCESS_PJ.items()
    ]
    table = pd.DataFrame(rows)
    table.insert(4, "modelled_total_uj", table.modelled_compute_uj + table.modelled_memory_uj)
    return table


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
