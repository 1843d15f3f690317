"""What `emolib datasets` does: list the corpora, check one, fetch one."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from emolib.core.errors import CorpusMissing, EmolibError
from emolib.datasets import NAMES, get, labels, load, root_of
from emolib.datasets.archives import open_tree
from emolib.datasets.base import Corpus, Trial

BY_HAND_STATUS = 2  # of the exit: only a person can get it
MOST_LISTED = 60  # different values in a line


def list_corpora() -> None:
    """Print every corpus, and whether it is there."""
    rows = [("corpus", "modalities", "tasks", "there?", "licence")]
    for corpus in map(get, NAMES):
        is_there = "yes" if any(root_of(corpus.name).glob("*")) else "no"
        is_there = "built in" if corpus.name == "synthetic" else is_there
        modalities, tasks = " ".join(corpus.modalities), " ".join(corpus.tasks)
        rows.append((corpus.name, modalities, tasks, is_there, corpus.licence))
    _print_table(rows)


def check(corpus: Corpus) -> None:
    """Load every modality of a corpus and print its counts; fails where none of them is there."""
    absent = []
    for modality in corpus.modalities:
        try:
            _check_modality(corpus, modality)
        except CorpusMissing as error:
            absent.append(error)
            print(f"{corpus.name} {modality}: absent\n")
    if len(absent) == len(corpus.modalities):
        raise absent[0]
    _print_fingerprint(corpus)


def fetch(corpus: Corpus) -> int:
    """Download a corpus and say what came, status 0; or say how a person gets it, status 2."""
    if corpus.name == "synthetic":
        print(f"{corpus.name}: {corpus.where}")
        return 0
    if not corpus.downloads and not corpus.listing:
        print(f"{corpus.name} ({corpus.licence}): not for programs; a person gets it like this.")
        _print_steps(corpus)
        return BY_HAND_STATUS
    from emolib.datasets import download

    root = root_of(corpus.name)
    try:
        places = download.fetch(corpus, root)
    except EmolibError:
        print(f"{corpus.name} ({corpus.licence}) was not fetched; by hand it goes like this.")
        _print_steps(corpus)
        raise
    print(*places, *download.unhashed(corpus, root), sep="\n")
    _print_fingerprint(corpus)
    print(f"{corpus.name}: {corpus.licence}. Cite {corpus.cite}.")
    return 0


def _print_steps(corpus: Corpus):
    print(f"get it: {corpus.where}\ninto:   {root_of(corpus.name)}\nas:     {corpus.layout}")
    print(f"then:   emolib datasets check {corpus.name}")


def _print_fingerprint(corpus: Corpus):
    """Say whether the files that the loader reads are those that emolib was tested with."""
    if not corpus.fingerprint:
        return
    found = open_tree(root_of(corpus.name)).fingerprint(*corpus.reads)
    told = "the same files that emolib was tested with"
    if found != corpus.fingerprint:
        told = f"other files than emolib was tested with (sha256 {found}, expected {corpus.fingerprint}): other numbers"
    print(f"{corpus.name}: {told}")


def _check_modality(corpus: Corpus, modality: str):
    from tqdm import tqdm

    dropped, seconds, counts = [], [], defaultdict(Counter)
    for trial in tqdm(load(corpus.name, modality, dropped), f"{corpus.name} {modality}", unit=" trials"):
        for fact, value in _facts(corpus, trial).items():
            counts[fact][value] += 1
        if trial.sfreq:
            seconds.append(trial.data.shape[_time_axis(trial)] / trial.sfreq)
    if not counts:
        raise CorpusMissing(f"{root_of(corpus.name)} holds no {modality} trial, expected {corpus.layout}.")
    n_trials = counts["subject"].total()
    print(f"{corpus.name} {modality}: {n_trials} trials of {len(counts['subject'])} subjects")
    length = f"{min(seconds):.2f} to {max(seconds):.2f} s" if seconds else "single pictures"
    rows = []
    for fact, of in counts.items():
        told = f"{len(of)} different, {min(of.values())} to {max(of.values())} trials each"
        listed = ", ".join(f"{value} {n}" for value, n in sorted(of.items()))
        rows.append((fact, told if len(of) > MOST_LISTED else listed))
    reasons = Counter(drop.reason for drop in dropped)
    left_out = "; ".join(f"{n} {reason}" for reason, n in sorted(reasons.items())) or "none"
    _print_table([*rows, ("length", length), ("dropped", left_out)], indent="  ")


def _facts(corpus: Corpus, trial: Trial) -> dict[str, str]:
    """What `check` counts of a trial; every task's class among it, so that an unmapped label is found."""
    facts = {name: getattr(trial, name) for name in ("subject", "label", "split", "kind")}
    facts["rate"] = f"{trial.sfreq:g} Hz" if trial.sfreq else ""
    # channels, bands, or a picture's height and width; without time
    shape = np.delete(trial.data.shape, _time_axis(trial)) if trial.sfreq else trial.data.shape
    facts["size"] = " x ".join(map(str, shape))
    facts |= {task: labels.target(corpus.name, task, trial) or "(left out)" for task in corpus.tasks}
    return {fact: value for fact, value in facts.items() if value}


def _time_axis(trial: Trial) -> int:
    return 1 if trial.kind in ("raw", "eda") else 0


def _print_table(rows: Sequence[tuple[str, ...]], indent: str = ""):
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print(indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
