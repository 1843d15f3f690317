"""Model cards after Mitchell et al. (2019): what a model is, on what it was trained and judged, what it is not for."""

from collections.abc import Iterable

import numpy as np

from emolib import datasets
from emolib.core.artifacts import Run, record_of, short
from emolib.core.experiment import INT8, Experiment, model_name
from emolib.datasets import face_boxes
from emolib.datasets.face_boxes import BoxCorpus
from emolib.report.publish import markdown, words
from emolib.report.results import cell, pick, read

METRICS = ("uar", "accuracy", "auc", "iou", "recall", "precision", "ap50", "bytes")
TESTED = {
    "loso": "Leave one person out: a test fold holds people that no training saw.",
    "grouped": "Folds by person: a test fold holds people that no training saw.",
    "official": "The corpus's official split; its test part was touched once.",
}
BY_SUBJECT = "Windows were standardised within each person: it needs a recording of the person first."
LIMITS = (
    "Emotions are the corpus's labels, not what a person feels. Whom the corpus does not show (age, skin, language, "
    "illness, sensor, light), these numbers do not cover. Not for decisions about people."
)
FACE_LIMITS = "Pictures unlike the corpus's (light, pose, size, camera), these numbers do not cover."


def of_source(run: Run, name: str, fold: int) -> str:
    """The card of fold `fold`'s model of a source, as Markdown. Raises BadArtifact."""
    source, stem = Experiment.parse(name), model_name(name, fold)
    made = run.parameters_of(f"scores/{name}-keras.npz")
    by_person = [BY_SUBJECT] if made["normalise"] == "subject" else []
    scored = run.arrays(f"scores/{name}.npz")
    classes = ", ".join(scored["classes"].tolist())
    sections = {
        "What it is": [f"{source.sentence()} Classes, in order of the logits: {classes}."],
        "Data": [_data(datasets.get(source.corpus))],
        "Protocol": [f"{TESTED[source.protocol]} {_own(scored, fold)}", *by_person],
        "Numbers": [
            _numbers(run, f"{name}-quantize"),
            "Of the answers of all folds, with 95 % intervals over people; bytes are means over folds.",
        ],
        "Limits": [LIMITS],
        "Origin": [_origin(run, f"{stem}-{INT8}.tflite")],
    }
    return _page(name, sections)


def of_detector(run: Run, name: str) -> str:
    """The card of a face detector, as Markdown. Raises BadArtifact."""
    made = run.parameters_of(f"rows/{name}-detector.csv")
    shape = f"{made['side']} × {made['side']} × {made['n_channels']}"
    sections = {
        "What it is": [f"Face detector, network {made['network']}, input {shape}, values from 0 to 1."],
        "Data": [_data(face_boxes.get(corpus)) for corpus in made["corpora"]],
        "Protocol": [
            "Held-out pictures that neither trained nor picked an epoch or the least score; seen once."
        ],
        "Numbers": [_numbers(run, f"{name}-detector"), "95 % intervals over pictures."],
        "Limits": [FACE_LIMITS],
        "Origin": [_origin(run, f"models/{name}-{INT8}.tflite")],
    }
    return _page(name, sections)


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


def _data(corpus: datasets.Corpus | BoxCorpus) -> str:
    return f"{corpus.title}. Licence: {corpus.licence}. {corpus.cite}. The data are not part of this."


def _numbers(run: Run, concluded: str) -> str:
    rows = pick(read(run.read(f"rows/{concluded}.csv")), metric=METRICS)
    body = [
        [" · ".join(filter(None, (row.variant, row.condition))), words(row.metric), cell(row), row.n]
        for _, row in rows.iterrows()
    ]
    return markdown(["file", "metric", "value", "n"], body)


def _origin(run: Run, artifact: str) -> str:
    record = record_of(run.read(artifact))
    tools = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    return (
        f"Run `{run.folder.name}`, notebook `{record['notebook']}`, {short(record['commit'])}, sha256 of the int8 "
        f"file {record['sha256']}; {tools}."
    )


def _page(title: str, sections: dict[str, Iterable[str]]) -> str:
    body = "".join(
        f"\n## {head}\n\n" + "\n\n".join(text.rstrip() for text in texts) + "\n"
        for head, texts in sections.items()
    )
    return f"# {title}\n{body}"
