"""Corpora of sentences that actors speak in one emotion after another: EmoDB, CREMA-D, TESS, SAVEE and RAVDESS.

Each gives one trial per utterance, whose file name says actor and emotion.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from emolib.datasets.archives import open_tree
from emolib.datasets.base import Copies, Corpus, Dropped, Trial, github_archive
from emolib.datasets.download import dataverse_files, lfs_files
from emolib.datasets.labels import EMOTION4, EMOTION6, EMOTION7, SIDES, WORDS, mapped
from emolib.datasets.media import FPS, SFREQ, read_audio, read_frames, read_video, with_endings

Parsed = tuple[str, str, str, str] | str  # (subject, trial, label, text), or the reason to leave the file out


def named(names: Iterable[str], parse: Callable[[str], Parsed], dropped: list[Dropped]) -> Iterator[tuple]:
    """(name, subject, trial, label, text) of the files whose names say what they are; others are dropped."""
    for name in names:
        parsed = parse(name)
        if isinstance(parsed, str):
            dropped.append(Dropped(name, parsed))
        else:
            yield name, *parsed


def trials_from(corpus: str, patterns: tuple[str, ...], parse: Callable[[str], Parsed]) -> Callable:
    """The `trials` of a corpus whose sound files match a pattern; `parse(name)` says what they are."""

    def trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
        tree, copies = open_tree(root), Copies(dropped)
        for name, subject, trial, label, text in named(tree.need(*patterns), parse, dropped):
            made = Trial(corpus, "speech", subject, trial, read_audio(tree, name), SFREQ, label, stimulus=text)
            if not made.data.any():
                dropped.append(Dropped(name, "silent or empty"))
            elif copies.is_new(made, name):
                yield made

    return trials


EMODB_EMOTIONS = {  # Wut, Langeweile, Ekel, Angst, Freude, Trauer
    "W": "anger", "L": "boredom", "E": "disgust", "A": "fear", "F": "happiness", "T": "sadness", "N": "neutral",
}  # fmt: skip


def parse_emodb(name: str) -> Parsed:
    stem = PurePosixPath(name).stem
    match = re.fullmatch(r"(\d\d)([ab]\d\d)([A-Z])[a-z]", stem)  # speaker, text, emotion (in German), version
    return (match[1], stem, EMODB_EMOTIONS.get(match[3], match[3]), match[2]) if match else "not named like 03a01Fa"


EMODB = Corpus(
    name="emodb",
    title="Berlin EmoDB: acted German speech",
    modalities=("speech",),
    tasks={"emotion7": ("angry", "boredom", "disgust", "fear", "happy", "sad", "neutral")} | EMOTION6 | SIDES,
    labels=mapped("anger", "boredom", "disgust", "fear", "happiness", "sadness", "neutral"),
    licence="freely available; cite the paper",
    cite="Burkhardt et al. 2005, A database of German emotional speech, Interspeech",
    layout="wav/03a01Fa.wav … (or the same names as flac): speaker, text, emotion letter, version",
    where="http://emodb.bilderbar.info",
    trials=trials_from("emodb", ("*.wav", "*.flac"), parse_emodb),
    downloads=(("http://emodb.bilderbar.info/download/download.zip", None, "download.zip"),),
)


CREMA_D_EMOTIONS = {
    "ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad",
}  # fmt: skip
DEFECTS = {  # as the publisher's README lists them
    "1064_IEO_DIS_MD": "known defect: holds all emotions",
    "1064_TIE_SAD_XX": "known defect: next to no sound",
    "1076_MTI_NEU_XX": "known defect: next to no sound",
    "1076_MTI_SAD_XX": "known defect: next to no sound",
}


def parse_crema_d(name: str) -> Parsed:
    """The label is the emotion that was acted, not the one that raters heard."""
    stem = PurePosixPath(name).stem
    match = re.fullmatch(r"(\d{4})_([A-Z]{3})_([A-Z]{3})_[A-Z]+", stem)  # actor, sentence, emotion, intensity
    if stem in DEFECTS or not match:
        return DEFECTS.get(stem, "not named like 1001_DFA_ANG_XX")
    return match[1], stem, CREMA_D_EMOTIONS.get(match[3], match[3]), match[2]


CREMA_D = Corpus(
    name="crema_d",
    title="CREMA-D: acted English speech of 91 actors",
    modalities=("speech",),
    tasks={**EMOTION6, **SIDES},
    labels=mapped("anger", "disgust", "fear", "happy", "neutral", "sad"),
    licence="Open Database License 1.0",
    cite="Cao et al. 2014, CREMA-D, IEEE Trans. Affective Computing 5(4)",
    layout="AudioWAV/1001_DFA_ANG_XX.wav …: actor, sentence, emotion, intensity",
    where="in that folder GIT_LFS_SKIP_SMUDGE=1 git clone --depth 1 https://github.com/CheyneyComputerScience/CREMA-D && "
    "git -C CREMA-D lfs pull --include AudioWAV (0.6 GB; a zip from the website holds pointers, no sound)",
    trials=trials_from("crema_d", ("AudioWAV/*.wav", "*_???_???_*.wav"), parse_crema_d),
    downloads=(github_archive("CheyneyComputerScience/CREMA-D", "refs/heads/master"),),
    listing=partial(
        lfs_files,
        archive="CREMA-D.zip",
        pattern="AudioWAV/*.wav",
        url="https://media.githubusercontent.com/media/CheyneyComputerScience/CREMA-D/master/AudioWAV",
    ),
)


TESS_DAMAGED = ("YAF_germ_angry", "YAF_neat_fear")  # say other public loaders; not seen by us


def parse_tess(name: str) -> Parsed:
    stem = PurePosixPath(name).stem
    if stem in TESS_DAMAGED:
        return "reported damaged: other public loaders leave it out"
    match = re.fullmatch(r"(oaf?|yaf)_((.+)_([a-z]+))", stem.lower())  # older or younger actress, word, emotion
    if not match:
        return "not named like OAF_back_angry"
    subject = "YAF" if match[1] == "yaf" else "OAF"  # one published file is called OA_bite_neutral
    return subject, f"{subject}_{match[2]}", match[4], match[3]


TESS = Corpus(  # with two actresses, a subject-independent split tests on one person
    name="tess",
    title="TESS: acted English words of two actresses",
    modalities=("speech",),
    tasks={**EMOTION7, **EMOTION6, **EMOTION4, **SIDES},
    labels=mapped("angry", "disgust", "fear", "happy", "neutral", "sad")
    | {"ps": WORDS["surprise"]._replace(valence="positive")},
    licence="CC BY-NC-ND 4.0",
    cite="Pichora-Fuller and Dupuis 2020, Toronto emotional speech set, doi:10.5683/SP2/E8H2MF",
    layout="any folders with OAF_back_angry.wav …: actress, word, emotion (ps is pleasant surprise)",
    where="https://doi.org/10.5683/SP2/E8H2MF, its .wav files by the page's button Access Dataset",
    trials=trials_from("tess", ("*.wav",), parse_tess),
    listing=lambda root: dataverse_files("https://borealisdata.ca", "10.5683/SP2/E8H2MF", ".wav"),
)


SAVEE_EMOTIONS = {
    "a": "anger", "d": "disgust", "f": "fear", "h": "happiness", "n": "neutral", "sa": "sadness", "su": "surprise",
}  # fmt: skip


def parse_savee(name: str) -> Parsed:
    """One folder a speaker, or the flat copy. Sentences are numbered within an emotion: no number is a text."""
    match = re.fullmatch(
        r"(?:.*/)?(DC|JE|JK|KL)[/_]([a-z]+)(\d\d)\.wav", name, re.IGNORECASE
    )  # speaker, emotion, sentence
    if not match:
        return "not named like DC/a01.wav or DC_a01.wav"
    speaker, code, sentence = match[1].upper(), match[2].lower(), match[3]
    return speaker, f"{speaker}_{code}{sentence}", SAVEE_EMOTIONS.get(code, code), ""


SAVEE = Corpus(
    name="savee",
    title="SAVEE: acted English speech of four men",
    modalities=("speech",),
    tasks={**EMOTION7, **EMOTION6, **EMOTION4, **SIDES},
    labels=mapped("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"),
    licence="research only, by registration",
    cite="Haq and Jackson 2010, Multimodal emotion recognition, in Machine Audition, IGI Global",
    layout="AudioData/DC/a01.wav … or DC_a01.wav …: speaker, emotion code, sentence",
    where="register at http://kahlan.eps.surrey.ac.uk/savee/",
    trials=trials_from("savee", ("*.wav",), parse_savee),
)


# RAVDESS. File names are seven codes: modality (01 sound and video, 02 video, 03 sound) - vocal channel (01 speech,
# 02 song) - emotion - intensity - statement - repetition - actor. The six codes after the modality are the trial, so that
# speech and face of one take pair.

RAVDESS_EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")  # from 01


def parse_ravdess(name: str, modality: str) -> Parsed:
    codes = r"(0\d)-((0\d)-(\d\d)-\d\d-(\d\d)-\d\d-(\d\d))"  # modality, trial: channel, emotion, text, …, actor
    match = re.fullmatch(codes, PurePosixPath(name).stem)
    if not match:
        return "not named like 03-01-06-01-02-01-12"
    if match[3] != "01":
        return "song, not speech"
    if match[1] != modality:
        return f"modality {match[1]}, not {modality}"
    code = int(match[4])
    emotion = RAVDESS_EMOTIONS[code - 1] if 1 <= code <= len(RAVDESS_EMOTIONS) else match[4]
    return match[6], match[2], emotion, match[5]


def ravdess_trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
    """Takes of speech, or the faces in them (n_frames, height, width[, 3]) uint8; songs are dropped. Faces come from
    folders of frames, else from videos."""
    if modality == "speech":
        parse = partial(parse_ravdess, modality="03")
        yield from trials_from("ravdess", ("*-*-*-*-*-*-*.wav",), parse)(root, modality, dropped)
        return
    tree, copies = open_tree(root), Copies(dropped)
    frames = defaultdict(list)  # by folder
    for name in tree.names(*with_endings("*-*-*-*-*-*-*/*")):
        frames[str(PurePosixPath(name).parent)].append(name)
    names = sorted(frames) or tree.need("*-*-*-*-*-*-*.mp4")
    for name, subject, trial, label, text in named(names, partial(parse_ravdess, modality="01"), dropped):
        data, sfreq = (read_frames(tree, name, frames[name]), FPS) if frames else read_video(tree, name)
        made = Trial("ravdess", "face", subject, trial, data, sfreq, label, stimulus=text)
        if copies.is_new(made, name):
            yield made


RAVDESS = Corpus(
    name="ravdess",
    title="RAVDESS: acted English speech of 24 actors, with video",
    modalities=("speech", "face"),
    tasks={
        "emotion8": ("neutral", "calm", "happy", "sad", "angry", "fear", "disgust", "surprise"),
        **(EMOTION7 | EMOTION6 | EMOTION4 | SIDES),
    },
    labels=mapped(*RAVDESS_EMOTIONS),
    licence="CC BY-NC-SA 4.0",
    cite="Livingstone and Russo 2018, RAVDESS, PLoS ONE 13(5) e0196391",
    layout="Actor_12/03-01-06-01-02-01-12.wav …; for faces Actor_12/01-01-…-12.mp4 "
    f"(with av or opencv-python-headless) or a folder of frames, {FPS:g} a second, Actor_12/01-01-…-12/0001.png …",
    where="https://zenodo.org/records/1188976; the videos are its Video_Speech_Actor_XX.zip, by hand (12 GB)",
    trials=ravdess_trials,
    downloads=(
        (
            "https://zenodo.org/records/1188976/files/Audio_Speech_Actors_01-24.zip",
            "md5:bc696df654c87fed845eb13823edef8a",  # of 208,468,073 bytes, as others quote the record and checked it
            "Audio_Speech_Actors_01-24.zip",
        ),
    ),
)
