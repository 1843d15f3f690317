"""Model cards after Mitchell et al. (2019): what a model is, on what it was trained and judged, what it is not for. Their
text is card.md."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from emolib import datasets
from emolib.core.artifacts import Run, record_of, short
from emolib.core.experiment import INT8, Experiment, model_name
from emolib.datasets import face_boxes
from emolib.datasets.face_boxes import BoxCorpus
from emolib.report import cautions
from emolib.report.results import cell, markdown, pick, read
from emolib.report.tables import words

METRICS = ("uar", "accuracy", "auc", "iou", "recall", "precision", "ap50", "bytes")
LIMITS = (
    "Emotions are the corpus's labels, not what a person feels. Whom the corpus does not show (age, skin, language, "
    "illness, sensor, light), these numbers do not cover. Not for decisions about people."
)
FACE_LIMITS = "Pictures unlike the corpus's (light, pose, size, camera), these numbers do not cover."


def of_source(run: Run, name: str, fold: int) -> str:
    """The card of fold `fold`'s model of a source, as Markdown. Raises BadArtifact."""
    source, scored = Experiment.parse(name), run.arrays(f"scores/{name}.npz")
    classes = ", ".join(scored["classes"].tolist())
    protocol = f"Protocol {source.protocol}, tested on {cautions.TESTED[source.protocol]}. {_own(scored, fold)}"
    trained = run.read(f"rows/{name}-train.csv")
    protocol = "\n\n".join([protocol, *record_of(trained)["cautions"]])
    context = pick(read(trained), metric="uar")
    context = context[context.variant.isin(cautions.WITHOUT_SENSOR) | (context.condition != "")]
    return _card(
        run, name, f"{name}-quantize", f"{model_name(name, fold)}-{INT8}.tflite", [datasets.get(source.corpus)],
        what=f"{source.sentence()} Classes, in order of the logits: {classes}.",
        protocol=protocol,
        over="Of the answers of all folds, with 95 % intervals over people; bytes are means over folds.",
        limits=LIMITS,
        beside=context,
    )  # fmt: skip


def of_detector(run: Run, name: str) -> str:
    """The card of a face detector, as Markdown. Raises BadArtifact."""
    made = run.parameters_of(f"rows/{name}-detector.csv")
    shape = f"{made['side']} × {made['side']} × {made['n_channels']}"
    return _card(
        run, name, f"{name}-detector", f"models/{name}-{INT8}.tflite", map(face_boxes.get, made["corpora"]),
        what=f"Face detector, network {made['network']}, input {shape}, values from 0 to 1.",
        protocol="Held-out pictures that neither trained nor picked an epoch or the least score; seen once.",
        over="95 % intervals over pictures.",
        limits=FACE_LIMITS,
    )  # fmt: skip


def _own(scored: dict[str, np.ndarray], fold: int) -> str:
    if not scored["fold"].any():
        return f"This is the model of fold {fold}."
    test = (scored["fold"] == fold) & (scored["part"] == "test")
    right = scored[INT8][test].argmax(axis=1) == scored["y"][test]
    people = ", ".join(np.unique(scored["subject"][test]).tolist())
    return (
        f"This is the model of fold {fold}: of {people}, whom it never saw, it tells {100 * right.mean():.1f} % of "
        f"{len(right)} windows."
    )


def _card(
    run: Run,
    name: str,
    concluded: str,
    file: str,
    corpora: Iterable[datasets.Corpus | BoxCorpus],
    beside: pd.DataFrame | None = None,
    **told: str,
) -> str:
    """card.md of the int8 `file` with the numbers of rows/<concluded>.csv, and the rows `beside` them."""
    rows = pd.concat([pick(read(run.read(f"rows/{concluded}.csv")), metric=METRICS), beside])
    numbers = [
        [" · ".join(filter(None, (row.variant, row.condition))), words(row.metric), cell(row), row.n]
        for _, row in rows.iterrows()
    ]
    record = record_of(run.read(file))
    tools = ", ".join(f"{tool} {version}" for tool, version in record["versions"].items())
    return Path(__file__).with_name("card.md").read_text(encoding="utf-8").format(
        name=name,
        data="\n\n".join(f"{one.title}. Licence: {one.licence}. {one.cite}. The data are not part of this." for one in corpora),
        numbers=markdown(["file", "metric", "value", "n"], numbers),
        origin=f"Run `{run.folder.name}`, notebook `{record['notebook']}`, {short(record['commit'])}, sha256 of the int8 "
        f"file {record['sha256']}; {tools}.",
        **told,
    )  # fmt: skip
