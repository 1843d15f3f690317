"""How much of a saliency map lies on eyes, cheeks and mouth, beside the share of the picture that they are.

Boxes are x1 y1 x2 y2 in pixels, (n, 4); left and right are the viewer's. On synthetic faces they are the generator's
own, on other faces those of FER2013, whose faces are registered.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.errors import BadSet
from emolib.core.experiment import Experiment
from emolib.datasets.base import EmotionSet
from emolib.evaluation.metrics import Interval, columns_of
from emolib.signals.generated import face
from emolib.signals.generated.affect import affects

PARTS = {"eyes": ("left_eye", "right_eye"), "cheeks": ("left_cheek", "right_cheek"), "mouth": ("mouth",)}
ELSEWHERE = "elsewhere"
Arrays = Mapping[str, np.ndarray]
ALIGNED = {  # shares of the sides, read off the mean training faces of FER2013, whose faces are registered
    "left_eye": (0.18, 0.27, 0.43, 0.44),
    "right_eye": (0.57, 0.27, 0.82, 0.44),
    "left_cheek": (0.18, 0.47, 0.39, 0.67),
    "right_cheek": (0.61, 0.47, 0.82, 0.67),
    "mouth": (0.29, 0.69, 0.71, 0.92),
}


def masks(boxes: Arrays, height: int, width: int) -> dict[str, np.ndarray]:
    """Share of each pixel within eyes, cheeks, mouth, and elsewhere: by name, each (n, height, width)."""

    def along(box: np.ndarray, k: int, side: int) -> np.ndarray:
        pixel = np.arange(side)
        return np.clip(np.minimum(box[:, k + 2, None], pixel + 1) - np.maximum(box[:, k, None], pixel), 0, 1)

    inside = {k: along(box, 1, height)[:, :, None] * along(box, 0, width)[:, None] for k, box in boxes.items()}
    found = {part: np.max([inside[k] for k in names], axis=0) for part, names in PARTS.items()}
    return found | {ELSEWHERE: 1 - np.max(list(found.values()), axis=0)}


def regions(run: Run, source: Experiment, data: EmotionSet, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Masks of `masks` for these rows of the source's whole set."""
    height, width = data.X.shape[1:3]
    if source.corpus == "synthetic":
        boxes = _generated(run.parameters_of(f"data/{source}.npz"), data.trial, height)
        boxes = {name: box[rows] for name, box in boxes.items()}
    else:
        sides = np.array([width, height, width, height])
        boxes = {name: np.tile(sides * box, (len(rows), 1)) for name, box in ALIGNED.items()}
    return masks(boxes, height, width)


def _generated(made: dict, trial: np.ndarray, size: int) -> dict[str, np.ndarray]:
    """The generator's boxes by part on all windows of a synthetic set, each (n_windows, 4), in pixels of `size`.

    `made`: parameters of 01_windows; `trial` (n_windows,) is the set's column. Raises BadSet where they do not agree.
    """
    options = {"n_subjects": 8, "n_trials": 40, "trial_s": 8.0, "seed": 0} | made["corpus_options"]
    hop = round(made["frontend"].get("hop_s", 2.0) * face.SFREQ)
    shown = {one.trial_id: face.face_regions(face.portrait(one), size) for one in affects(**options)}
    names = list(dict.fromkeys(trial.tolist()))
    if [name for name in names if name in shown for _ in shown[name]["face"][::hop]] != trial.tolist():
        raise BadSet(f"{len(trial)} windows of {len(names)} trials are not those of the corpus's options.")
    return {part: np.concatenate([shown[name][part][::hop] for name in names]) for part in shown[names[0]]}


def shares(maps: np.ndarray) -> np.ndarray:
    """Maps (n, h, w) with sum 1 each; NaN for a map that is 0 everywhere."""
    total = maps.sum(axis=(1, 2), keepdims=True)
    return np.divide(maps, total, out=np.full(maps.shape, np.nan), where=total > 0)


def mean_maps(maps: np.ndarray, y: np.ndarray, classes: Sequence[str]) -> dict[str, np.ndarray]:
    """Mean (h, w) of the `shares` of each class that occurs; a map that is 0 everywhere is left out."""
    seen = maps.any(axis=(1, 2))
    found, y = shares(maps[seen]), y[seen]
    return {classes[k]: found[y == k].mean(axis=0) for k in np.unique(y)}


def attention_table(maps: Arrays, where: Arrays, subject: np.ndarray) -> pd.DataFrame:
    """A row per method and region: method, region, n maps, `empty` ones that are 0 everywhere and left out, and the means
    share (of a map's sum), ratio of share and area, both with intervals of a bootstrap over subjects, and area (of the
    picture).

    `maps` (n, h, w) are by method, `where` are masks by region. A ratio above 1 says that the map is denser there than on
    average over the picture, background included.
    """
    rows = []
    for method, found in maps.items():
        seen = found.any(axis=(1, 2))
        parts, of = shares(found[seen]), np.unique(subject[seen], return_inverse=True)[1]
        for region, mask in where.items():
            share, area = (parts * mask[seen]).sum(axis=(1, 2)), mask[seen].mean(axis=(1, 2))
            row = {"method": method, "region": region, "n": int(seen.sum()), "empty": int((~seen).sum())}
            row |= columns_of("share", ratio_of_sums(share, np.ones(len(share)), of))
            row |= columns_of("ratio", ratio_of_sums(share, area, of))
            rows.append(row | {"area": mask.mean()})
    return pd.DataFrame(rows)


def ratio_of_sums(above, below, subject: np.ndarray, n_boot: int = 2000, seed: int = 0) -> Interval:
    """Σ above / Σ below of values (n,), and its 95 % interval by bootstrap over subjects, ids (n,) from 0. NaN ends
    for one subject, NaN altogether for none. Source: Field and Welsh 2007 (cluster bootstrap)."""
    if len(subject) == 0:
        return Interval(np.nan, np.nan, np.nan)
    sums = np.stack([np.bincount(subject, weights=values) for values in (above, below)], axis=1)
    value, n = float(sums[:, 0].sum() / sums[:, 1].sum()), len(sums)
    if n == 1:
        return Interval(value, np.nan, np.nan)
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=n_boot) @ sums
    low, high = np.percentile(drawn[:, 0] / drawn[:, 1], [2.5, 97.5])
    return Interval(value, float(low), float(high))
