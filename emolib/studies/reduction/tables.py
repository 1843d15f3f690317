"""Tables of a reduction: the results of Shved (2019) with ours below his, and what wrong training labels cost.

His ΔAUC is the share of the margin over 0.5 that is lost, against the baseline's test AUC of 0.70: 0.67, 0.66, 0.69, 0.62
give -15, -20, -5, -40 %, exactly as printed. He does not say whether his AUC is of two classes or a mean over several; an
accuracy of 0.72 beside a recall of 0.52 fits a mean over uneven classes. His runtimes are FLOPs / 0.46 MFLOP/s; 3 min 1 s
would be 83.3 MFLOP.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from emolib.core.errors import BadParameter
from emolib.evaluation import metrics
from emolib.evaluation.devices import DEVICES
from emolib.models.alexnet import Architecture, flops, layers
from emolib.models.crossval import compared
from emolib.studies.reduction.search import CHANCE
from emolib.studies.reduction.trainings import Answers, judged

APOLLO3 = next(device for device in DEVICES if device.key == "apollo3")
BASELINE, REDUCED, EMBEDDED = "Baseline AlexNet", "Reduced AlexNet", "Embedded 3-layer"
MODELS = {
    BASELINE: "alexnet",
    REDUCED: "alexnet_searched",
    EMBEDDED: "three_layers",
}  # in the table of results
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
        (BASELINE, "test", 0.70, 0.0, 0.72, 0.53, 0.52, 82.7, 181.0),
        (REDUCED, "val", 0.67, -15.0, 0.68, 0.45, 0.41, 5.1, None),
        (REDUCED, "test", 0.66, -20.0, 0.69, 0.47, 0.44, 5.1, 11.0),
        (EMBEDDED, "val", 0.69, -5.0, 0.70, 0.48, 0.49, 1.3, None),
        (EMBEDDED, "test", 0.62, -40.0, 0.64, 0.39, 0.39, 1.3, 2.9),
    ],
    columns=COLUMNS,
)
CLEAN = 0.0  # share of wrong labels that the others are compared with


def architectures(named: Mapping[str, Architecture]) -> pd.DataFrame:
    """A row per network: its input, how many convolutions and dense layers, MFLOP of a picture."""
    rows = []
    for name, one in named.items():
        layer_names = [layer.name for layer in layers(one)]
        rows.append(
            {
                "network": name,
                "input": f"{one.side} × {one.side} × {one.channels}",
                "convolutions": sum(layer.startswith("conv") for layer in layer_names),
                "dense layers": sum(layer.startswith(("dense", "logits")) for layer in layer_names),
                "work_mflop": flops(one) / 1e6,
            }
        )
    return pd.DataFrame(rows)


def delta_percent(auc: float, baseline_auc: float) -> float:
    """Change of the AUC's margin over chance, in percent of the baseline's margin; below 0 is a loss."""
    return 100 * (auc - baseline_auc) / (baseline_auc - CHANCE)


def modelled_runtime_s(architecture: Architecture) -> float:
    """FLOPs / 0.46 MFLOP/s: Apollo3 as Shved (2019) models it, see emolib.evaluation.devices."""
    return flops(architecture) / 2 / APOLLO3.macs_per_s


def beside_the_paper(answers: Sequence[Answers], n_boot: int = 2000) -> pd.DataFrame:
    """`PUBLISHED`, then a row per entry of `answers`: source, COLUMNS, auc_low, auc_high (95 % over subjects, ours only).

    ΔAUC is against the first entry of the same part, the baseline. Raises BadParameter for a part without baseline.
    """
    baselines = {one.part: metrics.auc(one.y, one.scores) for one in answers if one.model == answers[0].model}
    rows = []
    for one in answers:
        if one.part not in baselines:
            raise BadParameter(
                f"{one.model}, {one.part}: the baseline has no answers on {one.part}, expected them first, as ΔAUC "
                "is against it."
            )
        row = {"model": one.model, "part": one.part} | judged(one.y, one.scores) | _area(one, n_boot)
        row["delta_auc_percent"] = delta_percent(row["auc"], baselines[one.part])
        row |= {
            "work_mflop": flops(one.architecture) / 1e6,
            "runtime_s": modelled_runtime_s(one.architecture),
        }
        rows.append(row)
    both = [PUBLISHED.assign(source=SHVED), pd.DataFrame(rows).assign(source=OURS)]
    return pd.concat(both, ignore_index=True)[["source", *COLUMNS, "auc_low", "auc_high"]]


def _area(one: Answers, n_boot: int) -> dict[str, float]:
    area = metrics.auc_interval(one.y, one.scores, one.subject, n_boot)
    return {"auc": area.value, "auc_low": area.low, "auc_high": area.high}


def noise_name(share: float) -> str:
    """A share of wrong labels as folders have it: 0.09 → noise9."""
    return f"noise{100 * share:g}"


def noise_shares(asked: Iterable[float]) -> list[float]:
    """These shares, each once, least first, and `CLEAN` that they are compared with; [] of none."""
    found = set(asked)
    return sorted({CLEAN} | found) if found else []


def cost_of_noise(answers: Mapping[float, Answers], n_boot: int = 2000) -> pd.DataFrame:
    """A row per share of wrong labels in the order of `answers`, CLEAN among them; all on the same labels, which are right.

    wrong_labels_percent, n, auc and uar with 95 % intervals over subjects, points of UAR over CLEAN (below 0 is a loss;
    interval and p paired over subjects).
    """
    first = answers[CLEAN]
    columns = {"part": np.full(len(first.y), "test"), "y": first.y, "subject": first.subject}
    scores = {noise_name(share): one.scores for share, one in answers.items()}
    rows = compared(columns, scores, "window", noise_name(CLEAN)).drop(columns="variant")
    areas = pd.DataFrame([_area(one, n_boot) for one in answers.values()])
    counts = ["n", "people"]
    rows = pd.concat([rows[counts], areas, rows.drop(columns=counts)], axis=1)
    rows.insert(0, "wrong_labels_percent", [100 * share for share in answers])
    return rows
