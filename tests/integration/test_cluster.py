"""A pipeline that is disturbed makes what an undisturbed one makes.

On a SLURM of two nodes on loopback one node dies. On one machine kill -9 comes at random moments, as often as EMOLIB_KILLS
says.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest
import slurm
import yaml

from emolib.core.artifacts import check, sidecar
from emolib.core.paths import PROJECT

on_slurm = pytest.mark.skipif(bool(slurm.missing()), reason=slurm.missing())
SOURCES = [f"synthetic-{modality}-emotion-loso" for modality in ("heart", "eeg")]
STEPS = {
    "windows": {"corpus_options": {"n_subjects": 4, "n_trials": 8}, "fold_options": {"n_val": 1}},
    "train": {"fit": {"epochs": 4}},
    "quantize": {"n_calibration": 20},
}
CONFIG = {
    "run": "tiny",
    "title": "tiny run",
    "sources": dict.fromkeys(SOURCES, STEPS),
    "studies": {"both": {"sources": SOURCES, "task": "emotion"}},
}
TARGETS = ["rows/both-fusion.csv", "scores/both-fusion.npz"]
TARGETS += [f"data/{name}{end}.npz" for name in SOURCES for end in ("", "-folds")]
TARGETS += [f"scores/{name}{end}.npz" for name in SOURCES for end in ("", "-keras")]
CLUSTER = ["--profile", "config/slurm", "--slurm-status-command", "squeue"]
CLUSTER += ["--slurm-init-seconds-before-status-checks", "2"]
FOLDS = 4 * len(SOURCES)
WAIT_S = 400
PARTS = ("data", "models", "scores", "rows", "tables")
N_KILLS = int(os.environ.get("EMOLIB_KILLS", "2"))
LONGEST_S = 25.0  # from the start of a run to its kill
OTHER = STEPS | {"windows": STEPS["windows"] | {"frontend": {"hop_s": 3.0}}, "train": {"fit": {"epochs": 6}}}


def start(folder, *options, environment=None, config=None, **process):
    """Snakemake up to the fused scores, and all before them, with its results below `folder`; process: options of its Popen."""
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config or CONFIG))
    command = [sys.executable, "-m", "snakemake", *(f"{folder}/tiny/{name}" for name in TARGETS), "--nolock"]
    command += ["--rerun-incomplete", "--configfile", f"{folder}/config.yaml", *options]
    environment = {**(environment or os.environ), "EMOLIB_RESULTS": str(folder)}
    with (folder / "log").open("w") as log:
        return subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=log, stderr=log, **process)


def ended(process, folder):
    assert process.wait(WAIT_S) == 0, (folder / "log").read_text()[-3000:]


def trained(folder):
    """The folds that are whole, and when each was written."""
    return {path: path.stat().st_mtime_ns for path in folder.glob("tiny/models/*/fold??.json.json")}


def made(folder):
    """What a run made, byte for byte, but for what holds a time."""
    run, found = folder / "tiny", {}
    for path in (path for part in PARTS for path in run.glob(f"{part}/**/*") if path.is_file()):
        is_sidecar = path.suffix == ".json" and path.with_suffix("").exists()
        if not is_sidecar and path.suffix != ".keras":  # it says when it was written
            found[str(path.relative_to(run))] = path.read_bytes()
    return found


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """Folder of the run on this machine alone."""
    folder = tmp_path_factory.mktemp("here")
    ended(start(folder, "--cores", "2"), folder)
    return folder


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """Folder of the run on the cluster, jobs, and the folds that were whole when a node that had work died."""
    folder = tmp_path_factory.mktemp("there")
    with slurm.Cluster(folder / "slurm") as cluster:
        process = start(folder, *CLUSTER, environment=cluster.environment)
        try:
            end = time.monotonic() + WAIT_S
            while len(trained(folder)) < 2 and process.poll() is None and time.monotonic() < end:
                time.sleep(0.2)
            before, jobs = trained(folder), cluster.jobs()
            busy = [node for _, state, node in jobs if state == "RUNNING"]
            cluster.kill(busy[0])
            ended(process, folder)
            return folder, before, busy, cluster.jobs()
        finally:
            process.kill()


@on_slurm
def test_a_node_that_dies_gives_its_job_away_and_loses_no_fold(there):
    """A job a source, on both nodes."""
    folder, before, busy, jobs = there
    assert sorted(busy) == ["n1", "n2"]
    assert len(jobs) == len(SOURCES) + 1 and {state for _, state, _ in jobs} == {"COMPLETED"}
    assert {node for *_, node in jobs} == set(busy[1:])
    after = trained(folder)
    assert 2 <= len(before) < FOLDS == len(after) and before.items() <= after.items()


@on_slurm
def test_a_cluster_makes_what_one_machine_makes(here, there):
    assert len(made(here)) > 30
    assert_same(there[0], here)


def assert_same(folder, expected):
    found, expected = made(folder), made(expected)
    assert [name for name in expected if found.get(name) != expected[name]] == []
    assert found.keys() == expected.keys()


def test_notebooks_of_a_killed_snakemake_do_not_mix_their_numbers_into_the_next_run(here, tmp_path):
    rng, n_killed = random.Random(1), 0
    while n_killed < N_KILLS:
        process = start(tmp_path, "--cores", "2", config=CONFIG | {"sources": dict.fromkeys(SOURCES, OTHER)})
        time.sleep(rng.uniform(4, LONGEST_S))
        n_killed += process.poll() is None
        process.kill()  # it alone
        process.wait()
        ended(start(tmp_path, "--cores", "2"), tmp_path)
        assert_same(tmp_path, here)


def test_killed_runs_complete_with_the_same_results(here, tmp_path):
    rng, n_killed = random.Random(0), 0
    while n_killed < N_KILLS:
        process = start(tmp_path, "--cores", "2", start_new_session=True)
        end = time.monotonic() + rng.uniform(2, LONGEST_S / 2)  # each goes on where the one before was killed
        while process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            n_killed += 1
        else:  # it was complete before its moment came: from the start again
            shutil.rmtree(tmp_path / "tiny")
        process.wait()
    ended(start(tmp_path, "--cores", "2"), tmp_path)
    assert_same(tmp_path, here)
    for path in (tmp_path / "tiny").rglob("*"):
        assert not path.name.startswith(".")  # nothing half written is left
        if path.is_file() and sidecar(path).is_file():
            check(path)
