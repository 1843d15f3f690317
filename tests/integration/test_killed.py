"""kill -9 at random moments of the pipeline, as often as EMOLIB_KILLS says: the next run completes it, with the same results."""

import os
import random
import shutil
import signal
import time

import pytest
from test_cluster import made, start

from emolib.artifacts import check, sidecar

N_KILLS = int(os.environ.get("EMOLIB_KILLS", "4"))
LONGEST_S = 25.0  # from the start of a run to its kill


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    assert start(folder, "--cores", "2").wait() == 0
    return made(folder)


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
    found = made(tmp_path)
    assert [name for name in undisturbed if found.get(name) != undisturbed[name]] == []
    assert found.keys() == undisturbed.keys()
    for path in (tmp_path / "tiny").rglob("*"):
        assert not path.name.startswith(".")  # nothing half written is left
        if path.is_file() and sidecar(path).is_file():
            check(path)
