"""What quantization costs and saves, in the numbers of the summary."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.experiment import INT8, Experiment, model_name
from emolib.core.summary import ends, number
from emolib.device.interpreter import Model, apart, present
from emolib.evaluation.cost import Cost
from emolib.evaluation.metrics import Gain
from emolib.models.crossval import METRICS


def sizes(run: Run, source: str, n_folds: int, variants: tuple[str, ...]) -> dict[str, int]:
    """Mean bytes of each variant's .tflite file over the folds, and of the Keras file."""
    names = {variant: f"-{variant}.tflite" for variant in variants} | {"keras": ".keras"}
    return {
        variant: round(
            np.mean([run.read(model_name(source, k) + ending).stat().st_size for k in range(n_folds)])
        )
        for variant, ending in names.items()
    }


def backends(file: Path, X: np.ndarray) -> pd.DataFrame:
    """The same int8 file on every interpreter of this machine, on windows X (n, *shape).

    Columns backend, n, lsb (largest difference of a logit from litert's, in steps of the int8 output),
    other_answers (windows that get another class than from litert).
    """
    rows, first = [], None
    for backend in present():
        with Model(file, backend) as model:
            logits, step = model.predict(X), model.runner.output.scale
        first = logits if first is None else first
        rows.append({"backend": backend, "n": len(X), **apart(logits, first, step)})
    return pd.DataFrame(rows)


def numbers(
    source: str, trained: pd.DataFrame, table: pd.DataFrame, size: dict[str, int], change: Gain, needs: Cost
) -> dict[str, dict]:
    """Entries of summary.json of one source.

    `trained`: the row that training wrote; `table` as `crossval.evaluated` gives it, `change` int8 − float32.
    """
    named, artifact, found = Experiment.parse(source), f"tables/{source}-variants.csv", {}
    baseline = partial(number, n=trained.n[0], artifact=f"tables/{source}-keras.csv")
    for metric in ("uar", "accuracy"):
        value = trained[f"majority_{metric}"][0]
        found[named.key("majority", metric)] = baseline(value, unit="fraction")
    found[named.key("keras", "chance_p")] = baseline(trained.chance_p[0], unit="")
    for row in table.to_dict("records"):
        for metric in METRICS:
            both = ends(row[f"{metric}_low"], row[f"{metric}_high"])
            found[named.key(row["variant"], metric)] = number(
                row[metric], *both, unit="fraction", n=row["n"], artifact=artifact
            )
        if np.isfinite(row["auc"]):
            auc = number(row["auc"], unit="", n=row["n"], artifact=artifact)
            found[named.key(row["variant"], "auc")] = auc
        found[named.key(row["variant"], "bytes")] = number(row["bytes"], unit="bytes", n=1, artifact=artifact)
    n = int(table.n.iloc[0])
    found[named.key("int8_drop", "points")] = number(
        -change.value,
        *ends(-change.high, -change.low),
        unit="points",
        n=n,
        artifact=f"scores/{source}.npz",
    )
    ratio = size["float32"] / size[INT8]
    found[named.key("int8_ratio", "size")] = number(ratio, unit="ratio", n=1, artifact=artifact)
    for metric, value in (("params", needs.params), ("macs", needs.macs)):
        found[named.key("float32", metric)] = number(
            value, unit=metric.replace("macs", "MACs"), n=1, artifact=f"tables/{source}-layers.csv"
        )
    return found
