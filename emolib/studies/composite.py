"""Detector and classifier as one function: built from a run, timed stage by stage, tried on awkward pictures."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.experiment import INT8, Experiment, model_name
from emolib.datasets.face_boxes import Picture
from emolib.device.faces import STAGES, Classifier, Detector, FacePath
from emolib.device.interpreter import Model
from emolib.evaluation.boxes import MATCH
from emolib.evaluation.cost import cost
from emolib.models import build, crossval
from emolib.models.detector import table1
from emolib.signals.boxes import Grid, iou
from emolib.signals.frontend import front_end
from emolib.signals.generated.scenes import scene

PUBLISHED = pd.DataFrame(  # Mikhaylevskiy et al. (2021), section IV, on a Raspberry Pi 3
    [("detector", 182.0, 4.95), ("classifier", 56.0, 1.1), ("composite", 238.0, 6.05)],
    columns=["stage", "p50_ms", "size_mb"],
)
THEIRS, OURS = "reference paper, Raspberry Pi 3", "ours, this machine"


def classifier(run: Run, source: Experiment, margin: float) -> tuple[Classifier, tuple[str, ...]]:
    """The int8 classifier of the first fold and what comes before it, and its classes."""
    name = model_name(source, 0)
    front = front_end("face", **run.parameters_of(f"data/{source}.npz")["frontend"])
    model = Model(run.read(f"{name}-{INT8}.tflite"))
    classes = run.arrays(f"scores/{source}.npz")["classes"].tolist()
    return Classifier(model, front, crossval.load_standardiser(run, name), margin), tuple(classes)


def detector(run: Run, name: str, grid: Grid) -> Detector:
    """The int8 detector, with the score that was picked on validation pictures."""
    table = pd.read_csv(run.read(f"tables/{name}-detector.csv")).set_index("variant")
    return Detector(Model(run.read(f"models/{name}-{INT8}.tflite")), grid, float(table.min_score[INT8]))


def timed(path: FacePath, images: Sequence[np.ndarray], repeats: int) -> pd.DataFrame:
    """Milliseconds of every stage and faces found, a row per picture: the median of `repeats` calls after one to warm up."""
    rows = []
    for image in images:
        found = [{"faces": len(path(image)), **path.ms} for _ in range(1 + repeats)]
        rows.append(pd.DataFrame(found[1:]).median())
    return pd.DataFrame(rows)[[*STAGES, "faces"]]


def stages(ms: pd.DataFrame, sizes: Mapping[str, int]) -> pd.DataFrame:
    """The reference paper's results with ours below: source, stage, p50_ms, p95_ms, frames per second, size_mb. `ms`:
    of `timed`; `sizes`: bytes by stage. Ours is measured on this machine."""
    every = list(STAGES)  # detection takes the first three
    parts, rows = {"detector": every[:3], "classifier": every[3:], "composite": every}, []
    for stage, names in parts.items():
        rows.append((stage, *np.percentile(ms[names].sum(axis=1), (50, 95)), sizes[stage] / 1e6))
    ours = pd.DataFrame(rows, columns=["stage", "p50_ms", "p95_ms", "size_mb"])
    both = pd.concat([PUBLISHED.assign(source=THEIRS), ours.assign(source=OURS)], ignore_index=True)
    both["frames per second"] = 1e3 / both.p50_ms
    return both[["source", "stage", "p50_ms", "p95_ms", "frames per second", "size_mb"]]


def work(run: Run, name: str, source: Experiment) -> pd.DataFrame:
    """MACs of a picture with one face, source, detector, classifier, composite: the paper's networks as printed, then ours."""
    printed = [table1(), build("face", (64, 64, 1), 4, "table2")]
    own = [crossval.load_model(run, stem) for stem in (f"models/{name}", model_name(source, 0))]
    rows = []
    for who, (detector, classifier) in (("reference paper's tables", printed), ("ours", own)):
        macs = cost(detector).macs, cost(classifier).macs
        rows.append((who, *macs, sum(macs)))
    return pd.DataFrame(rows, columns=["source", "detector", "classifier", "composite"])


def told(path: FacePath, pictures: Iterable[Picture], classes: Sequence[str]) -> pd.DataFrame:
    """One row per true face whose emotion the picture names: picture, emotion, found (IoU ≥ 0.5), answer ("" if not found)."""
    rows = []
    for picture in pictures:
        faces = path(picture.image)
        boxes = np.reshape([face.box for face in faces], (-1, 4))
        for box, word in zip(picture.boxes, picture.labels, strict=True):
            overlap = iou(box[None], boxes)[0] if len(boxes) else np.zeros(1)
            hit = overlap.max() >= MATCH
            answer = classes[int(faces[overlap.argmax()].scores.argmax())] if hit else ""
            rows.append({"picture": picture.name, "emotion": word, "found": bool(hit), "answer": answer})
    return pd.DataFrame(rows)


def awkward(seed: int = 0) -> dict[str, np.ndarray]:
    """Pictures that a camera gives and a demo does not: by name, uint8."""
    one, (box, *_), _ = scene(seed + 1, (240, 320), 1)
    left, top = np.rint(box[:2] + 0.25 * (box[2:] - box[:2])).astype(int)  # of forehead and cheek the middle
    tiny = np.full((480, 640, 3), 120, np.uint8)
    tiny[200:240, 300:353] = one[::6, ::6][:40, :53]
    return {
        "several faces": scene(seed, (240, 320), 3)[0],
        "no face": scene(seed + 3, (240, 320), 0)[0],
        "cut by the border": np.ascontiguousarray(one[top:, left:]),
        "tiny face": tiny,
        "4K": scene(seed + 2, (540, 960), 1)[0].repeat(4, axis=0).repeat(4, axis=1),
        "grey": one[..., 1],
        "upright": one,
        "upside down": one[::-1, ::-1],
    }
