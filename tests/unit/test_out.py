"""The folder of --out is whole at any moment, there or beside."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from emolib.core.errors import BadParameter, exit_status
from emolib.core.out import check_out, replaced
from emolib.core.paths import PROJECT

FILES = ("a", "b")
WRITE = """
import os, signal, sys
from pathlib import Path
from emolib.core.out import check_out, replaced
out, left = Path(sys.argv[1]), [int(sys.argv[2])]
def end(event, arguments):
    if event in ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir") and str(out.parent) in str(arguments):
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(end)
with replaced(check_out(out, lambda folder: "ab")) as folder:
    for name in "ab":
        (folder / name).write_text("new")
"""


def write(out, text):
    with replaced(check_out(out, lambda folder: FILES)) as folder:
        for name in FILES:
            (folder / name).write_text(text)


def texts(folder):
    return [(folder / name).read_text() for name in FILES if (folder / name).exists()]


def test_a_kill_at_any_moment_leaves_a_whole_folder(tmp_path):
    found = []
    for moment in range(1, 99):
        folder = tmp_path / str(moment)
        write(folder / "out", "old")
        command = [sys.executable, "-c", WRITE, str(folder / "out"), str(moment)]
        status = subprocess.run(command, cwd=PROJECT).returncode
        whole = [texts(path) for path in (folder / "out", *folder.glob(".*/old"))]
        assert ["old"] * 2 in whole or ["new"] * 2 in whole, (moment, whole)
        found.append((folder / "out").exists() and texts(folder / "out")[0])
        check_out(folder / "out", lambda folder: FILES)
        assert [path.name for path in folder.iterdir()] == ["out"] and len(texts(folder / "out")) == 2
        if status == 0:
            break
        assert status == -signal.SIGKILL
    assert found == sorted(found, key=["old", False, "new"].index) and set(found) == {"old", False, "new"}


def test_an_error_leaves_the_old_folder(tmp_path, monkeypatch):
    out, rename = tmp_path / "out", os.rename
    write(out, "old")

    def fail(source, target):
        if str(source).endswith("/new"):
            raise PermissionError(13, "Permission denied")
        rename(source, target)

    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(BadParameter, match="cannot be replaced .Permission denied"):
        write(out, "new")
    with pytest.raises(KeyError), replaced(out):
        raise KeyError
    assert texts(out) == ["old"] * 2 and list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize(("error", "status", "line"), [
    (KeyboardInterrupt(), 130, "Stopped."),
    (OSError(errno.ENOSPC, "No space left on device", "a.csv"), 1, "No space left for a.csv: make room, then again."),
])  # fmt: skip
def test_a_full_disk_and_ctrl_c_are_one_line(error, status, line, capsys):
    def command():
        raise error

    assert exit_status(command) == status and capsys.readouterr().err == f"{line}\n"
