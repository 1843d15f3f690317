"""Pickles, MATLAB files and workbooks of corpora, read in a limited child that runs no code of theirs.

A damaged one can crash the native code of its library, or claim more memory than there is: that ends the child alone.
"""

import io
import pickle

import numpy as np

from emolib.core.child import Child, serve
from emolib.datasets.archives import Tree

MOST_SHEET_ROWS = 1000
CHILD = Child("emolib.datasets.serialized")  # one for all files of a process
ALLOWED = {
    ("numpy", "ndarray"): None,  # named as what _reconstruct makes; to be called with any shape it is not
    ("numpy", "dtype"): np.dtype,
    # the empty array that a pickle then fills; numpy writes no other shape
    ("numpy.core.multiarray", "_reconstruct"): lambda subtype, shape, dtype: np.zeros(0),
    ("numpy._core.multiarray", "_reconstruct"): lambda subtype, shape, dtype: np.zeros(0),
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str):
        if (module, name) not in ALLOWED:
            raise ValueError(f"it asks for {module}.{name}, expected numpy arrays: do not open it")
        return ALLOWED[module, name]


def read_pickle(tree: Tree, name: str, *places: str) -> list[np.ndarray]:
    """The arrays of numbers at these places, such as "signal/wrist/BVP", of a pickle; Python 2's too.

    Raises BadRecording, before anything of it is called, for any class or function that is not numpy's, for a damaged
    file, and where no array is. Lists are refused: nested ones can make an array of any size. Source: Python's
    documentation of pickle, "Restricting Globals".
    """
    return _ask(tree, "pickle", name, "pickle of arrays", *places)


def read_mat(tree: Tree, name: str) -> dict:
    """Variables by name, structs as dicts, cells as lists; axes of length 1 are squeezed. Raises BadRecording."""
    return _ask(tree, "mat", name, "MATLAB file of version 7 or older")


def read_sheet(tree: Tree, name: str) -> list[list]:
    """Values of the first sheet's cells, row by row, "" for empty ones. Raises BadRecording for damage, and size."""
    return _ask(tree, "sheet", name, "workbook with a table")


def _ask(tree: Tree, reader: str, name: str, what: str, *words: str):
    try:
        return CHILD.ask(reader, tree.read(name), *words)
    except ValueError as error:
        raise tree.damaged(name, f"is no whole {what} ({error})") from error


# In the child:


def _pickle(data: bytes, *places: str) -> list[np.ndarray]:
    content, found = _Unpickler(io.BytesIO(data), encoding="latin1").load(), []
    for place in places:
        array = content
        for key in place.split("/"):
            array = array.get(key) if isinstance(array, dict) else None
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
            raise ValueError(f"it lacks {place}, expected an array of numbers")
        found.append(array)
    return found


def _mat(data: bytes) -> dict:
    from scipy.io import loadmat

    content = loadmat(io.BytesIO(data), struct_as_record=False, squeeze_me=True)
    return {name: value for name, value in content.items() if not name.startswith("__")}


def _sheet(data: bytes) -> list[list]:
    import pandas as pd

    sheet = pd.read_excel(io.BytesIO(data), header=None, nrows=MOST_SHEET_ROWS, na_filter=False)
    return sheet.to_numpy(object).tolist()


if __name__ == "__main__":
    serve({"pickle": _pickle, "mat": _mat, "sheet": _sheet})
