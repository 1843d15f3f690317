"""kill -9 at random moments of the pipeline, as often as EMOLIB_KILLS says: the next run gives what an undisturbed one gives."""

import os
import random
import shutil
import signal
import time

import pytest
from test_cluster import CONFIG, SOURCES, STEPS, made, start

from emolib.core.artifacts import check, sidecar

N_KILLS = int(os.environ.get("EMOLIB_KILLS", "4"))
LONGEST_S = 25.0  # from the start of a run to its kill
OTHER = STEPS | {
    "windows": STEPS["windows"] | {"frontend": {"hop_s": 3.0}},
    "train": {"fit": {"epochs": 6}},
}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    assert start(folder, "--cores", "2").wait() == 0
    return made(folder)


def assert_same(found, expected):
    assert [name for name in expected if found.get(name) != expected[name]] == []
    assert found.keys() == expected.keys()


def test_notebooks_of_a_killed_snakemake_do_not_mix_their_numbers_into_the_next_run(undisturbed, tmp_path):
    rng, n_killed = random.Random(1), 0
    other = CONFIG | {"sources": dict.fromkeys(SOURCES, OTHER)}
    while n_killed < N_KILLS:
        process = start(tmp_path, "--cores", "2", config=other)
        time.sleep(rng.uniform(4, LONGEST_S))
        n_killed += process.poll() is None
        process.kill()  # it alone
        process.wait()
        assert start(tmp_path, "--cores", "2").wait() == 0, (tmp_path / "log").read_text()[-3000:]
        assert_same(made(tmp_path), undisturbed)


def test_killed_runs_complete_with_the_same_results(undisturbed, tmp_path):
    rng, n_killed = random.Random(0), 0
    while n_killed < N_KILLS:
        process = start(tmp_path, "--cores", "2", start_new_session=True)
        end = time.monotonic() + rng.uniform(2, LONGEST_S)
        while process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            n_killed += 1
        else:  # it was complete before its moment came: from the start again
            shutil.rmtree(tmp_path / "tiny")
        process.wait()
    assert start(tmp_path, "--cores", "2").wait() == 0, (tmp_path / "log").read_text()[-3000:]
    assert_same(made(tmp_path), undisturbed)
    for path in (tmp_path / "tiny").rglob("*"):
        assert not path.name.startswith(".")  # nothing half written is left
        if path.is_file() and sidecar(path).is_file():
            check(path)
