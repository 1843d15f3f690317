"""A config and a notebook's parameters are checked before anything runs, and each mistake is one line."""

import copy

import pytest
import yaml

from emolib.__main__ import main
from emolib.core.config import check_config, reference
from emolib.core.errors import BadParameter
from emolib.core.paths import PROJECT
from emolib.models import check_source

DEMO = yaml.safe_load((PROJECT / "config/demo.yaml").read_text())
HEART = "synthetic-heart-emotion-loso"


def fit(**given) -> dict:
    return {"sources": {HEART: {"train": {"fit": given}}}}


@pytest.mark.parametrize(
    "part, said",
    [
        ({"sorces": {}}, "did you mean sources"),
        ({"sources": {HEART: {"train": {"epoch": 3}}}}, "epoch does not exist in 02_train"),
        ({"sources": {HEART: {"qat": {"learning_rate": "3e-4"}}}}, "number. YAML reads 1e-3 as text"),
        ({"sources": {HEART: {"qat": {"epochs": 0, "n_calibration": 0}}}}, "greater than 0. And 1 more"),
        ({"sources": {HEART: {"windows": {"remove_duplicates": "no"}}}}, "expected a valid boolean"),
        ({"sources": {HEART: {"ablation": {"epochs": [3, -1]}}}}, "ablation.epochs.1: got -1"),
        (fit(epoch=16), r"train\.fit: Parameter epoch does not exist in Training: did you mean epochs"),
        (fit(epochs="16"), r"train\.fit\.epochs: got '16', expected a valid integer"),
        (fit(label_smoothing=1), "label_smoothing: got 1, expected less than 1"),
        (fit(focal_gamma=float("inf")), "focal_gamma: got inf, expected a finite number"),
        ({"sources": {HEART: {"train": {"fit": None}}}}, "fit: got None"),
        ({"detectors": {"d": {"train": {"fit": {"loss": "l2"}}}}}, "loss: got 'l2', expected 'yolo_v1' or 'iou_aware'"),
        ({"missing": {"nobody": None}}, "nobody does not exist in studies, which missing names"),
        ({"missing": {"synthetic-emotion": {"early_fusion": "x"}}}, "x does not exist in early_fusion, which missing"),
        ({"reduction": [HEART]}, "reduction: synthetic-heart-emotion-loso is of heart, expected a source of face"),
        ({"sources": {}}, "sources: got {}"),
        ({"early_fusion": {"joint": None}}, "early_fusion.joint names no sources"),
        ({"early_fusion": {"joint": {"sources": ["x"]}}}, "sources, which early_fusion.joint names"),
        ({"detectors": {"d": {"classifier": "x"}}}, "x does not exist in sources, which detectors names"),
    ],
)
def test_a_mistake_in_a_config_is_one_line(part, said):
    with pytest.raises(BadParameter, match=said):
        check_config(copy.deepcopy(DEMO) | part)


@pytest.mark.parametrize(
    "windows, said",
    [
        ({"frontend": {"functionals": "no"}}, "functionals: got 'no', expected true or false"),
        ({"frontend": {"functionals": 1}}, "functionals: got 1, expected true or false"),
        ({"frontend": {"window_s": "8"}}, "window_s: got '8', expected a number"),
        ({"frontend": {"window_s": None}}, "window_s: got None, expected a number"),
        ({"frontend": {"n_mels": 40.0}}, "n_mels: got 40.0, expected a whole number"),
        ({"frontend": {"n_mells": 40}}, "did you mean n_mels"),
        ({"fold_options": {"n_val": True}}, "protocol loso: n_val: got True, expected a number"),
        ({"corpus_options": {"folder": "x"}}, "folder does not exist in the loader of emodb"),
    ],
)
def test_options_of_windows_have_types_too(windows, said):
    check_source(
        "emodb-speech-emotion7-loso", {"windows": {"frontend": {"fmax": None}, "fold_options": {"n_val": 0.2}}}
    )
    with pytest.raises(BadParameter, match=said):
        check_source("emodb-speech-emotion7-loso", {"windows": windows})


@pytest.mark.parametrize(
    "content, said", [(None, "No such file"), (b"a: [1\nb", "expected YAML"), (b"\xff", "expected YAML")]
)
def test_a_config_that_cannot_be_read_is_one_line(content, said, tmp_path, capsys):
    path = tmp_path / "config.yaml"
    if content:
        path.write_bytes(content)
    assert main(["config", str(path)]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"BadParameter: {path}: {said}")


def test_empty_parts_are_as_good_as_none_but_sources_must_be_there():
    empty = {"run": "x", "title": "x", "saliency": None, "studies": None, "cost": None}
    check_config(empty | {"sources": {HEART: None}})
    with pytest.raises(BadParameter, match="sources: missing: add it"):
        check_config(empty)


def test_the_reference_is_up_to_date():
    assert (PROJECT / "docs/config.md").read_text() == reference(), "emolib config > docs/config.md"
