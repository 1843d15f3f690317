"""A run goes to storage and comes back the same, with what differs alone."""

import os
import uuid

import fsspec
import pytest

from emolib.core import storage
from emolib.core.artifacts import Run, check
from emolib.core.errors import BadArtifact, BadParameter


@pytest.fixture
def folder(tmp_path):
    run = Run(tmp_path / "real", "01", {})
    for k, name in enumerate(("scores/a.json", "models/s/fold00.json")):
        run.write_json(name, {"k": k})
        os.utime(run.folder / name, ns=(10**18 + k, 10**18 + k))
    (run.folder / ".half-written").write_text("x")
    return run.folder


@pytest.fixture(params=["memory", "file"])
def url(request, tmp_path):
    return f"memory://{uuid.uuid4()}/real" if request.param == "memory" else f"file://{tmp_path}/bucket/real"


def test_a_run_comes_back_with_its_times(folder, url, tmp_path):
    assert len(storage.push(folder, url)) == 4
    assert len(storage.pull(url, tmp_path / "back")) == 4
    names = storage.files(folder)
    assert names.keys() == storage.files(tmp_path / "back").keys() and ".half-written" not in names
    for name, path in names.items():
        back = tmp_path / "back" / name
        assert back.read_bytes() == path.read_bytes() and back.stat().st_mtime_ns == path.stat().st_mtime_ns
    assert check(tmp_path / "back/scores/a.json")


def test_only_what_differs_is_copied(folder, url, tmp_path):
    storage.push(folder, url)
    storage.pull(url, tmp_path / "back")
    assert storage.push(folder, url) == storage.pull(url, tmp_path / "back") == []
    os.utime(folder / "scores/a.json")  # another time alone
    assert storage.push(folder, url) == [] == storage.pull(url, tmp_path / "back")
    (folder / "scores/a.json").write_text('{"k": 7}')
    assert storage.push(folder, url) == storage.pull(url, tmp_path / "back") == ["scores/a.json"]
    (tmp_path / "back/scores/a.json").write_text("altered here")
    assert storage.pull(url, tmp_path / "back") == ["scores/a.json"]


def test_a_file_that_is_not_the_one_pushed_is_refused(folder, url, tmp_path):
    storage.push(folder, url)
    store, root = fsspec.core.url_to_fs(url)
    store.pipe_file(f"{root}/scores/a.json", b"{}")
    with pytest.raises(BadArtifact, match="scores/a.json has sha256 44136fa355b3, expected "):
        storage.pull(url, tmp_path / "back")
    assert not (tmp_path / "back/scores/a.json").exists()


def test_a_name_that_leaves_the_folder_is_refused(folder, url, tmp_path):
    storage.push(folder, url)
    store, root = fsspec.core.url_to_fs(url)
    store.pipe_file(f"{root}/index.json", b'{"../x": {"sha256": "", "mtime_ns": 0}}')
    with pytest.raises(BadArtifact, match=r"\.\./x of the index leaves"):
        storage.pull(url, tmp_path / "back")


def test_what_a_user_can_mend_is_one_line(folder, tmp_path, capsys):
    assert storage.main(["pull", f"file://{tmp_path}/none", str(tmp_path / "back")]) == 1
    assert "holds no run, expected what `push` wrote" in capsys.readouterr().err
    assert storage.main(["push", str(folder), "nonsense://x"]) == 1
    assert "BadParameter: nonsense://x: Protocol not known" in capsys.readouterr().err
    assert storage.main(["copy", "a", "b"]) == 2
    with pytest.raises(BadParameter, match="is no folder, expected a run"):
        storage.push(tmp_path / "none", f"file://{tmp_path}/bucket")
