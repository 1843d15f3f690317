"""Results for people who read the repository: docs/results.json, docs/RESULTS.md and the table in README.md.

`python -m emolib.readme results/real` writes all three from that run's summary.json; nothing is typed by hand.
"""

import json
import re
import sys
from pathlib import Path

from emolib.artifacts import Run, atomic
from emolib.errors import BadArtifact
from emolib.paths import PROJECT
from emolib.tables import interval

MARKS = (
    "<!-- results: written by `python -m emolib.readme` from docs/results.json -->",
    "<!-- end of results -->",
)
INT8_UAR = "static_wi8_ai8/uar"
SHOWN = ("float32/uar", INT8_UAR, "static_wi8_ai8/bytes", "int8_drop/points", "int8_ratio/size")
HEADS = (
    "task",
    "UAR float32 (%)",
    "UAR int8 (%)",
    "int8 file (kB)",
    "lost to int8 (points)",
    "times smaller",
)


UNITS = {  # unit: factor, digits, what stands behind the number
    "fraction": (100, ".1f", " %"),
    "bytes": (1e-3, ".1f", " kB"),
    "points": (1, ".2f", " points"),
    "ratio": (1, ".2f", " ×"),
    "us": (1, ".1f", " µs"),
    "ms": (1, ".3g", " ms"),
    "mJ": (1, ".3g", " mJ"),
    "": (1, ".3g", ""),
    "MACs": (1, ",.0f", " MACs"),
    "params": (1, ",.0f", " parameters"),
    "BOPs": (1, ",.0f", " BOPs"),
    "cycles": (1, ",.0f", " cycles"),
    "percent": (1, ".1f", " %"),
    "kB": (1, ".1f", " kB"),
    "LSB": (1, ".0f", " LSB"),
    "logits": (1, ".1e", " of a logit"),
    "cells": (1, ",.0f", " cells"),
    "fraction of folds": (100, ".0f", " % of folds"),
}


def cell(entry: dict | None, with_unit: bool = True) -> str:
    """A number with its interval, in the unit that people read."""
    if entry is None:
        return "–"
    factor, digits, unit = UNITS[entry["unit"]]
    ends = (None if entry[end] is None else factor * entry[end] for end in ("value", "low", "high"))
    return interval(*ends, digits=digits) + unit * with_unit


def rows(numbers: dict[str, dict]) -> list[list[str]]:
    """One row per int8 model, by the part of the keys that its numbers share."""
    stems = sorted(key.removesuffix(INT8_UAR) for key in numbers if key.endswith(INT8_UAR))
    return [
        [stem.rstrip("/_"), *(cell(numbers.get(stem + metric), with_unit=False) for metric in SHOWN)]
        for stem in stems
    ]


def markdown(head: list[str], body: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def fusion_lines(numbers: dict[str, dict]) -> str:
    """The fused arousal number, with why it is optimistic."""
    found = [(key, entry) for key, entry in numbers.items() if key.startswith("paired/")]
    if not found:
        return ""
    by_key = dict(found)
    uar = next(entry for key, entry in found if key.endswith("/weighted/uar"))
    gain = next(entry for key, entry in by_key.items() if key.endswith("/fusion_gain/points"))
    unsure = " (the interval holds zero: no gain is shown)" * (gain["low"] <= 0)
    return (
        f"\nArousal fused from four corpora: UAR {cell(uar)}, {cell(gain)} over the best single one{unsure}. "
        "*Optimistic*: the corpora share no people, so trials of strangers were paired by label, which makes the "
        "errors of the modalities independent.\n"
    )


def write(path: Path, text: str):
    with atomic(path) as temporary:
        temporary.write_text(text)


def provenance(run: Run, numbers: dict[str, dict]) -> str:
    """The one commit that made every number, and the run. Raises BadArtifact for several, or changed files."""
    commits = run.commits(entry["artifact"] for entry in numbers.values())
    if len(commits) > 1 or commits & {""} or any(commit.endswith("+") for commit in commits):
        raise BadArtifact(
            f"{run.folder} was made by {', '.join(sorted(commits))}, expected one commit without changed files: "
            "run it again in a fresh clone."
        )
    return f"Commit {commits.pop()[:12]}, run `{run.folder.name}`"


def publish(folder: Path):
    """Copy the run's summary to docs/ and render it. Raises BadArtifact."""
    run = Run(folder, "readme", {})
    numbers = run.json("summary.json")
    origin = provenance(run, numbers)
    table = markdown(list(HEADS), rows(numbers)) + fusion_lines(numbers)
    note = (
        f"\n{origin}; 95 % intervals by bootstrap over subjects; more numbers: `docs/RESULTS.md`. "
        "`leaky` is a random split, for comparison only.\n"
    )
    every = markdown(
        ["key", "value", "n", "artifact"],
        [
            [f"`{key}`", cell(entry), str(entry["n"]), f"`{entry['artifact']}`"]
            for key, entry in numbers.items()
        ],
    )
    write(PROJECT / "docs/results.json", json.dumps(numbers, indent=1) + "\n")
    write(
        PROJECT / "docs/RESULTS.md",
        f"# Results\n\n{origin}, by `make reproduce CONFIG=config/{folder.name}.yaml`. Rendered by "
        "`python -m emolib.readme`, not by hand. Tables by subject, fold and layer lie in the run's `tables/`.\n\n"
        f"{table}\n## Every number of summary.json\n\n{every}",
    )
    readme = (PROJECT / "README.md").read_text()
    start, end = map(re.escape, MARKS)
    filled = re.sub(f"({start}).*?({end})", lambda m: f"{m[1]}\n{table}{note}{m[2]}", readme, flags=re.S)
    write(PROJECT / "README.md", filled)


if __name__ == "__main__":
    publish(Path(sys.argv[1]))
