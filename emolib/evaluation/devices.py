"""*Modelled* runtime and energy: on devices that we do not have, by published measurements, and by technology.

Runtime is MACs / rate, energy power × runtime: networks far smaller than the one of the rate are flattered.
"""

from collections.abc import Mapping
from itertools import product

import pandas as pd

from emolib.evaluation.cost import Cost

# pJ, 45 nm, 0.9 V. Horowitz, ISSCC 2014, figure 1.1.9; a 32-bit access is half of the 64-bit one he gives
SOURCE = "Horowitz, ISSCC 2014: 45 nm, 0.9 V"
MAC_PJ = {"int8": 0.2 + 0.03, "float32": 3.7 + 0.9}  # multiply + add
ACCESS_PJ = {"8 kB SRAM": 5.0, "DRAM": 640.0}  # 32 bits; DRAM as Han et al. 2016 (EIE) read the same table
BYTES = {"int8": 1, "float32": 4}

# MACs of the networks that others measured, counted by emolib.evaluation.cost on our own rebuilds of them
DS_CNN_MACS = 2_656_768  # MLPerf Tiny keyword spotting
DETECTOR_MACS = 479_297_088  # Mikhaylevskiy et al. 2021, Table I

MLPERF = "Banbury et al. 2021, MLPerf Tiny, closed division"


DEVICES = pd.DataFrame(
    [
        (
            "Apollo3 (Cortex-M4F, 48 MHz)",
            "apollo3",
            0.46e6 / 2,
            6e-3 * 48 * 3.3,
            "0.46 MFLOP/s, two a MAC; 6 µA/MHz at 48 MHz and 3.3 V, processor only",
            "Shved 2019, CS231n, after Warden 2019; Ambiq, Apollo3 Blue data sheet",
        ),
        (
            "Raspberry Pi 3 (Cortex-A53)",
            "raspberry-pi-3",
            DETECTOR_MACS / 182e-3,
            730 * 5.1,
            "int8 face detector of 479.3 MMAC in 182 ms (their small classifier, 56 ms, is slower than that); "
            "730 mA at 5.1 V, whole board, all cores busy",
            "Mikhaylevskiy et al. 2021, Table III; Geerling, Raspberry Pi Dramble, power",
        ),
        (
            "Raspberry Pi 4 (Cortex-A72)",
            "raspberry-pi-4",
            DS_CNN_MACS / (12.64 / 30_000),
            1280 * 5.0,
            "DS-CNN of 2.66 MMAC, int8, 30 000 times in 12.64 s; 1280 mA at 5 V, whole board, all cores busy",
            f"{MLPERF} v0.5, Latent AI LEIP; Geerling, Raspberry Pi Dramble, power",
        ),
        (
            "STM32L4R5 (Cortex-M4, 120 MHz)",
            "stm32l4r5",
            DS_CNN_MACS / 43.4e-3,
            32.9,
            "DS-CNN of 2.66 MMAC, int8, in 43.4 ms with 1431 µJ, processor only",
            f"{MLPERF} v1.3, STMicroelectronics NUCLEO-L4R5ZI-P, X-CUBE-AI 10.2",
        ),
        (
            "Ethos-U55-128 (NPU, 500 MHz)",
            "ethos-u55-128",
            0.23 * 128 * 500e6,
            float("nan"),
            "128 MAC a cycle at 500 MHz, used to 23 % (DS-CNN, int8, weights in flash)",
            "Arm, Ethos-U55 technical overview; use as Arm's compiler Vela 5.2 estimates it",
        ),
    ],
    columns=["device", "key", "macs_per_s", "power_mw", "derivation", "reference"],
)  # `key` names it in the results; `power_mw` is what the reference measured while it computes, NaN where none did


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
