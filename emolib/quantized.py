"""What quantization costs and saves, in the numbers of the summary."""

import numpy as np
import pandas as pd

from emolib.artifacts import Run
from emolib.cost import Cost
from emolib.crossval import METRICS
from emolib.metrics import Gain
from emolib.sources import INT8, Source, model_name
from emolib.summary import number


def sizes(run: Run, source: str, n_folds: int, variants: tuple[str, ...]) -> dict[str, int]:
    """Mean bytes of each variant's .tflite file over the folds, and of the Keras file."""
    names = {variant: f"-{variant}.tflite" for variant in variants} | {"keras": ".keras"}
    return {
        variant: round(
            np.mean([run.read(model_name(source, k) + ending).stat().st_size for k in range(n_folds)])
        )
        for variant, ending in names.items()
    }


def numbers(source: str, table: pd.DataFrame, size: dict[str, int], change: Gain, needs: Cost) -> dict:
    """Entries of summary.json of one source; `table` as `crossval.evaluated` gives it, `change` int8 − float32."""
    named, artifact, found = Source.parse(source), f"tables/{source}-variants.csv", {}
    for row in table.to_dict("records"):
        for metric in METRICS:
            low, high = (
                None if np.isnan(row[f"{metric}_{end}"]) else row[f"{metric}_{end}"]
                for end in ("low", "high")
            )
            found[named.key(row["variant"], metric)] = number(
                row[metric], low, high, unit="fraction", n=row["n"], artifact=artifact
            )
        found[named.key(row["variant"], "bytes")] = number(row["bytes"], unit="bytes", n=1, artifact=artifact)
    n = int(table.n.iloc[0])
    ends = (None, None) if np.isnan(change.low) else (-change.high, -change.low)
    found[named.key("int8_drop", "points")] = number(
        -change.value, *ends, unit="points", n=n, artifact=f"scores/{source}.npz"
    )
    ratio = size["float32"] / size[INT8]
    found[named.key("int8_ratio", "size")] = number(ratio, unit="ratio", n=1, artifact=artifact)
    for metric, value in (("params", needs.params), ("macs", needs.macs)):
        found[named.key("float32", metric)] = number(
            value, unit=metric.replace("macs", "MACs"), n=1, artifact=f"tables/{source}-layers.csv"
        )
    return found
