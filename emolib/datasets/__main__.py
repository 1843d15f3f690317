"""python -m emolib.datasets list | check NAME | fetch NAME"""

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence

from emolib.core.errors import CorpusMissing, EmolibError
from emolib.datasets import CORPORA, get, labels, load, root_of
from emolib.datasets.archives import open_tree
from emolib.datasets.base import Corpus, Dropped, Trial

EXIT_ERROR, EXIT_BY_HAND = 1, 2
BY_HAND = {  # by access
    "open": "open, but emolib knows no lasting address of its files; a person gets them in a browser.",
    "agreement": "given to people who accept its publisher's terms, not to programs.",
    "own": "nothing to download.",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 done; 1 an error, in one line on stderr; 2 a corpus that only a person can ask for."""
    parser = argparse.ArgumentParser(prog="python -m emolib.datasets", description="The corpora of emolib.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="every corpus: modalities, tasks, whether it is there, licence")
    commands.add_parser("check", help="load a corpus whole and count").add_argument("name")
    commands.add_parser("fetch", help="download a corpus, or say where to ask for it").add_argument("name")
    arguments = parser.parse_args(argv)
    try:
        if arguments.command == "list":
            return print_list()
        return {"check": check, "fetch": fetch}[arguments.command](get(arguments.name))
    except EmolibError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_ERROR


def print_list() -> int:
    rows = [("corpus", "modalities", "tasks", "there?", "licence")]
    for corpus in CORPORA.values():
        modalities, tasks = " ".join(corpus.modalities), " ".join(corpus.tasks)
        rows.append((corpus.name, modalities, tasks, _there(corpus), corpus.licence))
    _print_table(rows)
    return 0


def check(corpus: Corpus) -> int:
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
    return 0


def fetch(corpus: Corpus) -> int:
    """Download a corpus and say what came, or say how a person gets it."""
    if corpus.name == "synthetic":
        print(f"{corpus.name}: {corpus.where}")
        return 0
    if not corpus.downloads and not corpus.listing:
        print(f"{corpus.name} ({corpus.licence}): {BY_HAND[corpus.access]}")
        _print_steps(corpus)
        return EXIT_BY_HAND
    from emolib.datasets import download

    root = root_of(corpus.name)
    try:
        places = download.fetch(corpus, root)
    except EmolibError:
        print(f"{corpus.name} ({corpus.licence}) was not fetched; by hand it goes like this.")
        _print_steps(corpus)
        raise
    print(*places, sep="\n")
    for told in download.unhashed(corpus, root):
        print(told)
    _print_fingerprint(corpus)
    print(f"{corpus.name}: {corpus.licence}. Cite {corpus.cite}.")
    return 0


def _print_steps(corpus: Corpus):
    print(f"get it: {corpus.where}\ninto:   {root_of(corpus.name)}\nas:     {corpus.layout}")
    print(f"then:   python -m emolib.datasets check {corpus.name}")


def _print_fingerprint(corpus: Corpus):
    """Say whether the files that the loader reads are those that emolib was tested with."""
    if not corpus.fingerprint:
        return
    found = open_tree(root_of(corpus.name)).fingerprint(*corpus.reads)
    if found == corpus.fingerprint:
        print(f"{corpus.name}: the same files that emolib was tested with")
    else:
        print(
            f"{corpus.name}: other files than emolib was tested with (sha256 over all "
            f"{found}, expected {corpus.fingerprint}): changed by the publisher, or not all; expect other numbers"
        )


def _check_modality(corpus: Corpus, modality: str):
    from tqdm import tqdm

    dropped: list[Dropped] = []
    counts: dict[str, Counter] = defaultdict(Counter)
    seconds = []
    for trial in tqdm(load(corpus.name, modality, dropped), f"{corpus.name} {modality}", unit=" trials"):
        for fact, value in _facts(corpus, trial).items():
            counts[fact][value] += 1
        seconds += _seconds(trial)
    if not counts:
        raise CorpusMissing(f"{root_of(corpus.name)} holds no {modality} trial, expected {corpus.layout}.")
    print(f"{corpus.name} {modality}: {counts['trial'].total()} trials of {len(counts['subject'])} subjects")
    length = f"{min(seconds):.2f} to {max(seconds):.2f} s" if seconds else "single pictures"
    rows = [(fact, _one_line(counter)) for fact, counter in counts.items() if fact != "trial"]
    reasons = Counter(drop.reason for drop in dropped)
    left_out = "; ".join(f"{n} {reason}" for reason, n in sorted(reasons.items())) or "none"
    _print_table([*rows, ("length", length), ("dropped", left_out)], indent="  ")


def _facts(corpus: Corpus, trial: Trial) -> dict[str, str]:
    """What `check` counts of a trial; every task's class among it, so that an unmapped label is found."""
    facts = {
        "trial": "",
        "subject": trial.subject,
        "label": trial.label,
        "split": trial.split,
        "kind": trial.kind,
    }
    facts["rate"] = f"{trial.sfreq:g} Hz" if trial.sfreq else ""
    facts["size"] = " x ".join(map(str, _size(trial)))
    for task in corpus.tasks:
        facts[task] = labels.target(corpus.name, task, trial) or "(left out)"
    return {fact: value for fact, value in facts.items() if value or fact == "trial"}


def _size(trial: Trial) -> tuple[int, ...]:
    """The shape without its time axis: channels, bands, or a picture's height and width."""
    time_axis = _time_axis(trial) if trial.sfreq else None
    return tuple(n for axis, n in enumerate(trial.data.shape) if axis != time_axis)


def _time_axis(trial: Trial) -> int:
    return 1 if trial.kind == "raw" else 0


def _seconds(trial: Trial) -> list[float]:
    return [trial.data.shape[_time_axis(trial)] / trial.sfreq] if trial.sfreq else []


def _one_line(counter: Counter, most: int = 60) -> str:
    if len(counter) > most:
        return f"{len(counter)} different, {min(counter.values())} to {max(counter.values())} trials each"
    return ", ".join(f"{value} {n}" for value, n in sorted(counter.items()))


def _there(corpus: Corpus) -> str:
    if corpus.name == "synthetic":
        return "built in"
    root = root_of(corpus.name)
    return "yes" if root.is_dir() and any(root.iterdir()) else "no"


def _print_table(rows: Sequence[tuple[str, ...]], indent: str = ""):
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print(indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    sys.exit(main())
