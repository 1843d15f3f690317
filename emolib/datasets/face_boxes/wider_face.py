"""WIDER FACE: crowds, one text file of boxes per split. Official splits train and val; test has no boxes."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from emolib.core.errors import BadRecording
from emolib.datasets.archives import Tree, open_tree
from emolib.datasets.base import Dropped
from emolib.datasets.face_boxes.base import BoxCorpus, Picture, cut
from emolib.datasets.images import read_image

BLUR = ("clear", "blurred", "heavily blurred")
N_COLUMNS = 10  # x1 y1 w h blur expression illumination invalid occlusion pose


def pictures(root: Path, dropped: list[Dropped]) -> Iterator[Picture]:
    """12,880 pictures of train and 3,226 of val, labelled by their blur; what is marked invalid is left out."""
    tree = open_tree(root)
    for name in tree.need("wider_face_train_bbx_gt.txt", "wider_face_val_bbx_gt.txt"):
        split = "train" if "train" in PurePosixPath(name).name else "val"
        found = tree.need(f"WIDER_{split}/images/*.jpg")
        images = {"/".join(PurePosixPath(path).parts[-2:]): path for path in found}
        for picture, faces in entries(tree, name):
            if picture not in images:
                raise BadRecording(
                    f"{tree.where(name)} names {picture}, which is not in WIDER_{split}/images: unpack it again."
                )
            yield _picture(tree, split, picture, images[picture], faces, dropped)


def entries(tree: Tree, name: str) -> Iterator[tuple[str, np.ndarray]]:
    """Picture and its faces, int (n, 10), of every entry; one without faces has a line of zeros to pass over."""
    lines = tree.read(name).decode("utf-8", "replace").splitlines()
    at = 0
    while at < len(lines):
        try:
            n_faces = int(lines[at + 1])
            end = at + 2 + max(n_faces, 1)
            rows = [[int(value) for value in line.split()] for line in lines[at + 2 : end]]
            faces = np.array(rows).reshape(max(n_faces, 1), N_COLUMNS)[:n_faces]
        except (ValueError, IndexError) as error:
            raise BadRecording(
                f"{tree.where(name)} is damaged at the entry of line {at + 1}, expected a picture, a count, and "
                f"that many lines of {N_COLUMNS} whole numbers: fetch it again."
            ) from error
        yield lines[at].strip(), faces
        at = end


def _picture(
    tree: Tree, split: str, name: str, path: str, faces: np.ndarray, dropped: list[Dropped]
) -> Picture:
    kept = []
    for number, face in enumerate(faces, 1):
        reason = "marked invalid" if face[7] else "box without extent" if face[2:4].min() < 1 else ""
        if reason:
            dropped.append(Dropped(f"{name}, box {number}", reason))
        else:
            kept.append(face)
    faces = np.reshape(kept, (-1, N_COLUMNS)).astype(int)
    boxes = np.hstack([faces[:, :2], faces[:, :2] + faces[:, 2:4]]).astype(float)
    labels = tuple(BLUR[min(blur, 2)] for blur in faces[:, 4])
    return cut(Picture("wider_face", name, split, read_image(tree, path), boxes, labels), dropped)


CORPUS = BoxCorpus(
    name="wider_face",
    title="WIDER FACE: 32,203 pictures, 393,703 faces, of which train and val have boxes",
    licence="research, non-commercial",
    cite="Yang et al. (2016), WIDER FACE: a face detection benchmark, CVPR",
    layout="wider_face_split/wider_face_train_bbx_gt.txt, WIDER_train/images/0--Parade/*.jpg, the same of val; or the zips",
    where="the project page of WIDER FACE at the Chinese University of Hong Kong",
    pictures=pictures,
)
