"""Maps of a source's networks on their own test windows, and what the report says of them."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.experiment import Experiment, model_name
from emolib.core.summary import ends, number
from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import Fold, evenly
from emolib.models.crossval import load_model, load_standardiser
from emolib.studies.saliency.methods import METHODS
from emolib.studies.saliency.regions import ELSEWHERE, aligned, attention, masks


def fold_maps(
    run: Run,
    source: str,
    data: EmotionSet,
    folds: Sequence[Fold],
    n_windows: int,
    methods: Mapping[str, Callable[..., np.ndarray]] = METHODS,
    seed: int = 0,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Rows (n,), and by method the maps (n, h, w) of what each fold's network answers on at most n_windows of its own,
    as many of each class as there are."""
    rows, maps = [], {name: [] for name in methods}
    for k, fold in enumerate(folds):
        model, standardiser = (load(run, model_name(source, k)) for load in (load_model, load_standardiser))
        rows.append(evenly(data.y, fold.test, n_windows, seed))
        X = standardiser(data.X[rows[-1]])
        for name, method in methods.items():
            maps[name].append(method(model, X))
    return np.concatenate(rows), {name: np.concatenate(found) for name, found in maps.items()}


def regions(run: Run, source: Experiment, data: EmotionSet, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Masks of `masks` for these rows: from the generator's truth on synthetic faces, else where FER2013's lie."""
    height, width = data.X.shape[1:3]
    if source.corpus != "synthetic":
        return masks(aligned(len(rows), height, width), height, width)
    from emolib.studies.saliency.generated import window_regions

    made = run.parameters_of(f"data/{source}.npz")
    boxes = window_regions(data.trial, height, made["frontend"].get("hop_s", 2.0), **made["corpus_options"])
    return masks({name: box[rows] for name, box in boxes.items()}, height, width)


def attention_table(
    maps: Mapping[str, np.ndarray], where: Mapping[str, np.ndarray], subject: np.ndarray
) -> pd.DataFrame:
    """The rows of `attention` for every method, in a column of its own."""
    tables = [attention(found, where, subject).assign(method=name) for name, found in maps.items()]
    table = pd.concat(tables, ignore_index=True)
    return table[["method", *table.columns.drop("method")]]


def numbers(source: Experiment, table: pd.DataFrame, checked: pd.DataFrame) -> dict[str, dict]:
    """Entries of summary.json: density of each method's maps on each region, and what randomised weights leave."""
    found, name = {}, f"tables/{source}-attention.csv"
    for row in table[table.region != ELSEWHERE].dropna(subset="ratio").itertuples():
        entry = number(row.ratio, *ends(row.ratio_low, row.ratio_high), unit="ratio", n=row.n, artifact=name)
        found[source.key(row.method, f"{row.region}_density")] = entry
    last = checked[checked.step == checked.step.max()].dropna(subset="spearman")
    for row in last.itertuples():
        limits = ends(row.spearman_low, row.spearman_high)
        entry = number(row.spearman, *limits, unit="", n=row.n, artifact=f"tables/{source}-sanity.csv")
        found[source.key(row.method, "randomised_spearman")] = entry
    return found


def answer(table: pd.DataFrame, checked: pd.DataFrame) -> pd.DataFrame:
    """A row per method: its densest region, that density, and what random weights leave of its maps."""
    best = table[table.region != ELSEWHERE].sort_values("ratio").groupby("method").last()
    last = checked[checked.step == checked.step.max()].set_index("method")
    return (
        best[["region", "ratio", "ratio_low", "ratio_high"]].join(last[["spearman", "other"]]).reset_index()
    )
