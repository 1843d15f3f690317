"""MATLAB files of corpora, read whole.

Their tags are walked first: scipy makes room for all that they claim, for every cell of an array before the first one is
read, and for what a compressed element unfolds to. Source: MathWorks, "MAT-File Format", version 5.
"""

import io
import math
import struct
import zlib

import numpy as np

from emolib.datasets.archives import Tree
from emolib.signals.files import most_unfolded

HEAD_BYTES, TAG_BYTES = 128, 8
ORDERS = {b"IM": "<", b"MI": ">"}  # by the last two bytes of the head
MATRIX, COMPRESSED = 14, 15  # kinds of element
HOLDERS = (1, 2, 3)  # classes of matrix that hold others: cell, struct, object


def read_mat(tree: Tree, name: str) -> dict:
    """Variables by name; structs have their fields as attributes, axes of length 1 are squeezed. Raises BadRecording."""
    from scipy.io import loadmat

    data = tree.read(name)
    try:
        if order := ORDERS.get(data[HEAD_BYTES - 2 : HEAD_BYTES]):
            _walk(memoryview(data)[HEAD_BYTES:], order, is_file=True)
        return loadmat(io.BytesIO(data), struct_as_record=False, squeeze_me=True)
    except NotImplementedError as error:
        raise tree.damaged(name, "is a MATLAB 7.3 file, expected 7 or older: save it with -v7, or") from error
    except Exception as error:  # damaged bytes make the reader fail in many ways
        raise tree.damaged(name, f"is no MATLAB file ({error})") from error


def _walk(data: memoryview, order: str, is_file: bool = False):
    """The elements of a file, or of a matrix: flags, dimensions, others, and matrices that it holds.

    Raises ValueError or zlib.error for those that unfold to too much, or claim more cells than they hold.
    """
    at, number, flags = 0, 0, 0
    while at + TAG_BYTES <= len(data):
        kind, size = struct.unpack_from(f"{order}II", data, at)
        size = 0 if kind >> 16 else size  # a small element lies in its tag
        element = data[at + TAG_BYTES : at + TAG_BYTES + size]
        at += TAG_BYTES + size
        if kind == COMPRESSED and is_file:
            _walk(memoryview(_unfolded(element)), order)
            continue
        at += -size % TAG_BYTES
        if kind == MATRIX:
            _walk(element, order)
            continue
        if number == 0 and len(element) >= 4:
            (flags,) = struct.unpack_from(f"{order}I", element)
        if number == 1 and flags & 0xFF in HOLDERS:
            n_cells = math.prod(np.frombuffer(element, f"{order}i4", len(element) // 4).tolist())
            if TAG_BYTES * n_cells > len(data):
                raise ValueError(f"an array claims {n_cells} cells in {len(data)} bytes")
        number += 1


def _unfolded(packed: memoryview) -> bytes:
    most, unpacker = most_unfolded(len(packed)), zlib.decompressobj()
    content = unpacker.decompress(packed, most)
    if unpacker.unconsumed_tail:
        raise ValueError(f"a compressed element unfolds to more than {most} bytes")
    return content
