"""Any pictures of faces: one folder a class. What stands before the first underscore is the person's name."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from emolib.datasets.archives import open_tree
from emolib.datasets.base import Corpus, Dropped, Trial
from emolib.datasets.labels import EMOTION4, EMOTION7, FER, SIDES
from emolib.datasets.media import read_image, with_endings


def trials(root: Path, modality: str, dropped: list[Dropped], folder: str = "") -> Iterator[Trial]:
    """One picture (height, width[, 3]) uint8 per trial, from `folder` where one is given.

    `happy/anna_01.png` is happy, of subject anna; a name without underscore is a subject of its own.
    """
    tree = open_tree(Path(folder) if folder else root)
    for name in tree.need(*with_endings("*/*")):
        path = PurePosixPath(name)
        label = path.parent.name.lower()
        subject = path.stem.split("_")[0] if "_" in path.stem else f"{label}/{path.stem}"
        yield Trial("image_folder", "face", subject, name, read_image(tree, name), 0.0, label)


IMAGE_FOLDER = Corpus(
    name="image_folder",
    title="Your own pictures of faces, one folder a class",
    modalities=("face",),
    tasks={**EMOTION7, **EMOTION4, **SIDES},
    labels=FER,
    licence="yours",
    cite="",
    layout="<class>/<subject>_<anything>.png, with classes " + ", ".join(FER),
    where="your own pictures; nothing to fetch",
    trials=trials,
    access="own",
)
