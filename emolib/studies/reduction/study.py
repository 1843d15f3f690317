"""A search on the pictures of a source: what it trains on, what the networks found answer, numbers of the report."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.experiment import Experiment
from emolib.core.summary import ends, key, number
from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import Fold, few
from emolib.fusion.scores import softmax
from emolib.models.alexnet import Architecture
from emolib.studies.reduction.search import Search, Tried, trace
from emolib.studies.reduction.store import Store
from emolib.studies.reduction.table import Answers

SPAN = (-1.0, 1.0)  # of a pixel
PREDICTED = 128  # pictures of one call
BASELINE, REDUCED, EMBEDDED = "Baseline AlexNet", "Reduced AlexNet", "Embedded 3-layer"


def parts(data: EmotionSet, fold: Fold, n_train: int, n_val: int, seed: int) -> dict[str, EmotionSet]:
    """train, val (at most n_train and n_val pictures of the fold's) and test, in SPAN as the front end gives them."""
    rows = {"train": few(fold.train, n_train, seed), "val": few(fold.val, n_val, seed), "test": fold.test}
    return {name: data.part(of_part) for name, of_part in rows.items()}


def augmentation(ways: Sequence[str]) -> Callable:
    """`ways` of emolib.models.five_ways as one graph, so that it is traced once and not with every network."""
    import tensorflow as tf

    from emolib.models.five_ways import five_ways

    return tf.function(partial(five_ways, ways=ways, span=SPAN))


def answers(
    run: Run,
    store: Store,
    chosen: Mapping[str, Architecture],
    of: Mapping[str, EmotionSet],
    parts: Sequence[str] = ("val", "test"),
) -> list[Answers]:
    """What the networks named by `chosen` answer on parts of `of`; what the store does not hold is trained."""
    import keras

    found = []
    for name, architecture in chosen.items():
        store(architecture)
        model = keras.models.load_model(run.read(f"{store.name(architecture)}.keras"))
        for part in parts:
            data = of[part]
            starts = range(0, len(data.y), PREDICTED)
            logits = [model(data.X[i : i + PREDICTED], training=False).numpy() for i in starts]
            scores = softmax(np.concatenate(logits))
            found.append(Answers(name, part, architecture, data.y, scores, data.subject))
    return found


def numbers(source: Experiment, search: Search, table: pd.DataFrame, n: int) -> dict[str, dict]:
    """Entries of summary.json: FLOPs of baseline, pick and embedded network, their ratios, AUC and lost margin.

    n: test pictures.
    """
    artifact, found = f"tables/{source}-reduction.csv", {}

    def enter(variant: str, metric: str, *values: float, unit: str, n: int = 1):
        entry = number(*values, unit=unit, n=n, artifact=artifact)
        found[key(source.corpus, "reduction", source.protocol, variant, metric)] = entry

    ours = table[(table.source == "ours") & (table.part == "test")].set_index("model")
    for variant, name in (("baseline", BASELINE), ("search", REDUCED), ("embedded", EMBEDDED)):
        row = ours.loc[name]
        enter(variant, "flops", int(round(1e6 * row.work_mflop)), unit="FLOPs")
        enter(variant, "auc", row.auc, *ends(row.auc_low, row.auc_high), unit="", n=n)
        if name != BASELINE:
            enter(variant, "flops_ratio", ours.loc[BASELINE].work_mflop / row.work_mflop, unit="ratio")
            enter(variant, "margin_change_percent", row.delta_auc_percent, unit="percent", n=n)
    enter("search", "trainings", len(search.tried), unit="")
    return found


def shown(tried: Sequence[Tried]) -> pd.DataFrame:
    """The search so far, for people: what was changed, what it costs and gives."""
    return trace(tried).assign(work_mflop=lambda rows: rows.flops / 1e6)[
        ["order", "parent", "change", "work_mflop", "auc", "epochs", "seconds", "accepted"]
    ]
