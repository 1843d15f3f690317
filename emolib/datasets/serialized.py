"""Pickles and MATLAB files of corpora, read so that they run no code and take no memory that they only claim."""

import io
import math
import pickle
import pickletools
import struct
import zlib

import numpy as np

from emolib.datasets.archives import Tree
from emolib.signals.files import most_unfolded

PUTS = ("PUT", "BINPUT", "LONG_BINPUT")
ALLOWED = {
    ("numpy", "ndarray"): None,  # named as what _reconstruct makes; to be called with any shape it is not
    ("numpy", "dtype"): np.dtype,
    # the empty array that a pickle then fills; numpy writes no other shape
    ("numpy.core.multiarray", "_reconstruct"): lambda subtype, shape, dtype: np.zeros(0),
    ("numpy._core.multiarray", "_reconstruct"): lambda subtype, shape, dtype: np.zeros(0),
}


class _Forbidden(Exception):
    """The pickle asks for something else."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str):
        if (module, name) not in ALLOWED:
            raise _Forbidden(f"{module}.{name}")
        return ALLOWED[module, name]


def read_pickle(tree: Tree, name: str, *places: str) -> list[np.ndarray]:
    """The arrays of numbers at these places, such as "signal/wrist/BVP", of a pickle; Python 2's too.

    Raises BadRecording, before anything of it is called, for any class or function that is not numpy's, for a damaged
    file, and where no array is. Lists are refused: nested ones can make an array of any size. Source: Python's
    documentation of pickle, "Restricting Globals".
    """
    pickled, found = tree.read(name), []
    try:
        for n, (opcode, place_in_memo, _) in enumerate(pickletools.genops(pickled), start=1):
            if opcode.name in PUTS and place_in_memo > n:  # the unpickler makes room up to that place
                raise ValueError(f"place {place_in_memo} of its memo after {n} steps")
        content = _Unpickler(io.BytesIO(pickled), encoding="latin1").load()
    except _Forbidden as error:
        raise tree.damaged(name, f"asks for {error}, expected numpy arrays: do not open it") from error
    except Exception as error:  # damaged bytes make the unpickler fail in many ways
        raise tree.damaged(name, f"is no whole pickle ({error})") from error
    for place in places:
        array = content
        for key in place.split("/"):
            array = array.get(key) if isinstance(array, dict) else None
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
            raise tree.damaged(name, f"lacks {place}, expected an array of numbers")
        found.append(array)
    return found


# MATLAB files. Their tags are walked first: scipy makes room for all that they claim, for every cell of an array before
# the first one is read, and for what a compressed element unfolds to. Source: MathWorks, "MAT-File Format", version 5.

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
    """The elements of a file, or of a matrix: flags, dimensions, others, and matrices that it holds. Raises ValueError
    or zlib.error for those that unfold to too much, or claim more cells than they hold."""
    at, number, flags = 0, 0, 0
    while at + TAG_BYTES <= len(data):
        kind, size = struct.unpack_from(f"{order}II", data, at)
        size = 0 if kind >> 16 else size  # a small element lies in its tag
        element = data[at + TAG_BYTES : at + TAG_BYTES + size]
        at += TAG_BYTES + size
        if kind == COMPRESSED and is_file:
            most, unpacker = most_unfolded(len(element)), zlib.decompressobj()
            unfolded = unpacker.decompress(element, most)
            if unpacker.unconsumed_tail:
                raise ValueError(f"a compressed element unfolds to more than {most} bytes")
            _walk(memoryview(unfolded), order)
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
