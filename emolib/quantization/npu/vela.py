"""Int8 models compiled for Arm's Ethos-U NPUs with Vela, offline. Every number is Vela's model, none is measured.

Vela adds up the cycles of what runs on the NPU; an operator that stays on the CPU adds none, so below a share of
100 % the latency is a lower bound. Memory: feature maps in SRAM, weights in off-chip flash, everything at 500 MHz.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
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
MEMORY = "Shared_Sram"
KB = 1.024  # of a KiB, in which Vela reports
REASON = re.compile(r"operator: \w+, ofm: '(?P<name>[^']*)'\n\s*-? ?Reason: (?P<why>.*(?:\n(?!\n).+)*)")


@dataclass(frozen=True)
class Compiled:
    """One accelerator. `row`: totals; `operators`: one row per operator of the file, in order of execution."""

    row: dict
    operators: pd.DataFrame


@cache
def model_name() -> str:
    """What models these numbers: "vela 5.2.0"."""
    return f"vela {version('ethos-u-vela')}"


def compile_for(content: bytes, accelerator: str) -> Compiled:
    """An int8 .tflite file for one of SYSTEMS. Raises BadParameter for another, BadArtifact where Vela gives up."""
    check_names([accelerator], list(SYSTEMS), "the accelerators that are set up")
    with TemporaryDirectory() as folder:
        file = Path(folder, "model.tflite")
        file.write_bytes(content)
        done = run_module(
            "ethosu.vela", *_words(file, accelerator), capture_output=True, text=True, cwd=folder
        )
        summaries = list(Path(folder, "output").glob("model_summary_*.csv"))
        if done.returncode or not summaries:
            said = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
            raise BadArtifact(f"Vela does not compile the model for {accelerator} ({said[-1]}).")
        summary = pd.read_csv(summaries[0]).iloc[0]
        parts = pd.read_csv(Path(folder, "output", "model_per-layer.csv"))
    operators = _operators(content, parts, _reasons(done.stdout + done.stderr))
    operators.insert(0, "accelerator", accelerator)
    return Compiled(_row(accelerator, summary, operators), operators)


def _words(file: Path, accelerator: str) -> list[str]:
    where = ["--config", "Arm/vela.ini", "--system-config", SYSTEMS[accelerator], "--memory-mode", MEMORY]
    return [
        *(file.name, "--output-dir", "output"),
        *("--accelerator-config", accelerator, "--verbose-performance", *where),
    ]


def _reasons(text: str) -> dict[str, str]:
    """Why an operator stays on the CPU, in Vela's words, by the name of its output."""
    found = REASON.finditer(text)
    return {match["name"].removesuffix("_act"): " ".join(match["why"].split()) for match in found}


def _operators(content: bytes, parts: pd.DataFrame, reasons: dict[str, str]) -> pd.DataFrame:
    """Vela splits and renames operators: each part belongs to the operator whose output's name starts its own."""
    found = graph(content)
    names = [operator.outputs[0].name for operator in found]
    owner = [max((n for n in names if part.startswith(n)), key=len, default="") for part in parts.Name]
    sizes = {operator.index: len(data) for operator, data in weighted(content)}
    rows = []
    for operator, name in zip(found, names, strict=True):
        own = parts[[each == name for each in owner]]
        on_npu = bool(len(own)) and bool((own.Target == "NPU").all())
        rows.append(
            {
                "index": operator.index,
                "operator": operator.name,
                "name": name,
                "on_npu": on_npu,
                "cycles": int(own["Op Cycles"].sum()),
                "sram_bytes": int(own["Staging Usage"].max()) if len(own) else 0,
                "weight_bytes": sizes.get(operator.index, 0),
                "why": "" if on_npu else reasons.get(name, "Vela gives no reason"),
            }
        )
    return pd.DataFrame(rows)


def _row(accelerator: str, summary: pd.Series, operators: pd.DataFrame) -> dict:
    return {
        "accelerator": accelerator,
        "modelled_by": model_name(),
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


def compile_all(content: bytes, accelerators: Iterable[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row per accelerator (columns of `Compiled.row`), and one per accelerator and operator."""
    done = [compile_for(content, accelerator) for accelerator in accelerators]
    table = pd.DataFrame([each.row for each in done])
    return table, pd.concat([each.operators for each in done], ignore_index=True)
