"""What quantization costs and saves: sizes of files, points of UAR lost, and the same file on other interpreters."""

from pathlib import Path

import numpy as np
import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.experiment import model_name
from emolib.device.interpreter import Model, apart, present


def sizes(run: Run, source: str, n_folds: int, variants: tuple[str, ...]) -> dict[str, int]:
    """Mean bytes over the folds of each variant's .tflite file, and of the Keras file."""
    endings = {variant: f"-{variant}.tflite" for variant in variants} | {"keras": ".keras"}

    def size(ending: str) -> int:
        files = [run.read(model_name(source, k) + ending) for k in range(n_folds)]
        return round(np.mean([file.stat().st_size for file in files]))

    return {variant: size(ending) for variant, ending in endings.items()}


def lost(compared: pd.DataFrame, baseline: str, named: str = "") -> pd.DataFrame:
    """The table of `crossval.compared` without the baseline, and with uar_lost_to_<named, or baseline>, _low and _high:
    points of UAR lost instead of gained."""
    column, table = f"uar_lost_to_{named or baseline}", compared[compared.variant != baseline]
    ends = {f"{column}_low": 0 - table.points_high, f"{column}_high": 0 - table.points_low}
    return table.assign(**{column: 0 - table.points, **ends})


def backends(file: Path, X: np.ndarray) -> pd.DataFrame:
    """The same int8 file on every interpreter of this machine, on windows X (n, *shape).

    Columns backend, n, lsb (largest difference of a logit from litert's, in steps of the int8 output), other_answers
    (windows that get another class than from litert).
    """
    rows, first = [], None
    for backend in present():
        with Model(file, backend) as model:
            logits, step = model.predict(X), model.runner.output.scale
        first = logits if first is None else first
        rows.append({"backend": backend, "n": len(X), **apart(logits, first, step)})
    return pd.DataFrame(rows)
