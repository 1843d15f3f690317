"""What quantization costs and saves: sizes of files, points of UAR lost, the same file on other interpreters, and which
answers of the int8 file deserve trust."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.experiment import INT8, Experiment, model_name
from emolib.core.windows import chunks
from emolib.device.interpreter import Model, apart, present
from emolib.fusion.scores import softmax
from emolib.fusion.trust import Trust, traces
from emolib.quantization.conversion import CalibrationData
from emolib.signals.gate import Gate


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


def trust(run: Run, folds: Sequence[CalibrationData], columns: dict, scores: np.ndarray) -> dict[str, np.ndarray]:
    """Whether the gate refuses each window, whether it is unfamiliar, and its calibrated scores, in the order of `columns`
    (crossval.score_columns) and int8 `scores`. Writes <name>-trust.json of each fold, which saw no test window. "refused" is
    left out where the windows have no measures."""
    found = {"refused": [], "unfamiliar": [], "calibrated": []}
    for k, fold in enumerate(folds):
        with Model(run.read(f"{fold.name}-{INT8}.tflite")) as model:
            train = traces(fold.calibration, softmax(model.predict(fold.calibration)))
        rows, X, data = columns["fold"] == k, fold.scored, fold.data
        own, is_val = scores[rows], columns["part"][rows] == "val"
        scored = np.concatenate([traces(np.asarray(X[part]), own[part]) for part in chunks(X)])
        seen, gate = np.asarray(fold.fold.train), None
        if data.measures is not None:
            of = Experiment.parse(Path(fold.name).parent.name)
            gate = Gate.fit(data.measures[seen[data.own[seen]]], of.modality)
            judged = data.measures[np.concatenate([fold.fold.val, fold.fold.test])]
            found["refused"].append([bool(reason) for reason in gate.reasons(judged)])
        learned = Trust.fit(gate, train, scored[is_val], own[is_val], columns["y"][rows][is_val])
        run.write_json(f"{fold.name}-trust.json", learned.to_dict())
        found["unfamiliar"].append(learned.typicality.distance(scored) > learned.typicality.limit)
        found["calibrated"].append(learned.told(own))
    return {name: np.concatenate(parts) for name, parts in found.items() if parts}
