"""Extended Cohn-Kanade (CK+): posed expressions of 123 people; 327 of 593 sequences carry an emotion."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from emolib.core.errors import UnmappedLabel
from emolib.datasets.archives import open_tree
from emolib.datasets.base import Corpus, Dropped, Trial
from emolib.datasets.labels import SIDES, mapped
from emolib.datasets.media import read_image, read_text

EMOTIONS = ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")
CODES = {f"{code:.7e}": emotion for code, emotion in enumerate(EMOTIONS, start=1)}


def trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
    """The last picture of each sequence, where the expression is at its peak: (height, width[, 3]) uint8."""
    tree = open_tree(root)
    coded = {_sequence(name): name for name in tree.need("S???/???/*_emotion.txt")}
    peaks = {_sequence(name): name for name in tree.need("S???/???/S*.png")}  # the last one stays
    for sequence in sorted(peaks.keys() | coded.keys()):
        if sequence not in coded:
            dropped.append(Dropped(sequence, "no emotion was assigned"))
        elif sequence not in peaks:
            dropped.append(Dropped(sequence, "no pictures"))
        else:
            text = read_text(tree, coded[sequence]).strip()
            if text not in CODES:
                where = tree.where(coded[sequence])
                raise UnmappedLabel(f"{where} says {text!r}, expected {', '.join(CODES)}: mend it.")
            data, subject = read_image(tree, peaks[sequence]), sequence.split("_")[0]
            yield Trial("ck_plus", "face", subject, sequence, data, 0.0, CODES[text])


def _sequence(name: str) -> str:
    """S005_001 of …/S005/001/S005_001_00000011.png."""
    folder = PurePosixPath(name).parent
    return f"{folder.parent.name}_{folder.name}"


CK_PLUS = Corpus(
    name="ck_plus",
    title="CK+: posed expressions, picture sequences",
    modalities=("face",),
    tasks={"emotion7": ("angry", "contempt", "disgust", "fear", "happy", "sad", "surprise"), **SIDES},
    labels=mapped(*EMOTIONS),
    licence="research only, by agreement",
    cite="Lucey et al. 2010, The extended Cohn-Kanade dataset (CK+), CVPR Workshops",
    layout="cohn-kanade-images/S005/001/S005_001_00000011.png … and "
    "Emotion/S005/001/S005_001_00000011_emotion.txt …",
    where="ask at http://www.jeffcohn.net/Resources/",
    trials=trials,
)
