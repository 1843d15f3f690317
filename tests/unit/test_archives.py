"""A corpus as a folder or as zips, and archives that are unpacked inside their folder."""

import hashlib
import io
import random
import tarfile
import zipfile

import pytest

from emolib.core.errors import BadRecording, CorpusMissing, EmolibError
from emolib.datasets.archives import open_tree, safe_extract


def make_zip(path, files, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def make_files(root, files):
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


FILES = {"wav/b.wav": b"b", "wav/a.wav": b"a", "notes/x.txt": b"x", "rawwav/c.wav": b"c"}


@pytest.mark.parametrize("wrapper", ["", "download-main/"])
@pytest.mark.parametrize("as_zip", [False, True])
def test_folder_and_zip_look_the_same_whatever_they_are_wrapped_in(tmp_path, wrapper, as_zip):
    files = {wrapper + name: content for name, content in FILES.items()}
    if as_zip:
        make_zip(tmp_path / "archive.zip", {**files, "__MACOSX/wav/._a.wav": b"?", ".DS_Store": b"?"})
    else:
        make_files(tmp_path, {**files, "__MACOSX/wav/._a.wav": b"?", ".DS_Store": b"?"})
    tree = open_tree(tmp_path)
    with pytest.raises(BadRecording, match=r"wav/c\.wav is missing"):
        tree.read("wav/c.wav")
    with pytest.raises(CorpusMissing, match=r"No file like \*\.mp3 or \*\.ogg in"):
        tree.need("*.mp3", "*.ogg")
    assert tree.names("wav/*.wav") == [f"{wrapper}wav/a.wav", f"{wrapper}wav/b.wav"]
    assert tree.names("*.WAV", "*.txt") == sorted(files)
    assert tree.read(f"{wrapper}wav/a.wav") == b"a"
    with tree.open(f"{wrapper}wav/b.wav") as file:
        assert file.read() == b"b"


def test_several_zips_are_one_tree(tmp_path):
    make_zip(tmp_path / "Actor_01.zip", {"Actor_01/x.wav": b"1"})
    make_zip(tmp_path / "Actor_02.zip", {"Actor_02/x.wav": b"2"})
    (tmp_path / "README.md").write_text("notes do not count as unpacked data")
    tree = open_tree(tmp_path)
    assert [tree.read(name) for name in tree.names("x.wav")] == [b"1", b"2"]
    make_files(tmp_path, {"unpacked/wav/a.wav": b"file"})  # then the zips are not read again
    assert open_tree(tmp_path).names("*.wav") == ["unpacked/wav/a.wav"]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_damaged_member_is_named(tmp_path, method):
    path = make_zip(tmp_path / "archive.zip", {"a.wav": b"sound" * 100}, method)
    content = bytearray(path.read_bytes())
    content[45] ^= 0xFF  # inside the compressed bytes of a.wav
    path.write_bytes(content)
    with pytest.raises(BadRecording, match=r"archive\.zip:a\.wav is damaged .*: fetch it again"):
        open_tree(tmp_path).read("a.wav")
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(BadRecording, match=r"archive\.zip is not a whole zip"):
        open_tree(tmp_path)
    with pytest.raises(BadRecording, match=r"archive\.zip is damaged"):
        safe_extract(path, tmp_path / "out")


def test_a_fingerprint_is_of_names_and_bytes_wherever_they_lie(tmp_path):
    make_files(tmp_path / "files", FILES)
    (tmp_path / "zipped").mkdir()
    make_zip(tmp_path / "zipped/archive.zip", {f"x-main/{name}": content for name, content in FILES.items()})
    lines = sorted(f"{hashlib.sha256(letter.encode()).hexdigest()}  wav/{letter}.wav\n" for letter in "ab")
    expected = hashlib.sha256("".join(lines).encode()).hexdigest()
    for folder in ("files", "zipped"):
        assert open_tree(tmp_path / folder).fingerprint("wav/*.wav") == expected
    (tmp_path / "files/wav/a.wav").write_bytes(b"b")
    assert open_tree(tmp_path / "files").fingerprint("wav/*.wav") != expected


def test_extracts_zip_and_tar(tmp_path):
    make_zip(tmp_path / "a.zip", {**FILES, "__MACOSX/x": b"?"})
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        for name, content in FILES.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    for archive in ("a.zip", "a.tar.gz"):
        out = tmp_path / f"out-{archive}"
        safe_extract(tmp_path / archive, out)
        assert {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()} == FILES


def zip_with(path, name, mode=0o100644):
    member = zipfile.ZipInfo("placeholder")
    member.filename = name  # as it stands, not normalised
    member.external_attr = mode << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("good.txt", b"good")
        archive.writestr(member, b"/etc/passwd")


def tar_with(path, name, kind=tarfile.REGTYPE):
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo("good.txt"))
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, "../../outside"
        archive.addfile(member)


OUTSIDE = ["a/../../evil", "/tmp/emolib-evil", "..\\evil", "C:evil"]
NOT_FILES = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)
EVIL = [
    *((zip_with, (name,)) for name in OUTSIDE),
    *((tar_with, (name,)) for name in OUTSIDE),
    (zip_with, ("link", 0o120777)),
    *((tar_with, ("link", kind)) for kind in NOT_FILES),
]


@pytest.mark.parametrize(("make", "arguments"), EVIL)
def test_refuses_members_that_leave_the_folder_before_anything_is_written(tmp_path, make, arguments):
    corpus = tmp_path / "raw" / "corpus"
    corpus.mkdir(parents=True)
    make(corpus / "archive", *arguments)
    with pytest.raises(BadRecording, match="archive holds .* nothing was unpacked"):
        safe_extract(corpus / "archive", corpus / "unpacked")
    assert [path.name for path in tmp_path.rglob("*")] == ["raw", "corpus", "archive"]


@pytest.mark.parametrize("kind", ["bz2", "xz"])
def test_a_compressed_tar_with_a_flipped_byte_leaves_nothing(tmp_path, kind):
    with tarfile.open(tmp_path / f"a.tar.{kind}", f"w:{kind}") as archive:
        member = tarfile.TarInfo("a.bin")
        member.size = 100_000
        archive.addfile(member, io.BytesIO(random.Random(0).randbytes(member.size)))
    content = bytearray((tmp_path / f"a.tar.{kind}").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / f"a.tar.{kind}").write_bytes(content)
    with pytest.raises(EmolibError, match=rf"a\.tar\.{kind} .*fetch it again"):
        safe_extract(tmp_path / f"a.tar.{kind}", tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == [f"a.tar.{kind}"]
