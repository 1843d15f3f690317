"""A tiny run of the whole pipeline: two modalities, four subjects, two epochs."""

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import yaml

from emolib.__main__ import main
from emolib.core.artifacts import Run, sidecar
from emolib.core.experiment import INT8
from emolib.core.paths import PROJECT
from emolib.datasets import fingerprint
from emolib.device.bundle import Bundle
from emolib.fusion.reliability import statistics
from emolib.report import results
from emolib.studies.fusion.study import Study
from emolib.studies.missing.methods import score_level
from emolib.studies.missing.streams import Streams

HEART, EEG = (f"synthetic-{modality}-emotion-loso" for modality in ("heart", "eeg"))
STEPS = {
    "windows": {"corpus_options": {"n_subjects": 4, "n_trials": 8}, "fold_options": {"n_val": 1}},
    "train": {"fit": {"epochs": 2}},
    "quantize": {"n_calibration": 20},
}
SIDE_STEPS = {  # that the demo run makes
    "ablation": {"optimizers": ["adam"], "losses": ["focal"]},
    "clipping": {"percentiles": [99.0]},
    "mixed": {"n_random": 2},
    "qat": {"epochs": 1},
    "npu": {"accelerators": ["ethos-u55-128"]},
    "subject_calibration": {"baseline_s": 8.0},
}
JOINT = {"fit": {"epochs": 1}, "n_calibration": 20, "bits": ["feature"], "n_samples": 2}
CONFIG = {
    "run": "tiny",
    "title": "tiny run",
    "sources": {HEART: STEPS, EEG: STEPS},
    "studies": {"tiny": {"sources": [HEART, EEG], "task": "emotion"}},
    "missing": {"tiny": {"snrs_db": [0], "trials_per_person": 2, "early_fusion": "joint"}},
    "early_fusion": {"joint": {"sources": [HEART, EEG], **JOINT}},
    "latency": {"repeats": 10, "stream_s": 2},
}
FOLDERS = ("data", "models", "scores", "rows", "tables", "figures")
PAPERMILL = Path(sys.executable).with_name("papermill")


def started(folder: Path, config: dict, *options: str, environment=os.environ) -> subprocess.Popen:
    """The pipeline with its results below `folder`, in a process group of its own."""
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "--configfile", str(path), "--cores", "2", "--nolock"]
    command += ["--rerun-incomplete", *options]
    environment = {**environment, "EMOLIB_RESULTS": str(folder)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=PROJECT, env=environment, start_new_session=True, **pipes)


def snakemake(folder: Path, config: dict, *options: str) -> tuple[int, str]:
    """Exit status and output of the pipeline."""
    process = started(folder, config, *options)
    output = process.communicate()[0]
    return process.returncode, output


def planned(folder: Path, config: dict) -> dict[str, int]:
    """How many jobs of each rule a call of the pipeline would run."""
    status, output = snakemake(folder, config, "-n", "--quiet", "rules")
    assert status == 0, output
    return {rule: int(n) for rule, n in re.findall(r"^(\w+) +(\d+)$", output, re.MULTILINE)}


def papermill(folder: Path, notebook: str, **given) -> tuple[int, str]:
    """Exit status and last line of a bare papermill call."""
    command = [PAPERMILL, f"notebooks/{notebook}.ipynb", folder / "out.ipynb", "--no-progress-bar"]
    command += ["-y", json.dumps({"run": "tiny", **given})]
    environment = {**os.environ, "EMOLIB_RESULTS": str(folder)}
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True)
    return done.returncode, (done.stderr.strip().splitlines() or [""])[-1]


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    """Folder of a run that was made by two calls at once, and what each printed."""
    folder = tmp_path_factory.mktemp("results")
    calls = [started(folder, CONFIG) for _ in range(2)]
    with ThreadPoolExecutor() as pool:  # one waits for the other: neither may wait for its output to be read
        outputs = [output for output, _ in pool.map(subprocess.Popen.communicate, calls)]
    assert [call.returncode for call in calls] == [0, 0], outputs[0][-3000:] + outputs[1][-3000:]
    return folder / "tiny", outputs


@pytest.fixture(scope="module")
def run(twice):
    """Folder of the run, completed."""
    return twice[0]


def test_of_two_runs_at_once_one_waits_and_every_artifact_has_a_sidecar(twice, run):
    first, second = sorted(twice[1], key=lambda output: "waiting for its end" in output)
    assert "waiting for its end" not in first
    assert (twice[0] / "headline.txt").read_text().strip() in first
    assert re.search(r"tiny is being made by process \d+: waiting for its end", second)
    assert "Nothing to be done" in second
    files = [path for part in FOLDERS for path in (run / part).rglob("*") if path.is_file()]
    artifacts = [path for path in files if not (path.suffix == ".json" and path.with_suffix("").exists())]
    assert len(artifacts) > 60
    for path in artifacts:
        record = json.loads(sidecar(path).read_text())
        assert record["notebook"] and record["commit"] is not None and "seed" in record["parameters"], path


HEARTS = {"modality": "heart", "condition": "", "model": ""}


def test_results_and_report_of_every_method_in_every_condition(run):
    table = results.read(run / "results.csv")
    for variant in ("float32", "dynamic", "int8"):
        found = results.one(table, metric="uar", variant=variant, **HEARTS)
        assert 0 <= found.low <= found.value <= found.high <= 1 and found.people == "4"
        assert (run / found.artifact).exists()
    for wanted in (
        {"metric": "uar", "variant": "majority"},
        {"metric": "chance_p", "variant": "keras"},
        {"metric": "auc", "variant": "float32"},
        {"metric": "runtime", "device": "apollo3", "how": "modelled"},
        {"metric": "latency_p95", "variant": "int8"},
    ):
        assert len(results.pick(table, **HEARTS, **wanted)) == 1, wanted
    assert all(results.cell(row) for _, row in table.iterrows()) and (table.commit != "").all()
    page = (run / "report.html").read_text()
    assert "Synthetic data" in page and "http" not in page.split("<body>")[1]
    n_answers = len(list(run.glob("rows/*.csv"))) - 1  # the report's own is the page
    assert page.count('class="answer"') == n_answers
    both = {"modality": "heart+eeg", "metric": "uar"}
    for model in ("feature", "hybrid"):
        conditions = set(results.pick(table, modality="heart+eeg", model=model).condition)
        assert {"", "any one missing"} <= conditions and len(conditions) > 5, conditions
    assert len(results.pick(table, variant="weighted", condition="", model="", **both)) == 1
    assert len(results.pick(table, variant="reliability", condition="any one missing")) > 0
    weights = results.pick(table, model="feature", metric="weight_bytes").set_index("variant").value
    assert weights["int4"] < weights["mixed"] < weights["uniform_int8"]


def test_a_bundle_fuses_as_the_fusion_lab_does(run, tmp_path):
    assert main(["export", str(run), "--out", str(tmp_path / "bundle")]) == 0
    bundle, results, names = Bundle(tmp_path / "bundle"), Run(run, "test", {}), (HEART, EEG)
    study = Study.load(results, names, "emotion", "same_trials", 10, INT8, 0)
    streams = Streams.open(results, study, INT8)
    expected = score_level(study.paired)["reliability"](0, streams.clean[0])
    fusion, pipelines = bundle.fusion(names), [bundle.pipeline(name) for name in names]
    for trial, scores in enumerate(expected):
        votes = {}
        for pipeline, sensed in zip(pipelines, streams.clean[0].values(), strict=True):
            X = pipeline.standardiser(sensed.X[sensed.at == trial])
            votes[pipeline.source] = fusion.members[pipeline.source].vote(pipeline.scores(X), statistics(X))
        np.testing.assert_allclose(fusion.fuse(votes)[0], scores, atol=1e-5)
    assert len(expected) >= 4


def test_scores_of_every_subject_come_from_a_fold_that_tests_it(run):
    with np.load(run / f"scores/{EEG}.npz") as arrays:
        columns = (arrays[name].tolist() for name in ("part", "fold", "subject"))
        found = set(zip(*columns, strict=True))
    test, val = ({row[1:] for row in found if row[0] == part} for part in ("test", "val"))
    assert len(test) == 4 == len({subject for _, subject in test}) and not test & val


def calls(folder: Path, config: dict) -> dict[str, dict]:
    """Parameters of each notebook in the calls of papermill, as a dry run prints them."""
    status, output = snakemake(folder, config, "-n", "--printshellcmds")
    assert status == 0, output
    found = re.findall(r"papermill .*/(\w+)-\S*\.ipynb'? .*-y '(.*?)' >", output)
    return {notebook: json.loads(parameters) for notebook, parameters in found}


def test_side_steps_get_their_parameters(tmp_path):
    parts = {"compression": [HEART], "subject_calibration": [HEART]}
    given = calls(tmp_path, CONFIG | parts | {"sources": {HEART: STEPS | SIDE_STEPS, EEG: STEPS}})
    for step, expected in SIDE_STEPS.items():
        [told] = [told for notebook, told in given.items() if notebook.endswith(f"_{step}")]
        assert {"run": "tiny", "modality": "heart", "protocol": "loso", **expected}.items() <= told.items()
    assert given["02a_ablation"]["fit"] == STEPS["train"]["fit"]


def test_what_is_missing_or_changed_is_made_again_and_nothing_else(run):
    """As after a kill at the start of its notebook: Snakemake removes what that will write."""
    missing = run / f"scores/{HEART}-keras.npz"
    missing.rename(run / "away")
    try:
        assert planned(run.parent, CONFIG)["train"] == 1
    finally:
        (run / "away").rename(missing)
    jobs = planned(run.parent, CONFIG | {"studies": {"tiny": CONFIG["studies"]["tiny"] | {"rule": "mean"}}})
    assert jobs["fusion"] == jobs["report"] == 1 and not {"windows", "train", "quantize", "cost"} & {*jobs}


def test_what_is_wrong_in_a_bare_papermill_is_one_line(run, tmp_path):
    status, line = papermill(tmp_path, "01_windows", modalty="eeg")
    assert status != 0 and line.startswith("BadParameter: Parameter modalty does not exist")
    assert "did you mean modality?" in line and not (tmp_path / "tiny").exists()
    shutil.copytree(run / "scores", tmp_path / "tiny/scores")
    with open(tmp_path / f"tiny/scores/{EEG}.npz", "ab") as file:
        file.write(b"0")
    status, line = papermill(tmp_path, "04_fusion", sources=[HEART, EEG])
    assert status != 0 and line.startswith("BadArtifact:") and f"{EEG}.npz was altered" in line
    assert not list(tmp_path.glob("tiny/tables/*"))


def test_conversion_goes_on_at_the_fold_that_is_not_whole(run, tmp_path):
    shutil.copytree(run, tmp_path / "tiny")
    files = sorted((tmp_path / f"tiny/models/{EEG}").glob("*.tflite"))
    written = {path: path.stat().st_mtime_ns for path in files}
    damaged = files[4]
    damaged.write_bytes(damaged.read_bytes()[:-1])
    status, line = papermill(tmp_path, "03_quantize", modality="eeg", n_calibration=20)
    assert status == 0, line
    again = {path for path in files if path.stat().st_mtime_ns != written[path]}
    assert again == {damaged} and len(files) == 12
    inputs = {name for name in json.loads(sidecar(damaged).read_text())["inputs"] if "models" in name}
    fold = f"models/{EEG}/{damaged.name.split('-')[0]}"
    assert inputs == {f"{fold}.keras", f"{fold}.json"}


def test_what_is_wrong_in_a_config_stops_the_pipeline_before_it_starts(tmp_path):
    config = {"run": "tiny", "title": "tiny", "sources": {HEART: {"train": {"fit": {"epoch": 3}}}}}
    status, output = snakemake(tmp_path, config, "-n")
    assert status != 0 and "Parameter epoch does not exist in Training" in output
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize("path", sorted((PROJECT / "config").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_config_that_is_shipped_can_be_planned(path, tmp_path):
    assert planned(tmp_path, yaml.safe_load(path.read_text()))["report"] == 1


def test_the_files_of_a_corpus_are_a_parameter_of_its_notebooks(tmp_path, monkeypatch):
    """So new recordings make their windows again."""
    monkeypatch.setenv("EMOLIB_DATA", str(tmp_path))
    (tmp_path / "own").mkdir()
    (tmp_path / "own/labels.csv").write_text("trial,subject,label\na,ann,calm\nb,ben,tense\n")
    given = calls(tmp_path, {"run": "own run", "title": "own", "sources": {"own-heart-emotion-loso": {}}})
    assert given["01_windows"]["fingerprint"] == fingerprint("own") != ""
