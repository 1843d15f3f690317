"""Files that someone made to harm: small ones that claim, or unfold to, very much, or that hold code."""

import os
import pickle
import struct
import zipfile
import zlib

from whole_corpora import sound

GIGABYTE = 1 << 30


def zeros(n_bytes: int, wbits: int = -15) -> bytes:
    """A deflated stream of n_bytes NUL, a thousandth as long: one flushed block again and again."""
    squeezer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    head = squeezer.compress(bytes(1 << 20)) + squeezer.flush(zlib.Z_FULL_FLUSH)
    block = squeezer.compress(bytes(1 << 20)) + squeezer.flush(zlib.Z_FULL_FLUSH)
    return head + block * ((n_bytes >> 20) - 1) + squeezer.flush()


def zip_of(name: bytes, stream: bytes, claimed: int, method=zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of one member as its heads claim it: its size in bytes and method, whatever they are."""
    about = struct.pack("<HHHHHIII", 20, 0, method, 0, 33, 0, len(stream), claimed)
    local = b"PK\3\4" + about + struct.pack("<HH", len(name), 0) + name + stream
    central = b"PK\1\2" + struct.pack("<H", 788) + about
    central += struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, 0) + name
    return local + central + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)


class Code:
    """What makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def held(pickled: str) -> bytes:
    """A pickle of protocol 0 that has an object wherever DEAP and WESAD have an array."""
    wrist = f"(dS'wrist'\n(dS'BVP'\n{pickled}ss"
    return f"(dS'data'\n{pickled}sS'labels'\n{pickled}sS'label'\n{pickled}sS'signal'\n{wrist}s.".encode()


def pickles(folder) -> dict[str, bytes]:
    """By what they are; those with code make a folder."""
    lists = [1.0]
    for _ in range(9):
        lists = [lists] * 10  # a billion numbers
    everywhere = {"data": lists, "labels": lists, "label": lists, "signal": {"wrist": {"BVP": lists}}}
    made = "(cnumpy\nndarray\n(I1073741824\ntS'd'\ntR"
    return {
        **{f"code of protocol {p}": pickle.dumps(Code(folder), p) for p in (0, 4)},
        "code for an array": held(pickle.dumps(Code(folder), 0).decode()[:-1]),
        "lists of lists": pickle.dumps(everywhere),
        "an array made large": held(f"cnumpy.core.multiarray\n_reconstruct\n{made}"),
        "numpy called": held("cnumpy\nndarray\n((I1073741824\nttR"),
        "a far place in the memo": b"\x80\x02}r\xff\xff\xff\x7f.",
        "a long text": b"\x80\x04\x8d" + struct.pack("<Q", 1 << 60) + b"x.",
    }


def wave(sfreq=16000, n_channels=1, claimed=400) -> bytes:
    """A wav of 400 bytes of sound, as its head claims it."""
    form = struct.pack("<HHIIHH", 1, n_channels, sfreq, min(sfreq * 2, 2**32 - 1), 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", 16) + form
    body += b"data" + struct.pack("<I", claimed) + bytes(range(200)) * 2
    return b"RIFF" + struct.pack("<I", len(body)) + body


def flac(n_times: int) -> bytes:
    """A flac whose head promises n_times samples, of 36 bits."""
    content = bytearray(sound(form="FLAC"))
    (word,) = struct.unpack(">Q", content[18:26])
    content[18:26] = struct.pack(">Q", word >> 36 << 36 | n_times)
    return bytes(content)


SOUNDS = {
    **{f"{hz} Hz": wave(hz) for hz in (0, 2**32 - 1)},
    "65535 channels": wave(n_channels=65535),
    "2 GB": wave(claimed=2_000_000_000),  # more is what a streamed one says
    "a flac of very many samples": flac(2**36 - 1),
}


def png(width: int, height: int, stream: bytes, colour: int = 0, more: tuple = ()) -> bytes:
    """A PNG of 8 bits, grey or, of colour 2, RGB; `more` chunks are (kind, bytes)."""
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    chunks = ((b"IHDR", head), *more, (b"IDAT", stream), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


PICTURES = {
    "13000 pixels a side": png(13_000, 13_000, zeros(GIGABYTE // 2, 15), colour=2),
    "60000 pixels a side": png(60_000, 60_000, zlib.compress(bytes(1000))),
    "a text that unfolds": png(8, 8, b"", more=[(b"zTXt", b"a\0\0" + zeros(GIGABYTE, 15))]),
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n(ls) system\n",
}


def element(kind: int, content: bytes) -> bytes:
    """An element of a MATLAB file with its tag."""
    return struct.pack("<II", kind, len(content)) + content + bytes(-len(content) % 8 if kind != 15 else 0)


def mat(*elements: bytes) -> bytes:
    return b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + b"".join(elements)


def matrix(class_: int, rows: int, columns: int, *held: bytes) -> bytes:
    """An element that is called DREAMER: a cell of class 1, a struct of class 2, doubles of class 6."""
    flags, size = struct.pack("<II", class_, 0), struct.pack("<ii", rows, columns)
    return element(14, element(6, flags) + element(5, size) + element(1, b"DREAMER") + b"".join(held))


CELLS = element(15, zlib.compress(matrix(1, 1, 1, matrix(1, 40_000, 40_000))))
MATS = {"many cells in a cell": mat(CELLS), "zeros that unfold": mat(element(15, zeros(GIGABYTE, 15)))}
BOOKS = {"unfolds": zip_of(b"[Content_Types].xml", zeros(GIGABYTE), GIGABYTE)}
