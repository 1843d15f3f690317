"""Extended Cohn-Kanade (CK+): posed expressions of 123 people; 327 of 593 sequences carry an emotion."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from emolib.core.errors import UnmappedLabel
from emolib.datasets.archives import Tree, open_tree
from emolib.datasets.base import Corpus, Dropped, Trial
from emolib.datasets.labels import ANGRY, CONTEMPT, DISGUST, FEAR, HAPPY, SAD, SIDES, SURPRISE
from emolib.datasets.media import read_image

EMOTIONS = ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")  # codes from 1


def trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
    """The last picture of each sequence, where the expression is at its peak: (height, width[, 3]) uint8."""
    tree = open_tree(root)
    codes = {_sequence(name): name for name in tree.need("S???/???/*_emotion.txt")}
    frames = defaultdict(list)
    for name in tree.need("S???/???/S*.png"):
        frames[_sequence(name)].append(name)
    return _peaks(tree, frames, codes, dropped)


def _peaks(
    tree: Tree, frames: dict[str, list[str]], codes: dict[str, str], dropped: list[Dropped]
) -> Iterator[Trial]:
    for sequence in sorted(frames.keys() | codes.keys()):
        if sequence not in codes:
            dropped.append(Dropped(sequence, "no emotion was assigned"))
        elif sequence not in frames:
            dropped.append(Dropped(sequence, "no pictures"))
        else:
            data, label = read_image(tree, frames[sequence][-1]), _emotion(tree, codes[sequence])
            yield Trial("ck_plus", "face", sequence.split("_")[0], sequence, data, 0.0, label)


def _sequence(name: str) -> str:
    """S005_001 of …/S005/001/S005_001_00000011.png."""
    folder = PurePosixPath(name).parent
    return f"{folder.parent.name}_{folder.name}"


def _emotion(tree: Tree, name: str) -> str:
    text = tree.read(name).decode("ascii", "replace").strip()  # such as 3.0000000e+00
    codes = {f"{code:.7e}": emotion for code, emotion in enumerate(EMOTIONS, start=1)}
    if text not in codes:
        raise UnmappedLabel(f"{tree.where(name)} says {text!r}, expected {', '.join(codes)}: mend it.")
    return codes[text]


CK_PLUS = Corpus(
    name="ck_plus",
    title="CK+: posed expressions, picture sequences",
    modalities=("face",),
    tasks={"emotion7": ("angry", "contempt", "disgust", "fear", "happy", "sad", "surprise"), **SIDES},
    labels=dict(zip(EMOTIONS, (ANGRY, CONTEMPT, DISGUST, FEAR, HAPPY, SAD, SURPRISE), strict=True)),
    licence="research only, by agreement",
    cite="Lucey et al. 2010, The extended Cohn-Kanade dataset (CK+), CVPR Workshops",
    layout="cohn-kanade-images/S005/001/S005_001_00000011.png … and "
    "Emotion/S005/001/S005_001_00000011_emotion.txt …",
    where="ask at http://www.jeffcohn.net/Resources/",
    trials=trials,
)
