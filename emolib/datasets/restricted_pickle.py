"""Pickles of corpora, read by an unpickler that knows numpy arrays and builtin containers only."""

import io
import pickle

import numpy as np

from emolib.datasets.archives import Tree
from emolib.errors import BadRecording

_reconstruct = np.zeros(0).__reduce__()[0]

ALLOWED = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
}


class _Forbidden(Exception):
    pass


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
    place = tree.where(name)
    try:
        return _Unpickler(io.BytesIO(tree.read(name)), encoding="latin1").load()
    except BadRecording:
        raise
    except _Forbidden as error:
        raise BadRecording(
            f"{place} asks for {error}, expected numpy arrays and builtin containers only: "
            "it is not the publisher's file, do not open it with pickle."
        ) from error
    except Exception as error:  # damaged bytes make the unpickler fail in many ways
        raise BadRecording(f"{place} is no whole pickle ({error}): fetch it again.") from error
