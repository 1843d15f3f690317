"""A run goes to storage and comes back the same, with what differs alone."""

import os
import uuid

import fsspec
import pytest

from emolib.core import storage
from emolib.core.artifacts import Run, check
from emolib.core.errors import BadArtifact


@pytest.fixture
def folder(tmp_path):
    run = Run(tmp_path / "real", "01", {})
    for k, name in enumerate(("scores/a.json", "models/s/fold00.json")):
        run.write_json(name, {"k": k})
        os.utime(run.folder / name, ns=(10**18 + k, 10**18 + k))
    (run.folder / ".half-written").write_text("x")
    return run.folder


@pytest.fixture
def url():
    return f"memory://{uuid.uuid4()}/real"


def test_a_run_comes_back_with_its_times_and_only_what_differs_is_copied(folder, url, tmp_path):
    back = tmp_path / "back"
    assert len(storage.push(folder, url)) == len(storage.pull(url, back)) == 4
    names = storage.files(folder)
    assert names.keys() == storage.files(back).keys() and ".half-written" not in names
    for name, path in names.items():
        assert (back / name).read_bytes() == path.read_bytes()
        assert (back / name).stat().st_mtime_ns == path.stat().st_mtime_ns
    assert check(back / "scores/a.json")
    os.utime(folder / "scores/a.json")  # another time alone
    assert storage.push(folder, url) == [] == storage.pull(url, back)
    (folder / "scores/a.json").write_text('{"k": 7}')
    assert storage.push(folder, url) == storage.pull(url, back) == ["scores/a.json"]
    (back / "scores/a.json").write_text("altered here")
    assert storage.pull(url, back) == ["scores/a.json"]


@pytest.mark.parametrize("name, content, message", [
    ("scores/a.json", b"{}", "scores/a.json at .* was damaged"),
    ("index.json", b'{"../x": {"sha256": "", "mtime_ns": 0}}', r"\.\./x of the index leaves"),
])  # fmt: skip
def test_a_run_that_is_not_the_one_pushed_is_refused(folder, url, tmp_path, name, content, message):
    storage.push(folder, url)
    store, root = fsspec.core.url_to_fs(url)
    store.pipe_file(f"{root}/{name}", content)
    with pytest.raises(BadArtifact, match=message):
        storage.pull(url, tmp_path / "back")
    assert not (tmp_path / "back/scores/a.json").exists()
