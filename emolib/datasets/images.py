"""Pictures of faces, decoded."""

import io

import numpy as np

from emolib.datasets.archives import Tree
from emolib.errors import BadRecording

PATTERNS = ("*.png", "*.jpg", "*.jpeg", "*.bmp")


def read_image(tree: Tree, name: str) -> np.ndarray:
    """Pixels uint8: (height, width) of a grey picture, (height, width, 3) of any other.

    Raises BadRecording for a file that does not decode.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(tree.read(name))) as image:
            return np.asarray(image.convert("L" if image.mode in ("1", "L", "LA") else "RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadRecording(
            f"{tree.where(name)} does not decode, expected a picture: fetch it again. {error}"
        ) from error
