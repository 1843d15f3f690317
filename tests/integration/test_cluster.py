"""A pipeline that is disturbed makes what an undisturbed one makes.

On a SLURM of two nodes on loopback one node goes down. On one machine kill -9 comes at random moments, as often as EMOLIB_KILLS
says.
"""

import os
import random
import shutil
import signal
import time

import pytest
import slurm
from test_pipeline import EEG, HEART, STEPS, started

from emolib.core.artifacts import check, sidecar

SOURCES = [HEART, EEG]
STEPS = STEPS | {"train": {"fit": {"epochs": 4}}}
CONFIG = {
    "run": "tiny",
    "title": "tiny run",
    "sources": dict.fromkeys(SOURCES, STEPS),
    "studies": {"both": {"sources": SOURCES, "task": "emotion"}},
}
OTHER = STEPS | {"windows": STEPS["windows"] | {"frontend": {"hop_s": 3.0}}, "train": {"fit": {"epochs": 6}}}
TARGETS = ["rows/both-fusion.csv", "scores/both-fusion.npz"]
TARGETS += [f"data/{name}{end}.npz" for name in SOURCES for end in ("", "-folds")]
TARGETS += [f"scores/{name}{end}.npz" for name in SOURCES for end in ("", "-keras")]
CLUSTER = ["--profile", "config/slurm", "--slurm-status-command", "squeue"]
CLUSTER += ["--slurm-init-seconds-before-status-checks", "2"]
FOLDS = 4 * len(SOURCES)
WAIT_S = 400
PARTS = ("data", "models", "scores", "rows", "tables")
N_KILLS = int(os.environ.get("EMOLIB_KILLS", "1"))
LONGEST_S = 25.0  # from the start of a run to its kill


def start(folder, *options, config=CONFIG, environment=os.environ):
    """Snakemake up to the fused scores, and all before them, with its results below `folder`."""
    targets = [f"{folder}/tiny/{name}" for name in TARGETS]
    return started(folder, config, *targets, *options, environment=environment)


def ended(process):
    output = process.communicate(timeout=WAIT_S)[0]
    assert process.returncode == 0, output[-3000:]


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
    ended(start(folder))
    return folder


def assert_same(folder, expected):
    found, expected = made(folder), made(expected)
    assert [name for name in expected if found.get(name) != expected[name]] == []
    assert found.keys() == expected.keys()


@pytest.mark.skipif(bool(slurm.missing()), reason=slurm.missing())
def test_a_cluster_of_which_a_node_goes_down_makes_what_one_machine_makes(here, tmp_path):
    """A job a source, on both nodes; that of the lost node goes to the other, and loses no fold."""
    with slurm.Cluster(tmp_path / "slurm") as cluster:
        process = start(tmp_path, *CLUSTER, environment=cluster.environment)
        try:
            end = time.monotonic() + WAIT_S
            while len(trained(tmp_path)) < 2 and process.poll() is None and time.monotonic() < end:
                time.sleep(0.2)
            before, jobs = trained(tmp_path), cluster.jobs()
            busy = [node for state, node in jobs if state == "RUNNING"]
            cluster.lose(busy[0])
            ended(process)
            after, jobs = trained(tmp_path), cluster.jobs()
        finally:
            process.kill()
    assert sorted(busy) == ["n1", "n2"] and {node for _, node in jobs} == set(busy[1:])
    assert len(jobs) == len(SOURCES) + 1 and {state for state, _ in jobs} == {"COMPLETED"}
    assert 2 <= len(before) < FOLDS == len(after) and before.items() <= after.items()
    assert len(made(here)) > 30
    assert_same(tmp_path, here)


def test_notebooks_of_a_killed_snakemake_do_not_mix_their_numbers_into_the_next_run(here, tmp_path):
    rng, n_killed = random.Random(1), 0
    while n_killed < N_KILLS:
        process = start(tmp_path, config=CONFIG | {"sources": dict.fromkeys(SOURCES, OTHER)})
        time.sleep(rng.uniform(4, LONGEST_S))
        n_killed += process.poll() is None
        process.kill()  # it alone
        process.wait()
        ended(start(tmp_path))
        assert_same(tmp_path, here)


def test_killed_runs_complete_with_the_same_results(here, tmp_path):
    rng, n_killed, whole = random.Random(0), 0, {}
    while n_killed < N_KILLS:
        process = start(tmp_path)
        end = time.monotonic() + rng.uniform(2, LONGEST_S / 2)  # each goes on where the one before was killed
        while process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            n_killed += 1
        else:  # it was complete before its moment came: from the start again
            shutil.rmtree(tmp_path / "tiny")
        process.wait()
        whole = trained(tmp_path)
    ended(start(tmp_path))
    assert_same(tmp_path, here)
    assert whole.items() <= trained(tmp_path).items()
    for path in (tmp_path / "tiny").rglob("*"):
        assert not path.name.startswith(".")  # nothing half written is left
        if path.is_file() and sidecar(path).is_file():
            check(path)
