"""Corpora are fetched, here from a web server on this machine, and opened."""

import hashlib
import json
import threading
import zipfile
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from damage import lay, packed
from whole_corpora import sound

from emolib.core.errors import BadRecording, CorpusMissing
from emolib.datasets import get, load
from emolib.datasets.archives import open_tree
from emolib.datasets.download import CHUNK, dataverse_files, fetch, lfs_files, unhashed


@pytest.fixture
def server():
    """A web server on this machine: `files` it has, `asked` what was asked of it and from which of the bytes,
    `most_bytes` after which it breaks off, `ranges` whether it can start in the middle."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked = self.headers.get("Range", "bytes=0-")
            first = int(asked[len("bytes=") : -1]) if self.server.ranges else 0
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


ARCHIVE = packed({"wav/03a01Fa.wav": sound(n_times=60_000), "wav/08a01Wa.wav": sound()}, zipfile.ZIP_STORED)


def corpus_at(server, content=ARCHIVE, known_hash="right", name="download.zip"):
    server.files[f"/{name}"] = content
    if known_hash == "right":
        known_hash = "md5:" + hashlib.md5(content).hexdigest()
    return replace(get("emodb"), downloads=((f"{server.url}/{name}", known_hash, name),))


def files_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("known_hash", ["right", None])
def test_fetch_does_not_ask_twice(server, data, known_hash):
    corpus = corpus_at(server, known_hash=known_hash)
    for _ in range(2):
        assert fetch(corpus, data / "emodb") == [data / "emodb/download.zip"]
    assert server.asked == ["/download.zip"] and files_in(data / "emodb") == ["download.zip"]
    assert [trial.label for trial in load("emodb", "speech")] == ["happiness", "anger"]
    assert len(unhashed(corpus, data / "emodb")) == (known_hash is None)


def test_a_wrong_hash_leaves_nothing(server, data):
    known_hash = "md5:" + "0" * 32
    with pytest.raises(BadRecording, match=f"download.zip is not the file.*{known_hash}"):
        fetch(corpus_at(server, known_hash=known_hash), data)
    assert files_in(data) == []


@pytest.mark.parametrize("ranges", [True, False])
def test_a_connection_that_breaks_off_goes_on_where_it_was(server, data, ranges):
    corpus = corpus_at(server)
    server.most_bytes, server.ranges = 2 * CHUNK, ranges
    with pytest.raises(CorpusMissing, match="goes on where it broke off"):
        fetch(corpus, data)
    server.most_bytes = None
    fetch(corpus, data)
    assert server.first_bytes == [0, 2 * CHUNK if ranges else 0]
    assert (data / "download.zip").read_bytes() == ARCHIVE and files_in(data) == ["download.zip"]


def test_a_download_killed_at_its_end_is_whole_the_next_time(server, data):
    corpus = corpus_at(server)
    name = hashlib.sha256(corpus.downloads[0][0].encode()).hexdigest()[:16]
    (data / f".{name}.part").write_bytes(ARCHIVE)
    assert fetch(corpus, data)[0].read_bytes() == ARCHIVE and server.first_bytes == [len(ARCHIVE), 0]


# Files that only the publisher's list names

DOI = "10.5683/SP2/E8H2MF"
LIST = f"/api/datasets/:persistentId?persistentId=doi:{DOI}"
WORDS = {"OAF_back_angry.wav": sound(), "YAF_back_ps.wav": sound() + b"LIST", "README.txt": b"not sound"}


def dataverse_at(server, files, **changes):
    """TESS on a Dataverse of this machine that lists files, with the fields of its API that are read."""
    listed = []
    for number, (name, content) in enumerate(files.items(), start=1):
        server.files[f"/api/access/datafile/{number}"] = content
        listed.append({"id": number, "filename": name, "md5": hashlib.md5(content).hexdigest()} | changes)
    answer = {"data": {"latestVersion": {"files": [{"dataFile": file} for file in listed]}}}
    server.files[LIST] = json.dumps(answer).encode()
    return replace(get("tess"), listing=lambda root: dataverse_files(server.url, DOI, ".wav"))


def test_files_of_a_dataverse_are_fetched_once_each_and_checked(server, data):
    corpus = dataverse_at(server, WORDS)
    for _ in range(2):
        assert fetch(corpus, data / "tess") == [data / "tess/files"]
    assert server.asked == [LIST, "/api/access/datafile/1", "/api/access/datafile/2", LIST]
    assert [trial.label for trial in load("tess", "speech")] == ["angry", "ps"]


def test_a_list_that_is_none_or_leads_outside_is_refused(server, data):
    for name in ("../../evil.wav", "..\\..\\evil.wav"):
        with pytest.raises(BadRecording, match=r"is called .*evil\.wav', outside"):
            fetch(dataverse_at(server, {"a.wav": sound()}, filename=name), data / "raw/tess")
        assert files_in(data) == ["raw/tess/.unfinished"]
    server.files[LIST] = b"<html>down for maintenance"
    with pytest.raises(CorpusMissing, match=r"doi:10.5683/SP2/E8H2MF gave no list of files .*by hand"):
        fetch(replace(get("tess"), listing=lambda root: dataverse_files(server.url, DOI, ".wav")), data)


CLIPS = {"1001_DFA_ANG_XX.wav": sound(), "1002_DFA_SAD_XX.wav": sound() + b"LIST"}


def test_git_lfs_pointers_become_the_sounds_they_stand_for(server, data):
    """An archive of CREMA-D as GitHub gives it, with pointers, and the sounds where they point to."""
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n".format
    files = {f"CREMA-D-master/AudioWAV/{name}": content for name, content in CLIPS.items()}
    files["CREMA-D-master/VideoFlash/1001_DFA_ANG_XX.flv"] = b"video"
    texts = {name: pointer(hashlib.sha256(c).hexdigest(), len(c)).encode() for name, c in files.items()}
    server.files |= {f"/sound/{name}": content for name, content in CLIPS.items()}
    listing = partial(lfs_files, archive="CREMA-D.zip", pattern="AudioWAV/*.wav", url=f"{server.url}/sound")
    downloads = corpus_at(server, packed(texts), None, "CREMA-D.zip").downloads
    corpus, root = replace(get("crema_d"), downloads=downloads, listing=listing), data / "crema_d"
    held_back = server.files.pop("/sound/1002_DFA_SAD_XX.wav")
    with pytest.raises(CorpusMissing, match=r"1002_DFA_SAD_XX\.wav could not be fetched .*404"):
        fetch(corpus, root)
    with pytest.raises(CorpusMissing, match="crema_d was fetched in part"):
        next(load("crema_d", "speech"))
    server.files["/sound/1002_DFA_SAD_XX.wav"] = held_back
    for _ in range(2):
        assert fetch(corpus, root) == [root / "CREMA-D.zip", root / "AudioWAV"]
    assert server.asked == ["/CREMA-D.zip", *(f"/sound/{name}" for name in [*CLIPS, "1002_DFA_SAD_XX.wav"])]
    assert {path.name: path.read_bytes() for path in (root / "AudioWAV").iterdir()} == CLIPS
    assert [trial.label for trial in load("crema_d", "speech")] == ["anger", "sad"]


# A corpus as a folder or as zips, which stay packed

FILES = {"wav/b.wav": b"b", "wav/a.wav": b"a", "notes/x.txt": b"x", "rawwav/c.wav": b"c"}


@pytest.mark.parametrize(("wrapper", "as_zip"), [("", False), ("download-main/", True)])
def test_folder_and_zip_look_the_same_whatever_they_are_wrapped_in(data, wrapper, as_zip):
    files = {wrapper + name: content for name, content in FILES.items()}
    junk = {"__MACOSX/wav/._a.wav": b"?", ".DS_Store": b"?"}
    lay(data, {"archive.zip": packed(files | junk)} if as_zip else files | junk)
    tree = open_tree(data)
    assert tree.names("wav/*.wav") == [f"{wrapper}wav/a.wav", f"{wrapper}wav/b.wav"]
    assert tree.names("*.WAV", "*.txt") == sorted(files)
    assert tree.read(f"{wrapper}wav/a.wav") == b"a"
    lines = sorted(f"{hashlib.sha256(letter.encode()).hexdigest()}  wav/{letter}.wav\n" for letter in "ab")
    assert tree.fingerprint("wav/*.wav") == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_several_zips_are_one_tree(data):
    lay(data, {f"Actor_{n}.zip": packed({f"Actor_{n}/x.wav": n.encode()}) for n in "12"})
    (data / "README.md").write_text("notes do not count as unpacked data")
    tree = open_tree(data)
    assert [tree.read(name) for name in tree.names("x.wav")] == [b"1", b"2"]
    lay(data, {"unpacked/wav/a.wav": b"file"})  # then the zips are not read again
    assert open_tree(data).names("*.wav") == ["unpacked/wav/a.wav"]
