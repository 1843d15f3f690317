"""Tables of a reduction: the results of Shved (2019) with ours below his, and what wrong training labels cost.

His ΔAUC is the share of the margin over 0.5 that is lost, against the baseline's test AUC of 0.70: 0.67, 0.66, 0.69, 0.62
give -15, -20, -5, -40 %, exactly as printed. He does not say whether his AUC is of two classes or a mean over several; an
accuracy of 0.72 beside a recall of 0.52 fits a mean over uneven classes. His runtimes are FLOPs / 0.46 MFLOP/s; 3 min 1 s
would be 83.3 MFLOP.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from emolib.evaluation import metrics
from emolib.evaluation.devices import DEVICES
from emolib.models.alexnet import flops
from emolib.models.crossval import compared
from emolib.studies.reduction.search import CHANCE
from emolib.studies.reduction.trainings import Answers, judged

APOLLO3_MACS_PER_S = DEVICES.set_index("key").macs_per_s["apollo3"]
BASELINE, REDUCED, EMBEDDED = "Baseline AlexNet", "Reduced AlexNet", "Embedded 3-layer"
# Their names in the table of results
MODELS = {BASELINE: "alexnet", REDUCED: "alexnet_searched", EMBEDDED: "three_layers"}
SHVED, OURS = "Shved 2019", "ours"
PUBLISHED = pd.DataFrame(
    {
        "model": [BASELINE, REDUCED, REDUCED, EMBEDDED, EMBEDDED],
        "part": ["test", "val", "test", "val", "test"],
        "auc": [0.70, 0.67, 0.66, 0.69, 0.62],
        "delta_auc_percent": [0.0, -15.0, -20.0, -5.0, -40.0],
        "accuracy": [0.72, 0.68, 0.69, 0.70, 0.64],
        "precision": [0.53, 0.45, 0.47, 0.48, 0.39],
        "recall": [0.52, 0.41, 0.44, 0.49, 0.39],
        "work_mflop": [82.7, 5.1, 5.1, 1.3, 1.3],
        "runtime_s": [181.0, None, 11.0, None, 2.9],
    }
)


def beside_the_paper(answers: Sequence[Answers]) -> pd.DataFrame:
    """`PUBLISHED`, then a row per entry of `answers`: source, its columns, auc_low, auc_high (95 % over subjects, ours only).

    ΔAUC is the change of the margin over chance against the first model on the same part, the baseline. The runtime is
    FLOPs / 0.46 MFLOP/s: Apollo3 as Shved (2019) models it, see emolib.evaluation.devices.
    """
    baselines = {one.part: metrics.auc(one.y, one.scores) for one in answers if one.model == answers[0].model}
    rows = []
    for one in answers:
        row = {"model": one.model, "part": one.part} | judged(one.y, one.scores) | _area(one)
        work, baseline = flops(one.architecture), baselines[one.part]
        row["delta_auc_percent"] = 100 * (row["auc"] - baseline) / (baseline - CHANCE)
        rows.append(row | {"work_mflop": work / 1e6, "runtime_s": work / 2 / APOLLO3_MACS_PER_S})
    both = [PUBLISHED.assign(source=SHVED), pd.DataFrame(rows).assign(source=OURS)]
    return pd.concat(both, ignore_index=True)[["source", *PUBLISHED.columns, "auc_low", "auc_high"]]


def _area(one: Answers) -> dict[str, float]:
    return metrics.columns_of("auc", metrics.auc_interval(one.y, one.scores, one.subject))


def cost_of_noise(answers: Mapping[float, Answers]) -> pd.DataFrame:
    """A row per share of wrong labels in the order of `answers`, 0 among them; all on the same labels, which are right.

    wrong_labels_percent, n, auc and uar with 95 % intervals over subjects, points of UAR over share 0 (below 0 is a loss;
    interval and p paired over subjects).
    """
    first = answers[0.0]
    columns = {"part": np.full(len(first.y), "test"), "y": first.y, "subject": first.subject}
    scores = {share: one.scores for share, one in answers.items()}
    rows = compared(columns, scores, "window", 0.0).drop(columns="variant")
    areas = pd.DataFrame([_area(one) for one in answers.values()])
    counts = ["n", "people"]
    rows = pd.concat([rows[counts], areas, rows.drop(columns=counts)], axis=1)
    rows.insert(0, "wrong_labels_percent", [100 * share for share in answers])
    return rows
