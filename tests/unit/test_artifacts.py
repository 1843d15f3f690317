"""Artifacts: whole or absent, and read only as they were written."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from emolib.__main__ import main
from emolib.core.artifacts import Run, damage, record_of, sidecar
from emolib.core.errors import BadArtifact


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path, "02_train", {"seed": 3})


def test_a_failed_write_leaves_what_was_there_before(run):
    for before in ([], ["x.txt", "x.txt.json"]):
        with pytest.raises(ZeroDivisionError), run.write("x.txt") as path:
            path.write_text("half")
            1 / 0  # noqa: B018
        assert sorted(path.name for path in run.folder.iterdir()) == before
        run.write_text("x.txt", "whole")
    assert run.read("x.txt").read_text() == "whole"


def test_what_a_killed_write_left_is_removed(run):
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    (run.folder / f".x-{done.pid}-abcd1234.txt").write_text("half")
    (run.folder / f".x-y-{done.pid}-abcd1234.txt").write_text("of another artifact")
    run.write_text("x.txt", "whole")
    assert [path.name for path in run.folder.glob(".*")] == [f".x-y-{done.pid}-abcd1234.txt"]


def test_a_branch_has_inputs_and_parameters_of_its_own(run):
    run.write_text("a.txt", "a")
    run.branch().read("a.txt")
    run.branch({"fold": 1}).write_text("b.txt", "b")
    assert run.inputs == {} and record_of(run.folder / "b.txt")["parameters"] == {"fold": 1}


def test_the_sidecar_says_where_it_comes_from(run):
    for name, commit in (("a.txt", "aaa"), ("b.txt", "bbb+"), ("c.txt", "ccc")):
        with run.write(name, commit=commit) as path:
            path.write_text(name)
        run.read(name)
    record = record_of(run.folder / "b.txt")
    assert record["notebook"] == "02_train" and record["parameters"] == {"seed": 3}
    assert record["inputs"] == {"a.txt": record_of(run.folder / "a.txt")["sha256"]}
    assert record["versions"]["numpy"] == np.__version__
    assert run.commits(["a.txt"]) == {"aaa"} and run.commits(["c.txt"]) == {"aaa", "bbb+", "ccc"}


def test_missing_and_altered_artifacts_are_named(run):
    with pytest.raises(BadArtifact, match="x.txt is missing"):
        run.read("x.txt")
    run.write_text("x.txt", "one")
    (run.folder / "x.txt").write_text("two")
    with pytest.raises(BadArtifact, match="x.txt was altered after it was written"):
        run.read("x.txt")


def test_only_the_same_work_is_current(run, tmp_path):
    run.write_text("in.txt", "1")
    run.read("in.txt")
    run.write_text("out.txt", "x")
    again = Run(tmp_path, "02_train", {"seed": 3})
    assert again.is_current("out.txt"), "also of inputs that this process has not read yet"
    assert not again.is_current("never.txt") and not again.is_current("out.txt", calibration=[1])
    assert not Run(tmp_path, "02_train", {"seed": 4}).is_current("out.txt")
    run.write_text("in.txt", "2")
    assert not again.is_current("out.txt")


def test_damage_is_found_in_an_artifact_and_in_its_sidecar_and_old_sidecars_are_read(run, capsys):
    for name in ("a.txt", "b.txt", "c.txt"):
        run.write_text(name, name)
    assert damage(run.folder) == damage(run.folder, whole=True) == []
    beside = sidecar(run.folder / "a.txt")
    record = json.loads(beside.read_text())
    beside.write_text(json.dumps(record | {"commit": "0" * 40}))
    with pytest.raises(BadArtifact, match="a.txt.json was altered"):
        run.read("a.txt")
    (run.folder / "b.txt").write_text("altered")
    quiet = sidecar(run.folder / "c.txt").stat()
    (run.folder / "c.txt").write_text("C.txt")
    os.utime(run.folder / "c.txt", ns=(quiet.st_atime_ns, quiet.st_mtime_ns))  # as a disk alters it
    assert [line.split(" ")[0].split("/")[-1] for line in damage(run.folder)] == ["a.txt.json", "b.txt"]
    assert main(["check", str(run.folder)]) == 1
    assert capsys.readouterr().out.count("was altered") == 3
    del record["self"]
    beside.write_text(json.dumps(record))
    assert run.read("a.txt").read_text() == "a.txt"
