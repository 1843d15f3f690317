"""A face detector from pictures to numbers: trained once, converted, scored on held-out pictures (02d_detector)."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from emolib.core.artifacts import Run
from emolib.datasets.base import Dropped
from emolib.device.interpreter import Model
from emolib.evaluation.boxes import evaluate, pick_threshold
from emolib.evaluation.metrics import columns_of
from emolib.models.backend import keras
from emolib.models.checkpoint import Checkpoint, History
from emolib.models.detector_training import LEAST_SCORE, PictureSet, Trainer
from emolib.quantization import ptq
from emolib.quantization.flatbuffer import compact
from emolib.signals.boxes import Found, Grid, iou

VARIANTS = ("float32", "int8")


def train(run: Run, name: str, trainer: Trainer, of: Mapping[str, PictureSet]) -> History:
    """The history of the detector models/<name>.keras, trained on of["train"], or found; a killed run goes on. Writes
    models/<name>.keras, .json (the history) and -grid.json (what its outputs mean)."""
    identity = trainer.identity(of["train"], of["val"])
    own = run.branch()
    own.inputs = {}  # the identity holds the pictures
    file, curve = f"models/{name}.keras", f"models/{name}.json"
    if not (own.is_current(file, identity=identity) and own.is_current(curve, identity=identity)):
        state = Checkpoint(run.folder / "training" / name, identity)
        history = trainer.fit(of["train"], of["val"], name, state)
        with own.write(file, identity=identity) as path:
            trainer.model.save(path)
        with own.write(curve, identity=identity) as path:
            path.write_text(json.dumps(history))
        state.done()
    own.write_json(f"models/{name}-grid.json", asdict(trainer.grid))
    return run.json(curve)


def convert(run: Run, name: str, train: PictureSet, n_calibration: int, seed: int) -> dict[str, Path]:
    """The detector's .tflite files by variant. n_calibration training pictures set the ranges of the int8 one."""
    own = run.branch()
    own.inputs = {}
    model = keras.models.load_model(own.read(f"models/{name}.keras"))
    side, found = model.input_shape[1], {}
    rows = np.random.default_rng(seed).permutation(len(train.X))[:n_calibration]
    calibration = keras.ops.image.resize(np.float32(train.X[rows] / 255), (side, side), antialias=True)
    for variant in VARIANTS:
        file = f"models/{name}-{variant}.tflite"
        if not own.is_current(file, calibration=rows.tolist()):
            content = compact(ptq.convert(model, variant, np.asarray(calibration)))
            own.write_bytes(file, content, calibration=rows.tolist())
        found[variant] = run.read(file)
    return found


def found_by(file: Path, grid: Grid, X: np.ndarray) -> list[Found]:
    """Faces that a .tflite file finds in pictures X (n, side, side, n_channels) uint8, down to LEAST_SCORE."""
    with Model(file) as model:
        outputs = model.predict(np.float32(X / 255))
    return [grid.found(output, X.shape[1], LEAST_SCORE) for output in outputs]


def evaluated(found: Mapping[str, Mapping], of: Mapping[str, PictureSet], files: Mapping[str, Path]):
    """A table of faces `found` by variant and part, val and test. One row per variant: bytes, min_score (picked on
    validation pictures), and iou, hit, recall, precision and ap50 on test pictures, each with its 95 % interval.

    n: test pictures; n_single: those with one face, which iou and hit are of.
    """
    rows = []
    for variant, parts in found.items():
        min_score = pick_threshold(parts["val"], of["val"].boxes)
        row = {"variant": variant, "bytes": files[variant].stat().st_size, "n": len(of["test"].X)}
        row |= {"n_single": _singles(of["test"]), "min_score": min_score}
        for name, interval in evaluate(parts["test"], of["test"].boxes, min_score).items():
            row |= columns_of(name, interval)
        rows.append(row)
    return pd.DataFrame(rows)


def grid(run: Run, name: str) -> Grid:
    """What the outputs of the detector models/<name>.keras mean."""
    return Grid(**run.json(f"models/{name}-grid.json"))


def parts_table(of: Mapping[str, PictureSet], dropped: Sequence[Dropped]) -> pd.DataFrame:
    """One row per split: pictures, faces, pictures with one face; then what loaders cut or left out, by reason."""
    rows = [(name, len(part.X), sum(map(len, part.boxes)), _singles(part)) for name, part in of.items()]
    reasons = Counter(each.reason for each in dropped)
    rows += [(reason, None, count, None) for reason, count in reasons.most_common()]
    return pd.DataFrame(rows, columns=["what", "pictures", "faces", "with one face"])


def _singles(part: PictureSet) -> int:
    return sum(len(boxes) == 1 for boxes in part.boxes)


def spread(found: Sequence[Found], part: PictureSet, min_score: float, n: int = 12):
    """n pictures from the largest to the smallest overlap: images, true boxes, what was found from min_score on, names."""

    def overlap(one: Found, boxes: np.ndarray) -> float:
        """Mean over the faces of a picture of the best IoU that a found box has with it; 1 where there is none."""
        if not len(boxes) or not len(one.boxes):
            return float(not len(boxes))
        return iou(boxes, one.boxes).max(axis=1).mean()

    sure = [Found(*(values[each.scores >= min_score] for values in each)) for each in found]
    quality = list(map(overlap, sure, part.boxes))
    rows = np.argsort(quality)[::-1][np.linspace(0, len(found) - 1, min(n, len(found))).astype(int)]
    images = part.X[rows] if part.X.shape[-1] == 3 else part.X[rows, ..., 0]
    return images, *([of[k] for k in rows] for of in (part.boxes, sure, part.names))
