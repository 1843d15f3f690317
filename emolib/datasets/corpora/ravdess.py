"""RAVDESS: 24 actors speak two English sentences in eight emotions; sound, and the video of the same takes.

File names are seven codes: modality (01 sound and video, 02 video, 03 sound) - vocal channel (01 speech,
02 song) - emotion - intensity - statement - repetition - actor. The six codes after the modality are the
trial, so that speech and face of one take pair.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from emolib.datasets.archives import Tree, open_tree
from emolib.datasets.base import Corpus, Dropped, Trial
from emolib.datasets.corpora.acted_speech import Parsed, speech_trials
from emolib.datasets.labels import EMOTION4, EMOTION6, EMOTION7, SIDES, mapped
from emolib.datasets.media import FPS, read_frames, read_video, with_endings

NAME = re.compile(
    r"(0\d)-((0\d)-(\d\d)-\d\d-\d\d-\d\d-(\d\d))"
)  # modality, trial: channel, emotion, …, actor
EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")  # from 01


def trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
    """Takes of speech, or the faces in them; songs are dropped."""
    tree = open_tree(root)
    if modality == "speech":
        names = tree.need("*-*-*-*-*-*-*.wav")
        return speech_trials("ravdess", tree, names, partial(parse, modality="03"), dropped)
    return _face_trials(tree, dropped)


def parse(name: str, modality: str) -> Parsed:
    match = NAME.fullmatch(PurePosixPath(name).stem)
    if not match:
        return "not named like 03-01-06-01-02-01-12"
    if match[3] != "01":
        return "song, not speech"
    if match[1] != modality:
        return f"modality {match[1]}, not {modality}"
    code = int(match[4])
    return match[5], match[2], EMOTIONS[code - 1] if 1 <= code <= len(EMOTIONS) else match[4]


def _face_trials(tree: Tree, dropped: list[Dropped]) -> Iterator[Trial]:
    """Faces (n_frames, height, width[, 3]) uint8 of each take, from folders of frames, else from videos."""
    frames = defaultdict(list)  # by folder
    for name in tree.names(*with_endings("*-*-*-*-*-*-*/*")):
        frames[str(PurePosixPath(name).parent)].append(name)
    for name in sorted(frames) or tree.need("*-*-*-*-*-*-*.mp4"):
        parsed = parse(name, "01")
        if isinstance(parsed, str):
            dropped.append(Dropped(name, parsed))
            continue
        subject, trial, label = parsed
        data, sfreq = (read_frames(tree, name, frames[name]), FPS) if frames else read_video(tree, name)
        yield Trial("ravdess", "face", subject, trial, data, sfreq, label)


RAVDESS = Corpus(
    name="ravdess",
    title="RAVDESS: acted English speech of 24 actors, with video",
    modalities=("speech", "face"),
    tasks={
        "emotion8": ("neutral", "calm", "happy", "sad", "angry", "fear", "disgust", "surprise"),
        **(EMOTION7 | EMOTION6 | EMOTION4 | SIDES),
    },
    labels=mapped(*EMOTIONS),
    licence="CC BY-NC-SA 4.0",
    cite="Livingstone and Russo 2018, RAVDESS, PLoS ONE 13(5) e0196391",
    layout="Actor_12/03-01-06-01-02-01-12.wav …; for faces Actor_12/01-01-…-12.mp4 "
    f"(with opencv-python-headless) or a folder of frames, {FPS:g} a second, Actor_12/01-01-…-12/0001.png …",
    where="https://zenodo.org/records/1188976; the videos are its Video_Speech_Actor_XX.zip, by hand (12 GB)",
    trials=trials,
    downloads=(
        (
            "https://zenodo.org/records/1188976/files/Audio_Speech_Actors_01-24.zip",
            "md5:bc696df654c87fed845eb13823edef8a",  # of 208,468,073 bytes, as others quote the record and checked it
            "Audio_Speech_Actors_01-24.zip",
        ),
    ),
)
