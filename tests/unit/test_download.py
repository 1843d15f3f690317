import hashlib
import io
import threading
import zipfile
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import soundfile

from emolib.datasets import CORPORA, get, load
from emolib.datasets.__main__ import main
from emolib.datasets.download import CHUNK, fetch
from emolib.errors import BadRecording, CorpusMissing


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


def test_of_several_files_only_what_is_missing_is_fetched(server, tmp_path):
    first = corpus_at(server, zipped(ARCHIVE), name="a.zip").downloads
    second = corpus_at(server, zipped(ARCHIVE), name="b.zip").downloads
    corpus = replace(get("emodb"), downloads=first + second)
    content = server.files.pop("/b.zip")
    with pytest.raises(CorpusMissing, match=r"b\.zip could not be fetched .*404"):
        fetch(corpus, tmp_path)
    server.files["/b.zip"] = content
    fetch(corpus, tmp_path)
    assert server.asked == ["/a.zip", "/b.zip", "/b.zip"]


def test_a_killed_unpacking_is_done_again(server, tmp_path):
    corpus = corpus_at(server, zipped(ARCHIVE))
    fetch(corpus, tmp_path)
    for path in (tmp_path / "download" / "wav").iterdir():
        path.unlink()
    (tmp_path / "download" / "wav").rmdir()
    (tmp_path / "download").rename(tmp_path / ".unpack-killed")
    fetch(corpus, tmp_path)
    assert "download/wav/03a01Fa.wav" in files_in(tmp_path)
    assert server.asked == ["/download.zip"]


@pytest.mark.parametrize("known_hash", ["md5:" + "0" * 32, "sha256:" + "0" * 64])
def test_a_wrong_hash_is_one_line_and_leaves_nothing(server, tmp_path, known_hash):
    corpus = corpus_at(server, zipped(ARCHIVE), known_hash)
    with pytest.raises(BadRecording, match=f"download.zip is not the file.*{known_hash}") as error:
        fetch(corpus, tmp_path)
    assert "\n" not in str(error.value)
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("ranges", [True, False])
def test_a_connection_that_breaks_off_goes_on_where_it_was(server, tmp_path, ranges):
    content = zipped(ARCHIVE)
    corpus = corpus_at(server, content)
    server.most_bytes, server.ranges = 2 * CHUNK, ranges
    with pytest.raises(CorpusMissing, match="goes on where it broke off") as error:
        fetch(corpus, tmp_path)
    assert "\n" not in str(error.value)
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


def test_no_server_is_one_line(tmp_path):
    corpus = replace(get("emodb"), downloads=(("http://127.0.0.1:1/x.zip", None, "x.zip"),))
    with pytest.raises(CorpusMissing, match="127.0.0.1:1/x.zip could not be fetched") as error:
        fetch(corpus, tmp_path)
    assert "\n" not in str(error.value)


def test_a_malicious_archive_is_refused_and_removed(server, tmp_path):
    corpus = corpus_at(server, zipped({**ARCHIVE, "../../evil.txt": b"evil"}))
    root = tmp_path / "raw" / "emodb"
    with pytest.raises(BadRecording, match=r"download\.zip holds '\.\./\.\./evil\.txt'"):
        fetch(corpus, root)
    assert files_in(tmp_path) == []


def test_the_command_shows_progress_and_what_to_cite(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("EMOLIB_DATA", str(tmp_path))
    corpus = corpus_at(server, zipped(ARCHIVE))
    monkeypatch.setattr(type(CORPORA), "__getitem__", lambda self, name: corpus)
    assert main(["fetch", "emodb"]) == 0
    shown = capsys.readouterr()
    assert str(tmp_path / "emodb" / "download") in shown.out
    assert "Burkhardt" in shown.out
    assert "100%" in shown.err
    server.files.clear()
    (tmp_path / "emodb" / "download.zip").unlink()
    assert main(["fetch", "emodb"]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: ")
