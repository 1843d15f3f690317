"""What wrong training labels cost: one network trained with each share of them, judged on labels that are right.

Shved (2019) measured 9 % wrong labels and trained with them; what a corpus without them would have given, he
could not say. Here it is known which labels were changed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from emolib.core.experiment import Experiment
from emolib.core.summary import ends, key, number
from emolib.datasets.base import EmotionSet
from emolib.evaluation import metrics
from emolib.models.crossval import compared, lost_entry, uar_entry
from emolib.studies.reduction.label_noise import relabelled
from emolib.studies.reduction.table import Answers

CLEAN = 0.0


def name(share: float) -> str:
    """A share of wrong labels as folders and summary keys have it: 0.09 → noise9."""
    return f"noise{100 * share:g}"


def shares(asked: Iterable[float]) -> list[float]:
    """These shares, each once, least first, and `CLEAN` that they are compared with; [] of none."""
    found = set(asked)
    return sorted({CLEAN} | found) if found else []


def mislabelled(train: EmotionSet, share: float, seed: int) -> EmotionSet:
    """The training set with this share of wrong labels, seeded. Raises BadParameter as `relabelled` does."""
    return replace(train, y=relabelled(train.y, share, len(train.classes), seed))


def table(answers: Mapping[float, Answers], n_boot: int = 2000) -> pd.DataFrame:
    """A row per share in the order of `answers`, CLEAN among them; all on the same labels, which are right.

    wrong_labels_percent, n, auc and uar with 95 % intervals over subjects, points of UAR over CLEAN (below 0
    is a loss; interval and p paired over subjects).
    """
    first = answers[CLEAN]
    columns = {"part": np.full(len(first.y), "test"), "y": first.y, "subject": first.subject}
    scores = {name(share): one.scores for share, one in answers.items()}
    rows = compared(columns, scores, "window", name(CLEAN)).drop(columns="variant")
    areas = pd.DataFrame([_area(one, n_boot) for one in answers.values()])
    rows = pd.concat([rows["n"], areas, rows.drop(columns="n")], axis=1)
    rows.insert(0, "wrong_labels_percent", [100 * share for share in answers])
    return rows


def _area(one: Answers, n_boot: int) -> dict[str, float]:
    area = metrics.auc_interval(one.y, one.scores, one.subject, n_boot)
    return {"auc": area.value, "auc_low": area.low, "auc_high": area.high}


def numbers(source: Experiment, table: pd.DataFrame) -> dict[str, dict]:
    """Entries of summary.json, variant search_noise<percent>: auc, uar, and the points of UAR that are lost."""
    artifact, found = f"tables/{source}-noise.csv", {}
    for row in table.to_dict("records"):
        share = row["wrong_labels_percent"] / 100
        limits = ends(row["auc_low"], row["auc_high"])
        entries = {"auc": number(row["auc"], *limits, unit="", n=row["n"], artifact=artifact)}
        entries["uar"] = uar_entry(row, artifact)
        if share != CLEAN:
            entries["points"] = lost_entry(row, artifact)
        for metric, entry in entries.items():
            variant = f"search_{name(share)}"
            found[key(source.corpus, "reduction", source.protocol, variant, metric)] = entry
    return found
