"""The results table of Shved (2019), with our rows below his.

His ΔAUC is the share of the margin over 0.5 that is lost, against the baseline's test AUC of 0.70: 0.67,
0.66, 0.69, 0.62 give -15, -20, -5, -40 %, exactly as printed. Whether his AUC is of two classes or a mean
over several is not said; an accuracy of 0.72 beside a recall of 0.52 fits a mean over uneven classes. His
runtimes are FLOPs / 0.46 MFLOP/s; 3 min 1 s would be 83.3 MFLOP.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from emolib.core.errors import BadParameter
from emolib.evaluation import metrics
from emolib.evaluation.devices import DEVICES
from emolib.models.alexnet import Architecture, flops
from emolib.studies.reduction.search import CHANCE

APOLLO3 = next(device for device in DEVICES if device.key == "apollo3")
SHVED, OURS = "Shved 2019", "ours"
COLUMNS = (
    "model",
    "part",
    "auc",
    "delta_auc_percent",
    "accuracy",
    "precision",
    "recall",
    "work_mflop",
    "runtime_s",
)
PUBLISHED = pd.DataFrame(
    [
        ("Baseline AlexNet", "test", 0.70, 0.0, 0.72, 0.53, 0.52, 82.7, 181.0),
        ("Reduced AlexNet", "val", 0.67, -15.0, 0.68, 0.45, 0.41, 5.1, None),
        ("Reduced AlexNet", "test", 0.66, -20.0, 0.69, 0.47, 0.44, 5.1, 11.0),
        ("Embedded 3-layer", "val", 0.69, -5.0, 0.70, 0.48, 0.49, 1.3, None),
        ("Embedded 3-layer", "test", 0.62, -40.0, 0.64, 0.39, 0.39, 1.3, 2.9),
    ],
    columns=COLUMNS,
)


@dataclass(frozen=True)
class Answers:
    """What a network answered on one part, val or test: labels (n,), scores (n, n_classes), subjects (n,)."""

    model: str
    part: str
    architecture: Architecture
    y: np.ndarray
    scores: np.ndarray
    subject: np.ndarray


def delta_percent(auc: float, baseline_auc: float) -> float:
    """Change of the AUC's margin over chance, in percent of the baseline's margin; below 0 is a loss."""
    return 100 * (auc - baseline_auc) / (baseline_auc - CHANCE)


def modelled_runtime_s(architecture: Architecture) -> float:
    """FLOPs / 0.46 MFLOP/s: Apollo3 as the seed models it, see emolib.evaluation.devices."""
    return flops(architecture) / 2 / APOLLO3.macs_per_s


def table(answers: Sequence[Answers], n_boot: int = 2000) -> pd.DataFrame:
    """`PUBLISHED`, then a row per entry of `answers`: source, COLUMNS, auc_low, auc_high (95 % over subjects,
    ours only).

    ΔAUC is against the first entry of the same part, the baseline. Raises BadParameter for a part without
    baseline.
    """
    baselines = {one.part: metrics.auc(one.y, one.scores) for one in answers if one.model == answers[0].model}
    rows = pd.DataFrame(_row(one, baselines, n_boot) for one in answers)
    both = [PUBLISHED.assign(source=SHVED), rows.assign(source=OURS)]
    return pd.concat(both, ignore_index=True)[["source", *COLUMNS, "auc_low", "auc_high"]]


def _row(one: Answers, baselines: dict[str, float], n_boot: int) -> dict:
    if one.part not in baselines:
        raise BadParameter(
            f"{one.model}, {one.part}: the baseline has no answers on {one.part}, expected them first, as ΔAUC "
            "is against it."
        )
    counts, area = (
        metrics.confusion(one.y, one.scores),
        metrics.auc_interval(one.y, one.scores, one.subject, n_boot),
    )
    return {
        **{
            "model": one.model,
            "part": one.part,
            "auc": area.value,
            "auc_low": area.low,
            "auc_high": area.high,
        },
        "delta_auc_percent": delta_percent(area.value, baselines[one.part]),
        "accuracy": float(metrics.accuracy(counts)),
        "precision": float(metrics.macro_precision(counts)),
        "recall": float(metrics.uar(counts)),
        "work_mflop": flops(one.architecture) / 1e6,
        "runtime_s": modelled_runtime_s(one.architecture),
    }
