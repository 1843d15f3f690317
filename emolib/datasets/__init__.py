"""The registry of corpora: what there is, where it lies, and its trials.

The module of a corpus is imported when it is first asked for.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path

from emolib.core.errors import BadParameter, check_options
from emolib.core.paths import data_root
from emolib.datasets.archives import is_junk
from emolib.datasets.base import Corpus, Dropped, Trial, one_spelling

MODULES = {  # by corpus
    "synthetic": "synthetic",
    **dict.fromkeys(("emodb", "ravdess", "crema_d", "tess", "savee"), "acted_speech"),
    **dict.fromkeys(("fer2013", "ck_plus", "image_folder"), "faces"),
    **{name: name for name in ("own", "stress_predict", "wesad", "cogwear", "walking", "muse", "gameemo")},
    **dict.fromkeys(("deap", "dreamer", "seed"), "films"),
}
NAMES = tuple(MODULES)


def get(name: str) -> Corpus:
    """A corpus of the registry. Raises BadParameter for a name it does not hold."""
    if name not in NAMES:
        close = get_close_matches(name, NAMES, n=3, cutoff=0.5) or NAMES
        raise BadParameter(f"corpus: got {name!r}, expected {' or '.join(close)}.")
    return getattr(import_module(f"{__name__}.corpora.{MODULES[name]}"), name.upper())


def root_of(name: str) -> Path:
    """Folder of a corpus: $EMOLIB_DATA/<name>, else data/raw/<name>."""
    return data_root() / name


def fingerprint(*names: str) -> str:
    """A hash of the files of corpora, by name, size and time; "" for corpora without files."""
    lines = []
    for root in map(root_of, names):
        for path in root.rglob("*"):
            name = path.relative_to(root).as_posix()
            if path.is_file() and not is_junk(name):
                about = path.stat()
                lines.append(f"{root.name}/{name} {about.st_size} {about.st_mtime_ns}\n")
    listing = "".join(sorted(lines)).encode(errors="surrogateescape")
    return hashlib.sha256(listing).hexdigest()[:16] if lines else ""


def load(name: str, modality: str, dropped: list[Dropped] | None = None, **options) -> Iterator[Trial]:
    """Trials of a corpus in one modality; what it leaves out is appended to `dropped`.

    `options` go to its loader. Raises BadParameter for a corpus, modality or option that does not exist,
    CorpusMissing where its files are not, BadRecording and UnmappedLabel while iterating.
    """
    corpus = get(name)
    if modality not in corpus.modalities:
        expected = " or ".join(corpus.modalities)
        raise BadParameter(f"modality: got {modality!r}, expected {expected} for {name}.")
    check_options(options, corpus.trials, f"the loader of {name}")
    found, spelt = corpus.trials(root_of(name), modality, [] if dropped is None else dropped, **options), {}
    return (replace(trial, subject=one_spelling(trial.subject, spelt, "Subject")) for trial in found)
