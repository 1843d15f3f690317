"""One pipeline at a time in a folder, whose plan alone is written and read; the lock of a killed one is free."""

import subprocess
import sys

import pytest

from emolib.core.artifacts import Run
from emolib.core.errors import BadArtifact
from emolib.core.lock import hold, plan, this_process

NOTEBOOK = """
import pathlib, sys, time
from emolib.core.lock import end_with_pipeline
end_with_pipeline(pathlib.Path(sys.argv[1]), sys.argv[2])
print("runs", flush=True)
time.sleep(60)
"""


def started(code, *words):
    return subprocess.Popen([sys.executable, "-c", code, *words], stdout=subprocess.PIPE, text=True)


def test_a_notebook_of_another_plan_writes_nothing_and_is_not_read(tmp_path):
    old, new = (Run(tmp_path / "run", "02_train", {"epochs": n, "betas": (0.9, 0.99)}) for n in (1, 2))
    old.write_text("scores/a.txt", "1")
    with hold(tmp_path / "run") as file:
        with pytest.raises(BadArtifact, match="a pipeline makes this run with other parameters"):
            new.write_text("scores/a.txt", "2")  # nothing is planned yet
        plan(file, {"02_train": [{"epochs": 2, "betas": [0.9, 0.99]}]})
        new.branch({"fold": 0}).write_text("scores/a.txt", "2")
        with pytest.raises(BadArtifact, match=r"a.txt is not written: .* \(epochs\)"):
            old.branch({"fold": 0}).write_text("scores/a.txt", "1 again")
    assert (tmp_path / "run/scores/a.txt").read_text() == "2"
    old.write_text("scores/a.txt", "1 again")  # by hand, with no pipeline beside it
    reader = Run(tmp_path / "run", "03_quantize", {})
    with hold(tmp_path / "run") as file:  # what was made with other parameters is not read
        plan(file, {"02_train": [{"epochs": 2, "betas": [0.9, 0.99]}]})
        with pytest.raises(BadArtifact, match=r"\(epochs\): .*`make reproduce FORCE=train`"):
            reader.read("scores/a.txt")
        plan(file, {"02_train": [{"epochs": 1, "betas": [0.9, 0.99]}]})
        reader.read("scores/a.txt")


def test_nothing_is_written_from_inputs_that_were_written_again(tmp_path):
    first, second = Run(tmp_path, "01_windows", {}), Run(tmp_path, "02_train", {})
    first.write_text("data.txt", "1")
    second.read("data.txt")
    second.write_text("scores.txt", "1")
    first.write_text("data.txt", "2")
    with pytest.raises(BadArtifact, match="data.txt was written again .* Run 02_train from its start"):
        second.write_text("scores.txt", "2")
    assert (tmp_path / "scores.txt").read_text() == "1"


def test_a_notebook_runs_as_long_as_its_pipeline(tmp_path):
    with hold(tmp_path / "run") as pipeline, started(NOTEBOOK, tmp_path / "run", this_process()) as process:
        assert process.stdout.readline() == "runs\n" and process.poll() is None
        pipeline.close()
        assert process.wait(20) == 1
    with started(NOTEBOOK, tmp_path / "run", this_process()) as process:
        assert process.wait(20) == 1 and process.stdout.read() == ""  # it has ended
    with hold(tmp_path / "run"), started(NOTEBOOK, tmp_path / "run", f"{this_process()}0") as process:
        assert process.wait(20) == 1 and process.stdout.read() == ""  # another one makes it
