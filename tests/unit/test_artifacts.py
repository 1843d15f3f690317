"""Artifacts: whole or absent, and read only as they were written."""

import json
import subprocess
import sys

import numpy as np
import pytest

from emolib.core.artifacts import Run, check, sidecar
from emolib.core.errors import BadArtifact


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path, "02_train", {"seed": 3})


def test_a_failed_write_leaves_nothing(run):
    with pytest.raises(ZeroDivisionError), run.write("models/x.bin") as path:
        path.write_bytes(b"half")
        1 / 0  # noqa: B018
    assert not [path for path in run.folder.rglob("*") if path.is_file()]


def test_a_failed_write_keeps_the_artifact_of_before(run):
    run.write_text("x.txt", "whole")
    with pytest.raises(ZeroDivisionError), run.write("x.txt") as path:
        path.write_text("half")
        1 / 0  # noqa: B018
    assert run.read("x.txt").read_text() == "whole"


def test_what_a_killed_write_left_is_removed(run):
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    (run.folder / f".x-{done.pid}-abcd1234.txt").write_text("half")
    (run.folder / f".x-y-{done.pid}-abcd1234.txt").write_text("of another artifact")
    run.write_text("x.txt", "whole")
    assert sorted(path.name for path in run.folder.glob(".*")) == [f".x-y-{done.pid}-abcd1234.txt"]


def test_two_writers_of_one_artifact_do_not_disturb_each_other(run):
    with run.write("x.txt") as first, run.write("x.txt") as second:
        first.write_text("one")
        second.write_text("two")
    assert run.read("x.txt").read_text() == "one"


def test_a_branch_has_inputs_of_its_own(run):
    for name in ("a.txt", "b.txt", "c.txt"):
        run.write_text(name, name)
    run.read("a.txt")
    one, other = run.branch(), run.branch()
    one.read("b.txt")
    other.read("c.txt")
    assert set(one.inputs) == {"a.txt", "b.txt"} and set(other.inputs) == {"a.txt", "c.txt"}
    assert set(run.inputs) == {"a.txt"}


def test_commits_are_those_of_an_artifact_and_of_all_it_is_made_from(run):
    for name, commit in (("a.txt", "aaa"), ("b.txt", "bbb+"), ("c.txt", "ccc")):
        with run.write(name, commit=commit) as path:
            path.write_text(name)
        run.read(name)
    assert run.commits(["a.txt"]) == {"aaa"} and run.commits(["c.txt"]) == {"aaa", "bbb+", "ccc"}


def test_the_sidecar_says_where_it_comes_from(run):
    run.write_arrays("data/a.npz", x=np.arange(3))
    run.read("data/a.npz")
    run.write_json("b.json", {"a": 1})
    record = json.loads(sidecar(run.folder / "b.json").read_text())
    assert record["notebook"] == "02_train" and record["parameters"] == {"seed": 3}
    assert record["inputs"] == {"data/a.npz": check(run.folder / "data/a.npz")}
    assert record["versions"]["numpy"] == np.__version__


def test_missing_and_altered_artifacts_are_named(run):
    with pytest.raises(BadArtifact, match="x.txt is missing: run the notebooks before"):
        run.read("x.txt")
    run.write_text("x.txt", "one")
    (run.folder / "x.txt").write_text("two")
    with pytest.raises(BadArtifact, match="x.txt was altered after it was written"):
        run.read("x.txt")


def test_arrays_load_no_pickles(run):
    with run.write("x.npz") as path:
        np.savez(path, x=np.array([{}], dtype=object))
    with pytest.raises(BadArtifact, match="x.npz is damaged .*allow_pickle"):
        run.arrays("x.npz")


def test_only_the_same_work_is_current(run, tmp_path):
    run.write_text("in.txt", "1")
    run.read("in.txt")
    run.write_text("out.txt", "x")
    assert run.is_current("out.txt")
    other = Run(tmp_path, "02_train", {"seed": 4})
    other.read("in.txt")
    assert not other.is_current("out.txt")
    run.write_text("in.txt", "2")
    again = Run(tmp_path, "02_train", {"seed": 3})
    again.read("in.txt")
    assert not again.is_current("out.txt") and not again.is_current("never.txt")


def test_inputs_read_later_count_too(run, tmp_path):
    """A file that was made from an input which this process has not read yet."""
    run.write_text("in.txt", "1")
    run.read("in.txt")
    run.write_text("out.txt", "x")
    assert Run(tmp_path, "02_train", {"seed": 3}).is_current("out.txt")
    run.write_text("in.txt", "2")
    assert not Run(tmp_path, "02_train", {"seed": 3}).is_current("out.txt")
