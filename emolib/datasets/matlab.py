"""MATLAB files of corpora, read whole."""

import io

from emolib.core.errors import BadRecording
from emolib.datasets import mat_tags
from emolib.datasets.archives import Tree


def read_mat(tree: Tree, name: str) -> dict:
    """Variables by name; structs have their fields as attributes, axes of length 1 are squeezed.

    Raises BadRecording for a file that is damaged, claims more than it holds, or is of format 7.3, which scipy
    does not read.
    """
    from scipy.io import loadmat

    data = tree.read(name)
    try:
        mat_tags.check(data)
        return loadmat(io.BytesIO(data), struct_as_record=False, squeeze_me=True)
    except NotImplementedError as error:
        raise BadRecording(
            f"{tree.where(name)} is a MATLAB 7.3 file, expected 7 or older: save it again with `-v7`."
        ) from error
    except Exception as error:  # damaged bytes make the reader fail in many ways
        raise BadRecording(f"{tree.where(name)} is no MATLAB file ({error}): fetch it again.") from error
