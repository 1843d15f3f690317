"""The models that come with emolib answer on the corpora's own files as docs/results.csv says of the run they are of."""

import io
import json
import re
import zipfile

import numpy as np
import pytest
from PIL import Image

from emolib import datasets
from emolib.__main__ import main, parser
from emolib.core.experiment import Experiment
from emolib.core.paths import PROJECT
from emolib.datasets import labels, root_of
from emolib.datasets.face_boxes import load
from emolib.device.bundle import load_pretrained, pretrained
from emolib.device.engine import Engine
from emolib.evaluation.boxes import single_ious
from emolib.report import results
from emolib.signals.boxes import Found
from emolib.signals.generated.scenes import scene

PUBLISHED = results.read(PROJECT / "docs/results.csv")
INT8_OF_FACES = {"modality": "face", "variant": "int8"}
FACES, BOXES = "fer2013-face-emotion{}-official-resnet", "facemask-small"
MAX_BYTES = 2_000_000
acceptance = pytest.mark.acceptance


def test_every_model_has_a_card_and_is_small():
    bundle = pretrained()
    assert {FACES.format(7), FACES.format(4)} <= bundle.models.keys() and BOXES in bundle.record["detectors"]
    for name in (*bundle.models, *bundle.record["detectors"]):
        files = {path.suffix: path for path in bundle.folder.glob(f"{name}.*")}
        assert files.keys() == {".tflite", ".keras", ".md"}
        assert max(path.stat().st_size for path in files.values()) <= MAX_BYTES
        card = files[".md"].read_text()
        assert "Licence: " in card and "(" in card.split("## Numbers")[1]  # intervals


def test_they_answer_without_a_choice(tmp_path, capsys):
    Image.fromarray(scene(12, (240, 320), n_faces=1)[0]).save(tmp_path / "photo.png")
    noise = np.random.default_rng(0).normal(0, 20, (2560, 4))
    rows, head = np.column_stack([np.arange(2560) / 256, noise]), "timestamps,TP9,AF7,AF8,TP10"
    np.savetxt(tmp_path / "eeg.csv", rows, delimiter=",", header=head, comments="")

    def answered(*arguments):
        assert main(["run", "pretrained", *map(str, arguments)]) == 0
        return json.loads(capsys.readouterr().out)

    found = answered("--picture", tmp_path / "photo.png")
    assert found["source"] == FACES.format(7) and len(found["faces"]) == 1
    found = answered("--eeg", tmp_path / "eeg.csv")["eeg"]
    assert found["source"] == "muse-eeg-state3-loso-lda" and found["scores"]
    engine = Engine(pretrained(), ["face", "speech", "heart"])
    assert engine.fusion is None and engine.pipelines["speech"].source == "emodb-speech-emotion7-loso-lda"
    assert parser().parse_args(["live"]).bundle == pretrained().folder


def images(part: str):
    """Class and grey image of every file in a part of FER2013, by zipfile and PIL alone."""
    archive = root_of("fer2013") / "archive.zip"
    if not archive.is_file():
        pytest.skip("fer2013 absent: set EMOLIB_DATA")
    with zipfile.ZipFile(archive) as opened:
        for name in opened.namelist():
            if f"{part}/" in name and name.endswith(".jpg"):
                yield name.split("/")[-2], np.asarray(Image.open(io.BytesIO(opened.read(name))))


@acceptance
@pytest.mark.parametrize("n_classes", [7, 4])
def test_faces_are_told_as_published(n_classes):
    pipeline = load_pretrained(FACES.format(n_classes))
    right = []
    for label, image in images("test"):
        X, _ = pipeline.windows([image[None]], 1.0)
        if len(X) and label in pipeline.classes:
            right.append(pipeline.classes[pipeline.scores(X)[0].argmax()] == label)
    of = {"corpus": "fer2013", "task": f"emotion{n_classes}", "model": "resnet", "metric": "accuracy"}
    said = results.one(PUBLISHED, **of, **INT8_OF_FACES)
    assert len(right) == int(said.n)
    assert np.mean(right) == pytest.approx(said.value, abs=0.002)


@acceptance
def test_faces_are_found_as_published():
    """On whole pictures as files have them; the run scored pictures that were squared before."""
    if not root_of("facemask").is_dir():
        pytest.skip("facemask absent: set EMOLIB_DATA")
    look = pretrained().face_path(load_pretrained(FACES.format(7)))
    test = [each for each in load("facemask", []) if each.split == "test" and len(each.boxes) == 1]
    faces = [look(each.image) for each in test]
    found = [Found(np.reshape([f.box for f in one], (-1, 4)), np.array([f.score for f in one])) for one in faces]
    of = {"corpus": "facemask", "task": "detection", "metric": "iou", "condition": "one face"}
    said = results.one(PUBLISHED, model="small", **of, **INT8_OF_FACES)
    assert len(test) == int(said.n)
    ious = single_ious(found, [each.boxes for each in test], look.detector.min_score)
    assert ious.mean() == pytest.approx(said.value, abs=0.01)


NEVER_SAW = re.compile(r": of (.+), whom it never saw, it tells ([\d.]+) % of (\d+) windows")
CARDS = {path.stem: NEVER_SAW.search(path.read_text()) for path in pretrained().folder.glob("*.md")}


@acceptance
@pytest.mark.parametrize("name", [name for name, said in CARDS.items() if said])
def test_people_never_seen_are_told_as_the_card_says(name):
    people, share, n = CARDS[name].groups()
    source, pipeline = Experiment.parse(name), load_pretrained(name)
    if not root_of(source.corpus).is_dir():
        pytest.skip(f"{source.corpus} absent: set EMOLIB_DATA")
    right = []
    for person in people.split(", "):
        found = [each for each in datasets.load(source.corpus, source.modality, []) if each.subject == person]
        told = [(each, labels.target(source.corpus, source.task, each)) for each in found]
        trials, said = zip(*(pair for pair in told if pair[1]), strict=True)
        X, _ = pipeline.windows([each.data for each in trials], trials[0].sfreq)
        n_windows = [len(pipeline.front(each.data, each.sfreq, each.kind).X) for each in trials]
        answers = np.array(pipeline.classes)[pipeline.scores(X).argmax(axis=1)]
        right += (answers == np.repeat(said, n_windows)).tolist()
    assert len(right) == int(n)
    assert 100 * np.mean(right) == pytest.approx(float(share), abs=0.6)
