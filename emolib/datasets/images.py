"""Pictures of faces, decoded."""

import io

import numpy as np

from emolib.core.errors import BadRecording
from emolib.datasets.archives import Tree
from emolib.signals.files import open_picture

PATTERNS = ("*.png", "*.jpg", "*.jpeg", "*.bmp")


def read_image(tree: Tree, name: str) -> np.ndarray:
    """Pixels uint8, upright as its EXIF says: (height, width) of a grey picture, (height, width, 3) of any other.

    Raises BadRecording for a file that does not decode.
    """
    from PIL import ImageOps

    content = io.BytesIO(tree.read(name))
    try:
        with open_picture(content) as image:
            upright = ImageOps.exif_transpose(image)
            return np.asarray(upright.convert("L" if image.mode in ("1", "L", "LA") else "RGB"))
    except ValueError as error:
        raise BadRecording(
            f"{tree.where(name)} does not decode, expected a picture: fetch it again. {error}"
        ) from error
