"""A corpus as a folder or as zips, which stay packed."""

import hashlib
import zipfile

import pytest
from damage import lay, packed

from emolib.core.errors import BadRecording, CorpusMissing
from emolib.datasets.archives import open_tree

FILES = {"wav/b.wav": b"b", "wav/a.wav": b"a", "notes/x.txt": b"x", "rawwav/c.wav": b"c"}


@pytest.mark.parametrize("wrapper", ["", "download-main/"])
@pytest.mark.parametrize("as_zip", [False, True])
def test_folder_and_zip_look_the_same_whatever_they_are_wrapped_in(tmp_path, wrapper, as_zip):
    files = {wrapper + name: content for name, content in FILES.items()}
    junk = {"__MACOSX/wav/._a.wav": b"?", ".DS_Store": b"?"}
    lay(tmp_path, {"archive.zip": packed(files | junk)} if as_zip else files | junk)
    tree = open_tree(tmp_path)
    with pytest.raises(CorpusMissing, match=r"No file like \*\.mp3 or \*\.ogg in"):
        tree.need("*.mp3", "*.ogg")
    assert tree.names("wav/*.wav") == [f"{wrapper}wav/a.wav", f"{wrapper}wav/b.wav"]
    assert tree.names("*.WAV", "*.txt") == sorted(files)
    assert tree.read(f"{wrapper}wav/a.wav") == b"a"
    lines = sorted(f"{hashlib.sha256(letter.encode()).hexdigest()}  wav/{letter}.wav\n" for letter in "ab")
    assert tree.fingerprint("wav/*.wav") == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_several_zips_are_one_tree(tmp_path):
    lay(tmp_path, {f"Actor_{n}.zip": packed({f"Actor_{n}/x.wav": n.encode()}) for n in "12"})
    (tmp_path / "README.md").write_text("notes do not count as unpacked data")
    tree = open_tree(tmp_path)
    assert [tree.read(name) for name in tree.names("x.wav")] == [b"1", b"2"]
    lay(tmp_path, {"unpacked/wav/a.wav": b"file"})  # then the zips are not read again
    assert open_tree(tmp_path).names("*.wav") == ["unpacked/wav/a.wav"]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_damaged_member_is_named(tmp_path, method):
    content = bytearray(packed({"a.wav": b"sound" * 100}, method))
    content[45] ^= 0xFF  # inside the compressed bytes of a.wav
    lay(tmp_path, {"archive.zip": bytes(content)})
    with pytest.raises(BadRecording, match=r"archive\.zip:a\.wav is damaged .*: fetch it again"):
        open_tree(tmp_path).read("a.wav")
    lay(tmp_path, {"archive.zip": bytes(content[: len(content) // 2])})
    with pytest.raises(BadRecording, match=r"archive\.zip is not a whole zip"):
        open_tree(tmp_path)
