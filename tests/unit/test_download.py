"""Fetching corpora from a web server on this machine."""

import hashlib
import io
import json
import re
import threading
import zipfile
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import soundfile

from emolib.core.errors import BadRecording, CorpusMissing
from emolib.datasets import get, load
from emolib.datasets.__main__ import main
from emolib.datasets.download import CHUNK, MOVING, dataverse_files, fetch, lfs_files, unhashed


def zipped(files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


def sound():
    content = io.BytesIO()
    soundfile.write(content, 0.1 * np.ones(16000), 16000, format="WAV")
    return content.getvalue()


@pytest.fixture
def server():
    """A web server on this machine: `files` it has, `asked` what was asked of it and from which of the bytes,
    `most_bytes` after which it breaks off, `ranges` whether it can start in the middle."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            first = (
                int(self.headers.get("Range", "bytes=0-")[len("bytes=") : -1]) if self.server.ranges else 0
            )
            self.server.asked.append(self.path)
            self.server.first_bytes.append(first)
            content = self.server.files.get(self.path)
            status = 404 if content is None else 416 if first >= len(content) else 206 if first else 200
            self.send_response(status)
            content = (content or b"")[first:]
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: self.server.most_bytes])

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        web.files, web.asked, web.first_bytes = {}, [], []
        web.most_bytes, web.ranges = None, True
        web.url = f"http://127.0.0.1:{web.server_port}"
        threading.Thread(target=web.serve_forever, args=(0.01,), daemon=True).start()
        yield web
        web.shutdown()


def corpus_at(server, content, known_hash="right", name="download.zip"):
    server.files[f"/{name}"] = content
    if known_hash == "right":
        known_hash = "md5:" + hashlib.md5(content).hexdigest()
    return replace(get("emodb"), downloads=((f"{server.url}/{name}", known_hash, name),))


def files_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


ARCHIVE = {"wav/03a01Fa.wav": sound(), "wav/08a01Wa.wav": sound()}


@pytest.mark.parametrize("known_hash", ["right", None])
def test_fetch_unpacks_and_does_not_ask_twice(server, tmp_path, monkeypatch, known_hash):
    monkeypatch.setenv("EMOLIB_DATA", str(tmp_path))
    corpus = corpus_at(server, zipped(ARCHIVE), known_hash)
    for _ in range(2):
        assert fetch(corpus, tmp_path / "emodb") == [tmp_path / "emodb" / "download"]
    assert server.asked == ["/download.zip"]
    assert files_in(tmp_path / "emodb") == [
        "download.zip",
        "download/wav/03a01Fa.wav",
        "download/wav/08a01Wa.wav",
    ]
    assert [trial.label for trial in load("emodb", "speech")] == ["happiness", "anger"]
    assert len(unhashed(corpus, tmp_path / "emodb")) == (known_hash is None)
    for path in (tmp_path / "emodb/download/wav").iterdir():  # as where unpacking was killed
        path.unlink()
    (tmp_path / "emodb/download/wav").rmdir()
    (tmp_path / "emodb/download").rename(tmp_path / "emodb/.unpack-killed")
    fetch(corpus, tmp_path / "emodb")
    assert "download/wav/03a01Fa.wav" in files_in(tmp_path / "emodb") and len(server.asked) == 1


def test_a_wrong_hash_leaves_nothing(server, tmp_path):
    known_hash = "md5:" + "0" * 32
    corpus = corpus_at(server, zipped(ARCHIVE), known_hash)
    with pytest.raises(BadRecording, match=f"download.zip is not the file.*{known_hash}"):
        fetch(corpus, tmp_path)
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("ranges", [True, False])
def test_a_connection_that_breaks_off_goes_on_where_it_was(server, tmp_path, ranges):
    content = zipped(ARCHIVE)
    corpus = corpus_at(server, content)
    server.most_bytes, server.ranges = 2 * CHUNK, ranges
    with pytest.raises(CorpusMissing, match="goes on where it broke off"):
        fetch(corpus, tmp_path)
    server.most_bytes = None
    fetch(corpus, tmp_path)
    assert server.first_bytes == [0, 2 * CHUNK if ranges else 0]
    assert (tmp_path / "download.zip").read_bytes() == content
    assert files_in(tmp_path) == ["download.zip", "download/wav/03a01Fa.wav", "download/wav/08a01Wa.wav"]


def test_a_download_killed_at_its_end_is_whole_the_next_time(server, tmp_path):
    content = zipped(ARCHIVE)
    corpus = corpus_at(server, content)
    server.most_bytes = 1000
    with pytest.raises(CorpusMissing):
        fetch(corpus, tmp_path)
    (part,) = tmp_path.glob(".*.part")
    part.write_bytes(content)
    server.most_bytes = None
    fetch(corpus, tmp_path)
    assert server.first_bytes == [0, len(content), 0]
    assert (tmp_path / "download.zip").read_bytes() == content


def test_a_malicious_archive_is_refused_and_removed(server, tmp_path):
    corpus = corpus_at(server, zipped({**ARCHIVE, "../../evil.txt": b"evil"}))
    root = tmp_path / "raw" / "emodb"
    with pytest.raises(BadRecording, match=r"download\.zip holds '\.\./\.\./evil\.txt'"):
        fetch(corpus, root)
    assert files_in(tmp_path) == []


# Files that only the publisher's list names


def dataverse_at(server, files, **changes):
    """TESS on a Dataverse of this machine that lists files, with the fields of its API that are read."""
    listed = []
    for number, (name, content) in enumerate(files.items(), start=1):
        server.files[f"/api/access/datafile/{number}"] = content
        listed.append({"id": number, "filename": name, "md5": hashlib.md5(content).hexdigest()} | changes)
    answer = {"data": {"latestVersion": {"files": [{"dataFile": file} for file in listed]}}}
    server.files[LIST] = json.dumps(answer).encode()
    listing = partial(dataverse_files, server.url, "10.5683/SP2/E8H2MF", ".wav")
    return replace(get("tess"), listing=lambda root: listing())


LIST = "/api/datasets/:persistentId?persistentId=doi:10.5683/SP2/E8H2MF"
WORDS = {"OAF_back_angry.wav": sound(), "YAF_back_ps.wav": sound() + b"LIST", "README.txt": b"not sound"}


def test_files_of_a_dataverse_are_fetched_once_each_and_checked(server, tmp_path, monkeypatch):
    monkeypatch.setenv("EMOLIB_DATA", str(tmp_path))
    corpus = dataverse_at(server, WORDS)
    for _ in range(2):
        assert fetch(corpus, tmp_path / "tess") == [tmp_path / "tess" / "files"]
    assert server.asked == [LIST, "/api/access/datafile/1", "/api/access/datafile/2", LIST]
    assert [(trial.subject, trial.label) for trial in load("tess", "speech")] == [
        ("OAF", "angry"),
        ("YAF", "ps"),
    ]
    server.files["/api/access/datafile/1"] = b"something else"
    (tmp_path / "tess" / "files" / "OAF_back_angry.wav").unlink()
    with pytest.raises(BadRecording, match=r"datafile/1 is not the file .*md5:"):
        fetch(corpus, tmp_path / "tess")
    assert files_in(tmp_path / "tess") == ["files/YAF_back_ps.wav"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"<html>down for maintenance", "gave no list of files .JSONDecodeError"),
        (b'{"data": {"latestVersion": {"files": []}}}', r"lists 0 files, expected some \.wav"),
        (None, "gave no list of files .HTTPError: 404"),
    ],
)
def test_a_dataverse_that_gives_no_list_is_one_line(server, tmp_path, answer, message):
    corpus = dataverse_at(server, WORDS)
    server.files[LIST] = answer
    with pytest.raises(CorpusMissing, match=f"{re.escape(LIST)} {message}.*by hand"):
        fetch(corpus, tmp_path)
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("name", ["../../evil.wav", "..\\..\\evil.wav"])
def test_a_listed_file_that_would_land_outside_is_refused(server, tmp_path, name):
    root = tmp_path / "raw" / "tess"
    corpus = dataverse_at(server, {"a.wav": sound()}, filename=name)
    with pytest.raises(BadRecording, match=r"is called .*evil\.wav', outside"):
        fetch(corpus, root)
    assert files_in(tmp_path) == []


def pointer(content):
    digest = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n"


CLIPS = {"1001_DFA_ANG_XX.wav": sound(), "1002_DFA_SAD_XX.wav": sound() + b"LIST"}


def crema_d_at(server):
    """An archive of CREMA-D as GitHub gives it, with pointers, and the sounds where they point to."""
    pointers = {f"CREMA-D-master/AudioWAV/{name}": pointer(content) for name, content in CLIPS.items()}
    flash = {"CREMA-D-master/VideoFlash/1001_DFA_ANG_XX.flv": pointer(b"video")}
    server.files |= {f"/sound/{name}": content for name, content in CLIPS.items()}
    corpus = corpus_at(server, zipped(pointers | flash), None, "CREMA-D.zip")
    listing = partial(lfs_files, pattern="AudioWAV/*.wav", url=f"{server.url}/sound")
    return replace(get("crema_d"), downloads=corpus.downloads, listing=listing)


def test_git_lfs_pointers_become_the_sounds_they_stand_for(server, tmp_path, monkeypatch):
    monkeypatch.setenv("EMOLIB_DATA", str(tmp_path))
    corpus, root = crema_d_at(server), tmp_path / "crema_d"
    held_back = server.files.pop("/sound/1002_DFA_SAD_XX.wav")
    with pytest.raises(CorpusMissing, match=r"1002_DFA_SAD_XX\.wav could not be fetched .*404"):
        fetch(corpus, root)
    server.files["/sound/1002_DFA_SAD_XX.wav"] = held_back
    folder = root / "CREMA-D" / "CREMA-D-master" / "AudioWAV"
    assert fetch(corpus, root) == [root / "CREMA-D", folder]
    assert server.asked == [
        "/CREMA-D.zip",
        *(f"/sound/100{n}.wav" for n in ("1_DFA_ANG_XX", "2_DFA_SAD_XX", "2_DFA_SAD_XX")),
    ]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == CLIPS
    dropped = []
    assert [trial.label for trial in load("crema_d", "speech", dropped)] == ["anger", "sad"]
    assert dropped == []
    fetch(corpus, root)
    assert len(server.asked) == 4
    server.files["/sound/1001_DFA_ANG_XX.wav"] = b"over its data quota"
    text = pointer(CLIPS["1001_DFA_ANG_XX.wav"])
    (folder / "1001_DFA_ANG_XX.wav").write_text(text)
    with pytest.raises(BadRecording, match=r"1001_DFA_ANG_XX\.wav is not the file .*sha256:"):
        fetch(corpus, root)
    assert (folder / "1001_DFA_ANG_XX.wav").read_text() == text


# The command


@pytest.mark.parametrize(
    ("name", "comment"), [("HEAD.zip", b"0123456789" * 4), ("abc0123.zip", b"not a commit")]
)
def test_the_command_says_what_came_without_a_hash(server, tmp_path, monkeypatch, capsys, comment, name):
    monkeypatch.setenv("EMOLIB_DATA", str(tmp_path))
    content = io.BytesIO(zipped(ARCHIVE))
    with zipfile.ZipFile(content, "a") as archive:
        archive.comment = comment
    corpus = corpus_at(server, content.getvalue(), None, name)
    corpus = replace(corpus, reads=("wav/*.wav",), fingerprint="0" * 64)
    monkeypatch.setattr("emolib.datasets.__main__.get", lambda name: corpus)
    assert main(["fetch", "emodb"]) == 0
    shown = capsys.readouterr()
    out = shown.out
    assert "Burkhardt" in out and "100%" in shown.err
    moves = ", and its address gives whatever is newest" if name == "HEAD.zip" else ""
    commit = f", commit {comment.decode()}" if len(comment) == 40 else ""
    digest = hashlib.sha256(content.getvalue()).hexdigest()
    assert f"{name}: no hash of it is published{moves}; sha256 {digest}{commit} came\n" in out
    assert "emodb: other files than emolib was tested with" in out


@pytest.mark.parametrize("name", ["stress_predict", "muse", "gameemo", "crema_d", "walking"])
def test_only_walking_is_pinned_to_a_commit(name):
    ((url, known_hash, _),) = get(name).downloads
    assert known_hash is None
    assert bool(MOVING.search(url)) == (name != "walking")
    assert get(name).fingerprint or get(name).listing
