"""Detector and classifier as one: built from a run's artifacts, timed stage by stage, tried on awkward pictures."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.experiment import INT8, Experiment, model_name
from emolib.core.summary import key, number
from emolib.datasets.face_boxes import Picture
from emolib.device.faces import STAGES, Classifier, Detector, Face, FacePath
from emolib.device.interpreter import Model
from emolib.evaluation.boxes import MATCH
from emolib.evaluation.cost import cost
from emolib.models import build, crossval
from emolib.models.detector import table1
from emolib.signals.boxes import Found, Grid, iou
from emolib.signals.frontend import front_end
from emolib.signals.generated.scenes import scene

SEED = pd.DataFrame(  # Mikhaylevskiy et al. (2021), section IV, on a Raspberry Pi 3
    [("detector", 182.0, 4.95), ("classifier", 56.0, 1.1), ("composite", 238.0, 6.05)],
    columns=["stage", "p50_ms", "size_mb"],
)
DETECTION = ("letterbox", "detector", "boxes")


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
    """Milliseconds of every stage, a row per picture: the median of `repeats` calls after one to warm up."""
    rows = []
    for image in images:
        path(image)
        calls = []
        for _ in range(repeats):
            faces = path(image)
            calls.append(path.ms | {"faces": len(faces)})
        rows.append(pd.DataFrame(calls).median())
    return pd.DataFrame(rows)


def stages(ms: pd.DataFrame, sizes: Mapping[str, int]) -> pd.DataFrame:
    """The seed's results table with ours below: stage, p50_ms, p95_ms, size_mb, fps. Ours is measured on this machine."""
    parts = {
        "detector": list(DETECTION),
        "classifier": [s for s in STAGES if s not in DETECTION],
        "composite": list(STAGES),
    }
    rows = []
    for stage, names in parts.items():
        p50, p95 = np.percentile(ms[names].sum(axis=1), (50, 95))
        rows.append({"stage": stage, "p50_ms": p50, "p95_ms": p95, "size_mb": sizes[stage] / 1e6})
    both = pd.concat(
        [SEED.assign(source="seed, Raspberry Pi 3"), pd.DataFrame(rows).assign(source="ours, this machine")]
    )
    both["frames per second"] = 1e3 / both.p50_ms
    return both[["source", "stage", "p50_ms", "p95_ms", "frames per second", "size_mb"]].reset_index(
        drop=True
    )


def work(run: Run, name: str, source: Experiment) -> pd.DataFrame:
    """MACs of a picture with one face: detector, classifier, composite. The seed's two tables as printed, then ours."""
    printed = (table1(), build("face", (64, 64, 1), 4, "table2"))
    own = (crossval.load_model(run, stem) for stem in (f"models/{name}", model_name(source, 0)))
    rows = [[cost(model).macs for model in both] for both in (printed, own)]
    found = pd.DataFrame(rows, columns=["detector", "classifier"]).assign(source=["seed's tables", "ours"])
    found["composite"] = found.detector + found.classifier
    return found[["source", "detector", "classifier", "composite"]]


def work_numbers(corpus: str, work: pd.DataFrame, artifact: str, prefix: str = "") -> dict[str, dict]:
    """Entries of summary.json: MACs of ours, and how many times fewer they are than the seed's."""
    theirs, ours = work.composite
    values = {"macs": (int(ours), "MACs"), "macs_ratio": (theirs / ours, "ratio")}
    return {
        key(corpus, "composite", "heldout", f"{prefix}composite", metric): number(
            value, unit=unit, n=1, artifact=artifact
        )
        for metric, (value, unit) in values.items()
    }


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
    one, _, _ = scene(seed + 1, (240, 320), 1)
    big = scene(seed + 2, (540, 960), 1)[0].repeat(4, axis=0).repeat(4, axis=1)
    tiny = np.full((480, 640, 3), 120, np.uint8)
    tiny[200:240, 300:353] = one[::6, ::6][:40, :53]
    return {
        "several faces": scene(seed, (240, 320), 3)[0],
        "no face": scene(seed + 3, (240, 320), 0)[0],
        "cut by the border": _at_border(one, scene(seed + 1, (240, 320), 1)[1][0]),
        "tiny face": tiny,
        "4K": big,
        "grey": one[..., 1],
        "upright": one,
        "upside down": one[::-1, ::-1],
    }


def _at_border(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The picture cut through the middle of a face's forehead and cheek."""
    x, y = np.rint(box[:2] + 0.25 * (box[2:] - box[:2])).astype(int)
    return np.ascontiguousarray(image[y:, x:])


def as_found(faces: Sequence[Face]) -> Found:
    """Boxes and scores of faces, for a figure."""
    return Found(np.reshape([face.box for face in faces], (-1, 4)), np.array([face.score for face in faces]))


def prefix(run: Run, name: str) -> str:
    """What variants of summary keys begin with: nothing for our own network, else the name of the detector's."""
    network = run.parameters_of(f"scores/{name}-detector-summary.json")["network"]
    return "" if network == "small" else f"{network}_"


def numbers(
    corpus: str, table: pd.DataFrame, answers: pd.DataFrame, artifact: str, prefix: str = ""
) -> dict[str, dict]:
    """Entries of summary.json: milliseconds and bytes of both, and how many faces were found and told right."""
    ours, found = table[table.source.str.startswith("ours")].set_index("stage"), {}

    def enter(variant: str, metric: str, value: float, unit: str, n: int = 1):
        place = key(corpus, "composite", "heldout", prefix + variant, metric)
        found[place] = number(value, unit=unit, n=n, artifact=artifact)

    for stage, row in ours.iterrows():
        enter(stage, "latency_p50_ms", row.p50_ms, "ms")
        enter(stage, "bytes", round(1e6 * row.size_mb), "bytes")
    if len(answers):
        enter("composite", "found", answers.found.mean(), "fraction", len(answers))
        right = (answers.answer == answers.emotion)[answers.found]
        if len(right):
            enter("composite", "accuracy_of_found", right.mean(), "fraction", len(right))
    return found
