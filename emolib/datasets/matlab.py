"""MATLAB files of corpora, read whole.

Their tags are walked first: scipy makes room for all that they claim, for every cell of an array before the first one is
read, and for what a compressed element unfolds to. Source: MathWorks, "MAT-File Format", version 5.
"""

import io
import math
import struct
import zlib
from typing import BinaryIO

from emolib.core.errors import BadRecording
from emolib.datasets.archives import Tree
from emolib.signals.files import most_unfolded

HEAD_BYTES, TAG_BYTES = 128, 8
ORDERS = {b"IM": "<", b"MI": ">"}  # by the last two bytes of the head
MATRIX, COMPRESSED = 14, 15  # kinds of element
HOLDERS = (1, 2, 3)  # classes of matrix that hold others: cell, struct, object
BLOCK = 1 << 16  # bytes


def read_mat(tree: Tree, name: str) -> dict:
    """Variables by name; structs have their fields as attributes, axes of length 1 are squeezed.

    Raises BadRecording for a file that is damaged, claims more than it holds, or is of format 7.3, which scipy
    does not read.
    """
    from scipy.io import loadmat

    data = tree.read(name)
    try:
        _check_tags(data)
        return loadmat(io.BytesIO(data), struct_as_record=False, squeeze_me=True)
    except NotImplementedError as error:
        raise BadRecording(
            f"{tree.where(name)} is a MATLAB 7.3 file, expected 7 or older: save it again with `-v7`."
        ) from error
    except Exception as error:  # damaged bytes make the reader fail in many ways
        raise tree.damaged(name, f"is no MATLAB file ({error})") from error


class _Unfolding(io.RawIOBase):
    """What a compressed element unfolds to. Reading raises ValueError where that is too much, zlib.error for damage."""

    def __init__(self, packed: memoryview):
        self.packed, self.most = packed, most_unfolded(len(packed))
        self.unpacker, self.left = zlib.decompressobj(), self.most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        found = b""
        while not found and not self.unpacker.eof and (self.packed or self.unpacker.unconsumed_tail):
            fed = self.unpacker.unconsumed_tail
            if not fed:
                fed, self.packed = self.packed[:BLOCK], self.packed[BLOCK:]
            found = self.unpacker.decompress(fed, len(buffer))
        self.left -= len(found)
        if self.left < 0:
            raise ValueError(f"a compressed element unfolds to more than {self.most} bytes")
        buffer[: len(found)] = found
        return len(found)


def _check_tags(data: bytes):
    """Raise ValueError or zlib.error for elements that unfold to too much, or claim more cells than they hold."""
    order = ORDERS.get(data[HEAD_BYTES - 2 : HEAD_BYTES])
    at = HEAD_BYTES
    while order and at + TAG_BYTES <= len(data):
        kind, size = struct.unpack_from(f"{order}II", data, at)
        element = memoryview(data)[at + TAG_BYTES : at + TAG_BYTES + size]
        if kind == COMPRESSED:
            _walk(io.BufferedReader(_Unfolding(element), BLOCK), math.inf, order)
        elif kind == MATRIX:
            _walk(io.BytesIO(element), size, order)
        at += TAG_BYTES + size


def _walk(file: BinaryIO, n_bytes: float, order: str):
    """The elements in n_bytes of a matrix, or of the file: flags, dimensions, others, and matrices that it holds."""
    used, number, flags = 0, 0, 0
    while used < n_bytes and len(tag := file.read(TAG_BYTES)) == TAG_BYTES:
        kind, size = struct.unpack(f"{order}II", tag)
        size = 0 if kind >> 16 else -(-size // TAG_BYTES) * TAG_BYTES  # a small element lies in its tag
        used += TAG_BYTES + size
        if kind == MATRIX:
            _walk(file, size, order)
            continue
        head = file.read(min(size, BLOCK))
        if number == 0 and len(head) >= 4:
            (flags,) = struct.unpack_from(f"{order}I", head)
        if number == 1 and flags & 0xFF in HOLDERS:
            n_cells = math.prod(struct.unpack(f"{order}{len(head) // 4}i", head[: len(head) // 4 * 4]))
            if TAG_BYTES * n_cells > n_bytes:
                raise ValueError(f"an array claims {n_cells} cells in {n_bytes} bytes")
        to_skip = size - len(head)
        while to_skip > 0 and (block := file.read(min(to_skip, BLOCK))):
            to_skip -= len(block)
        number += 1
