"""*Modelled* runtime and energy: on devices that we do not have, by published measurements, and by technology.

Runtime is MACs / rate, energy power × runtime: networks far smaller than the one of the rate are flattered.
"""

from collections.abc import Mapping
from itertools import product
from pathlib import Path

import pandas as pd
import yaml

from emolib.evaluation.cost import Cost

# pJ, 45 nm, 0.9 V. Horowitz, ISSCC 2014, figure 1.1.9; a 32-bit access is half of the 64-bit one he gives
SOURCE = "Horowitz, ISSCC 2014: 45 nm, 0.9 V"
MAC_PJ = {"int8": 0.2 + 0.03, "float32": 3.7 + 0.9}  # multiply + add
ACCESS_PJ = {"8 kB SRAM": 5.0, "DRAM": 640.0}  # 32 bits; DRAM as Han et al. 2016 (EIE) read the same table
BYTES = {"int8": 1, "float32": 4}

with Path(__file__).with_suffix(".yaml").open(encoding="utf-8") as file:
    DEVICES = pd.DataFrame(yaml.safe_load(file))
DEVICES["macs_per_s"] = DEVICES.macs / DEVICES.seconds
DEVICES["power_mw"] = DEVICES.power_mw.fillna(DEVICES.current_ma * DEVICES.volts)


def modelled_table(costs: Mapping[str, Cost]) -> pd.DataFrame:
    """A row per source and device: columns source, device, runtime_ms and energy_mj of one inference, both modelled; the
    energy is NaN where no power is published."""
    tables = []
    for source, cost in costs.items():
        runtime_s = cost.macs / DEVICES.macs_per_s
        columns = {"runtime_ms": runtime_s * 1e3, "energy_mj": runtime_s * DEVICES.power_mw}
        tables.append(pd.DataFrame({"source": source, "device": DEVICES.device, **columns}))
    return pd.concat(tables, ignore_index=True)


def modelled_energy(cost: Cost) -> pd.DataFrame:
    """A row per number format and memory: modelled µJ of one inference, for its MACs and for moving its data once."""
    rows = []
    for name, memory in product(MAC_PJ, ACCESS_PJ):
        compute_uj = cost.macs * MAC_PJ[name] / 1e6
        memory_uj = cost.moved_values * BYTES[name] / 4 * ACCESS_PJ[memory] / 1e6
        rows.append((name, memory, compute_uj, memory_uj, compute_uj + memory_uj, SOURCE))
    parts = [f"modelled_{part}_uj" for part in ("compute", "memory", "total")]
    return pd.DataFrame(rows, columns=["format", "memory", *parts, "modelled_by"])
