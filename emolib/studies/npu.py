"""What NPUs need, as numbers of summary.json: those of Vela are called modelled, the others were measured."""

import pandas as pd

from emolib.core.experiment import Experiment
from emolib.core.summary import number

MODELLED = {  # column of Vela's table: unit
    "npu_percent": "percent",
    "cycles": "cycles",
    "latency_ms": "ms",
    "sram_kb": "kB",
    "flash_kb": "kB",
}
MEASURED = {"arena_bytes": "bytes", "lsb_litert": "LSB", "lsb_reference": "LSB"}


def numbers(
    source: str, variant: str, table: pd.DataFrame, micro: dict[str, int], difference: float
) -> dict[str, dict]:
    """Entries of one source: `table` of `vela.compile_all`, `micro` of `tflm.measured`, `difference` of `onnx.parity`."""
    named, found = Experiment.parse(source), {}
    for row in table.to_dict("records"):
        for column, unit in MODELLED.items():
            key = named.key(variant, f"modelled_vela_{row['accelerator']}_{column}")
            found[key] = number(row[column], unit=unit, n=1, artifact=f"tables/{source}-vela.csv")
    for column, unit in MEASURED.items():
        key = named.key(variant, f"tflm_{column}")
        n = 1 if unit == "bytes" else micro["n"]
        found[key] = number(micro[column], unit=unit, n=n, artifact=f"tables/{source}-tflm.csv")
    found[named.key("float32", "onnx_difference")] = number(
        difference, unit="logits", n=micro["n"], artifact=f"tables/{source}-onnx.csv"
    )
    return found
