"""Pickles of corpora, read by an unpickler that knows numpy arrays and builtin containers only."""

import io
import pickle
import pickletools

import numpy as np

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


def load(tree: Tree, name: str, *places: str) -> list[np.ndarray]:
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
