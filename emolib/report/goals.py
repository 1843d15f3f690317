"""Goals of the project, and how far the results reach them. Missed ones stay in the table."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from emolib.core.experiment import INT8
from emolib.report.results import named, pick
from emolib.report.tables import interval

DIGITS = {"points": ".2f", "ratio": ".2f", "percent": ".1f", "fraction": ".3f"}  # else whole numbers


@dataclass(frozen=True)
class Goal:
    """A limit, "≤" or "≥", for every result of this `metric` and these columns of the results table."""

    text: str
    metric: str
    sign: str
    limit: float
    of: dict[str, str | Iterable[str]]

    def is_reached(self, value: float) -> bool:
        return value <= self.limit if self.sign == "≤" else value >= self.limit


EMODB = {"corpus": "emodb", "task": "emotion7", "model": "lda", "variant": INT8}
STRESS = {"corpus": "stress_predict", "task": "stress", "protocol": "loso", "variant": INT8}
FER2013 = {"corpus": "fer2013", "model": "resnet", "variant": INT8}
DETECTOR = {"corpus": "facemask", "task": "detection", "model": "small", "variant": INT8}
SEARCHED = {"model": "alexnet_searched"}
ONE_GONE = {"condition": "any one missing"}
GOALS = (
    Goal("EmoDB, unseen speakers: UAR of int8", "uar", "≥", 0.85, EMODB | {"protocol": "loso"}),
    Goal("EmoDB: bytes of int8", "bytes", "≤", 250_000, EMODB | {"protocol": "loso"}),
    Goal("EmoDB, random split: UAR of int8", "uar", "≥", 0.94, EMODB | {"protocol": "leaky"}),
    Goal("Stress-Predict, unseen people: UAR of int8", "uar", "≥", 0.75, STRESS),
    Goal("Stress-Predict: bytes of int8", "bytes", "≤", 60_000, STRESS),
    Goal("seven classes: accuracy of int8", "accuracy", "≥", 0.68, FER2013 | {"task": "emotion7"}),
    Goal("seven classes: parameters", "params", "≤", 100_000, FER2013 | {"task": "emotion7", "variant": "float32"}),
    Goal("seven classes: bytes of int8", "bytes", "≤", 150_000, FER2013 | {"task": "emotion7"}),
    Goal("four classes: accuracy of int8", "accuracy", "≥", 0.87, FER2013 | {"task": "emotion4"}),
    Goal("detector: IoU on pictures with one face", "iou", "≥", 0.86, DETECTOR | {"condition": "one face"}),
    Goal("detector: bytes of int8", "bytes", "≤", 300_000, DETECTOR),
    Goal("reduction: times fewer FLOPs", "times_fewer_flops", "≥", 16, SEARCHED),
    Goal("reduction: change of the AUC's margin", "auc_margin_change", "≥", -20, SEARCHED),
    Goal("composite: times fewer MACs than the reference paper's networks", "times_fewer_macs", "≥", 10, {}),
    Goal(
        "fused: points over the best single modality", "uar_over_best_single", "≥", 3,
        {"corpus": "synthetic", "variant": "weighted", "condition": "", "model": ""},
    ),
    Goal(
        "one modality gone: points over the best one left", "worst_uar_over_best_left", "≥", -1,
        ONE_GONE | {"variant": "weighted", "model": ""},
    ),
    Goal(
        "one modality gone, reliability weights: points over the best one left", "worst_uar_over_best_left", "≥", -1,
        ONE_GONE | {"variant": "reliability", "model": "streams"},
    ),
    Goal(
        "one modality gone, networks of several branches: points over the best one left", "worst_uar_over_best_left",
        "≥", -1, ONE_GONE | {"model": ("feature", "robust", "hybrid"), "variant": INT8},
    ),
    Goal("a step of the engine in 20 ms, preprocessing and fusion included", "step_p50", "≤", 20, {"model": "engine"}),
    Goal("no hop missed while streaming", "missed_hops", "≤", 0, {"model": "engine"}),
    Goal("int8 loses at most 0.5 points of UAR to float32", "uar_lost_to_float32", "≤", 0.5, {"variant": INT8}),
    Goal("int8 with the picked ranges: at most 0.5 points", "uar_lost_to_float32", "≤", 0.5, {"variant": "clip_picked"}),
    Goal("int8 after QAT: at most 0.5 points", "uar_lost_to_float32", "≤", 0.5, {"variant": "qat"}),
    Goal("int8 file at least 3.5 times smaller than float32", "times_smaller_than_float32", "≥", 3.5, {"variant": INT8}),
    Goal("mixed 4/8: weights at least 1.5 times smaller than int8", "times_smaller_than_int8", "≥", 1.5, {"variant": "mixed"}),
    Goal("mixed 4/8 loses at most 1 point to int8", "uar_lost_to_int8", "≤", 1.0, {"variant": "mixed"}),
    Goal("ILP's pick no worse than the best random one", "uar_over_best_random", "≥", 0.0, {"variant": "mixed"}),
    Goal("all operators on Ethos-U55 (modelled)", "npu_operators", "≥", 100, {"device": "ethos-u55-128"}),
    Goal("tflite-micro within 2 LSB of litert's reference kernels", "lsb_from_reference", "≤", 2, {"device": "tflite-micro"}),
)  # fmt: skip


def table(results: pd.DataFrame) -> pd.DataFrame:
    """A row per goal and result that it holds for: goal, limit, value with its 95 % interval as text, unit, reached, result."""
    rows = []
    for goal in GOALS:
        for _, row in pick(results, metric=goal.metric, **goal.of).iterrows():
            digits = DIGITS.get(row.unit, ".0f")
            value = interval(
                *(None if pd.isna(row[end]) else row[end] for end in ("value", "low", "high")), digits
            )
            limit = f"{goal.sign} {goal.limit:g}"
            rows.append((goal.text, limit, value, row.unit, goal.is_reached(row.value), named(row)))
    return pd.DataFrame(rows, columns=("goal", "limit", "value", "unit", "reached", "result"))
