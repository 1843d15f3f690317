"""Int8 models compiled for Arm's Ethos-U NPUs with Vela, offline. Every number is modelled by Vela, none is measured.

Vela adds up the cycles of what runs on the NPU. An operator that stays on the CPU adds none, so below a share of 100 %
the latency is a lower bound. Feature maps are in SRAM, weights in off-chip flash, everything at 500 MHz.
"""

import re
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from emolib.core.child import run_module
from emolib.core.errors import BadArtifact, check_names
from emolib.quantization.flatbuffer import graph, weighted

SYSTEMS = {  # accelerator: system configuration of Vela's own Arm/vela.ini
    "ethos-u55-128": "Ethos_U55_High_End_Embedded",
    "ethos-u55-256": "Ethos_U55_High_End_Embedded",
    "ethos-u65-256": "Ethos_U65_Embedded",
    "ethos-u65-512": "Ethos_U65_Embedded",
    "ethos-u85-256": "Ethos_U85_SYS_Flash_High",
    "ethos-u85-512": "Ethos_U85_SYS_Flash_High",
}
KB = 1.024  # of a KiB, in which Vela reports
REASON = re.compile(r"operator: \w+, ofm: '(?P<name>[^']*)'\n\s*-? ?Reason: (?P<why>.*(?:\n(?!\n).+)*)")


def compile_for(content: bytes, accelerator: str) -> tuple[dict, pd.DataFrame]:
    """An int8 .tflite file compiled for one of SYSTEMS: its totals, and one row per operator in order of execution.
    Raises BadParameter for an unknown accelerator, BadArtifact where Vela gives up."""
    check_names([accelerator], list(SYSTEMS), "the accelerators that are set up")
    with TemporaryDirectory() as folder:
        Path(folder, "model.tflite").write_bytes(content)
        words = ["model.tflite", "--output-dir", "output", "--accelerator-config", accelerator]
        words += ["--verbose-performance", "--config", "Arm/vela.ini"]
        words += ["--system-config", SYSTEMS[accelerator], "--memory-mode", "Shared_Sram"]
        done = run_module("ethosu.vela", *words, capture_output=True, text=True, cwd=folder)
        summaries = list(Path(folder, "output").glob("model_summary_*.csv"))
        if done.returncode or not summaries:
            said = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
            raise BadArtifact(f"Vela does not compile the model for {accelerator} ({said[-1]}).")
        summary = pd.read_csv(summaries[0]).iloc[0]
        parts = pd.read_csv(Path(folder, "output", "model_per-layer.csv"))
    operators = _operators(content, parts, done.stdout + done.stderr)
    operators.insert(0, "accelerator", accelerator)
    totals = {
        "accelerator": accelerator,
        "modelled_by": f"vela {version('ethos-u-vela')}",
        "operators": len(operators),
        "npu_percent": 100 * float(operators.on_npu.mean()),
        "cycles": int(summary.cycles_total),
        "latency_ms": 1000 * float(summary.inference_time),
        "sram_kb": KB * float(summary.sram_memory_used),
        "flash_kb": KB * float(summary.off_chip_flash_memory_used),
        "sram_moved_kb": float(summary.sram_total_bytes) / 1000,
        "flash_moved_kb": float(summary.off_chip_flash_total_bytes) / 1000,
        "npu_macs": int(summary.nn_macs),
    }
    return totals, operators


def compile_all(content: bytes, accelerators: Iterable[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row per accelerator (the totals of `compile_for`), and one per accelerator and operator."""
    totals, operators = zip(*(compile_for(content, accelerator) for accelerator in accelerators), strict=True)
    return pd.DataFrame(totals), pd.concat(operators, ignore_index=True)


def _operators(content: bytes, parts: pd.DataFrame, said: str) -> pd.DataFrame:
    """One row per operator: index, operator, name, on_npu, cycles, sram_bytes, weight_bytes, why (it is not on the NPU).

    Vela splits and renames operators. A part belongs to the operator whose output's name the part's name starts with.
    """
    reasons = {m["name"].removesuffix("_act"): " ".join(m["why"].split()) for m in REASON.finditer(said)}
    found = graph(content)
    names = [operator.outputs[0].name for operator in found]
    owner = [max((n for n in names if part.startswith(n)), key=len, default="") for part in parts.Name]
    sizes = {operator.index: len(operator.inputs[1].data) for operator in weighted(content)}
    rows = []
    for operator, name in zip(found, names, strict=True):
        own = parts[[each == name for each in owner]]
        on_npu = bool(len(own)) and bool((own.Target == "NPU").all())
        row = {"index": operator.index, "operator": operator.name, "name": name, "on_npu": on_npu}
        row |= {"cycles": int(own["Op Cycles"].sum()), "sram_bytes": int(max(own["Staging Usage"], default=0))}
        row |= {"weight_bytes": sizes.get(operator.index, 0)}
        rows.append(row | {"why": "" if on_npu else reasons.get(name, "Vela gives no reason")})
    return pd.DataFrame(rows)
