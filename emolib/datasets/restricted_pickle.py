"""Pickles of corpora, read by an unpickler that knows numpy arrays and builtin containers only."""

import io
import pickle
import pickletools

import numpy as np

from emolib.core.errors import BadRecording
from emolib.datasets.archives import Tree

PUTS = ("PUT", "BINPUT", "LONG_BINPUT")


def _reconstruct(subtype: None, shape: tuple, dtype: bytes) -> np.ndarray:
    """The empty array that a pickle then fills; numpy writes no other shape."""
    return np.zeros(0)


ALLOWED = {
    ("numpy", "ndarray"): None,  # named as what _reconstruct makes; to be called with any shape it is not
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
}


class _Forbidden(Exception):
    """The pickle asks for something else."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str):
        if (module, name) not in ALLOWED:
            raise _Forbidden(f"{module}.{name}")
        return ALLOWED[module, name]


def load(tree: Tree, name: str):
    """What a pickle of numpy arrays, dicts, lists, tuples, strings and numbers holds; Python 2's too.

    Raises BadRecording, before anything of it is called, for any other class or function, and for a damaged
    file. Source: Python's documentation of pickle, "Restricting Globals".
    """
    content = tree.read(name)
    try:
        for n, (opcode, place_in_memo, _) in enumerate(pickletools.genops(content), start=1):
            if opcode.name in PUTS and place_in_memo > n:  # the unpickler makes room up to that place
                raise ValueError(f"place {place_in_memo} of its memo after {n} steps")
        return _Unpickler(io.BytesIO(content), encoding="latin1").load()
    except _Forbidden as error:
        raise BadRecording(
            f"{tree.where(name)} asks for {error}, expected numpy arrays and builtin containers only: "
            "it is not the publisher's file, do not open it with pickle."
        ) from error
    except Exception as error:  # damaged bytes make the unpickler fail in many ways
        raise tree.damaged(name, f"is no whole pickle ({error})") from error


def array_at(content, *keys: str) -> np.ndarray:
    """The array of numbers at content[key][key]….

    Raises KeyError, TypeError or IndexError where there is none. Lists are refused: nested ones can make an array of any
    size.
    """
    for key in keys:
        content = content[key]
    if not isinstance(content, np.ndarray) or content.dtype.kind not in "fiub":
        raise TypeError(f"{'/'.join(keys)} is no array of numbers")
    return content
