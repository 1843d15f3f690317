"""What quantization costs and saves: sizes of files, points of UAR lost, and the same file on other interpreters."""

from pathlib import Path

import numpy as np
import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.experiment import model_name
from emolib.device.interpreter import Model, apart, present


def sizes(run: Run, source: str, n_folds: int, variants: tuple[str, ...]) -> dict[str, int]:
    """Mean bytes over the folds of each variant's .tflite file, and of the Keras file."""
    names = {variant: f"-{variant}.tflite" for variant in variants} | {"keras": ".keras"}
    return {
        variant: round(
            np.mean([run.read(model_name(source, k) + ending).stat().st_size for k in range(n_folds)])
        )
        for variant, ending in names.items()
    }


def lost(compared: pd.DataFrame, baseline: str, named: str = "") -> pd.DataFrame:
    """The table of `crossval.compared` with points of UAR lost instead of gained, without the row of the baseline.

    The new columns are uar_lost_to_<named>, and _low and _high of its interval; `named` is `baseline` by default.
    """
    column = f"uar_lost_to_{named or baseline}"
    table = compared[compared.variant != baseline]
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
