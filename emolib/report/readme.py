"""Results for people who read the repository: docs/results.json, docs/RESULTS.md and the tables in README.md.

`python -m emolib.report.readme results/real` puts that run's summary.json in the place of what docs/results.json held of a
run of that name, and renders the other two from the whole; nothing is typed by hand.
"""

import json
import re
import sys
from pathlib import Path

from emolib.core.artifacts import Run, atomic
from emolib.core.errors import BadArtifact
from emolib.core.paths import PROJECT
from emolib.report import goals, reporting
from emolib.report.related_work import side_by_side
from emolib.report.tables import interval

MARKS = (
    "<!-- results: written by `python -m emolib.report.readme` from docs/results.json -->",
    "<!-- end of results -->",
)
INT8_UAR = "int8/uar"
SHOWN = ("float32/uar", INT8_UAR, "int8/bytes", "int8_drop/points", "int8_ratio/size")
HEADS = (
    "task",
    "UAR float32 (%)",
    "UAR int8 (%)",
    "int8 file (kB)",
    "lost to int8 (points)",
    "times smaller",
)
REPEATED = re.compile(r"(.*/|.*_)repeats_(\w+)/uar")
REPEATS = (
    "task",
    "normalised by",
    "UAR (%)",
    "sd of seeds (%)",
    "mean of people (%)",
    "their sd (%)",
    "points",
)
GAIN = "/fusion_gain/points"
JOINT = re.compile(r"(.*_)(feature|robust|hybrid|only_\w+|weighted)/gain_points")
NETWORKS = (
    "Networks of several branches (`robust`: trained with branches dropped at random; `hybrid`: with a head of its own "
    "on each branch; `only_`: one branch trained alone, which may gain over that modality's own network by itself) "
    "beside weighted scores of single networks, on the same trials. `synthetic` says nothing about people, `paired` is "
    "optimistic"
)
JOINTS = (
    "modalities",
    "way",
    "UAR int8 (%)",
    "int8 files (kB)",
    "points over the best single one",
    "one gone: points over the best one left",
)
CAUTIONS = {  # start of a fusion study's keys: what its number must not be taken for
    "paired/": " *Optimistic*: the corpora share no people, so trials of strangers were paired by label, which makes "
    "the errors of the modalities independent.",
    "synthetic/": " *Synthetic*: it says nothing about people.",
}
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
    "FLOPs": (1, ",.0f", " FLOPs"),
    "cycles": (1, ",.0f", " cycles"),
    "percent": (1, ".1f", " %"),
    "kB": (1, ".1f", " kB"),
    "LSB": (1, ".0f", " LSB"),
    "rank": (1, ".2f", " (mean rank)"),
    "hops": (1, ",.0f", " hops"),
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
    """One row per int8 model of people, by the part of the keys that its numbers share."""
    on_people = (key for key in numbers if not key.startswith("synthetic/"))
    stems = sorted(key.removesuffix(INT8_UAR) for key in on_people if key.endswith(INT8_UAR))
    return [
        [stem.rstrip("/_"), *(cell(numbers.get(stem + metric), with_unit=False) for metric in SHOWN)]
        for stem in stems
    ]


def markdown(head: list[str], body: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def repeat_lines(numbers: dict[str, dict]) -> str:
    """What several seeds give, and label-free normalisation within each person."""
    body = []
    for key in numbers:
        if found := REPEATED.fullmatch(key):
            stem, way = found.groups()
            spreads = (numbers.get(f"{key}_{name}") for name in ("seeds_sd", "people_mean", "people_sd"))
            told = (numbers[key], *spreads, numbers.get(f"{stem}repeats_{way}_gain/points"))
            body.append([stem.rstrip("/_"), way, *(cell(entry, with_unit=False) for entry in told)])
    return f"\nOver several seeds, float32:\n\n{markdown(list(REPEATS), body)}" if body else ""


def joint_lines(numbers: dict[str, dict]) -> str:
    """Networks of several branches beside weighted scores of single ones, on the same trials."""
    body = []
    for key in numbers:
        if found := JOINT.fullmatch(key):
            stem, way = found.groups()
            names = ("/uar", "/bytes", "/gain_points", "_missing_one/worst_points")
            told = (numbers.get(stem + way + name) for name in names)
            body.append([stem.rstrip("_"), way, *(cell(entry, with_unit=False) for entry in told)])
    return f"\n{NETWORKS}:\n\n{markdown(list(JOINTS), body)}" if body else ""


def fusion_lines(numbers: dict[str, dict]) -> str:
    """The number of each fusion study, and what it must not be taken for."""
    lines = [f"- {_fused(key.removesuffix(GAIN), numbers)}\n" for key in numbers if key.endswith(GAIN)]
    return f"\nScores of the modalities fused:\n\n{''.join(lines)}" if lines else ""


def _fused(stem: str, numbers: dict[str, dict]) -> str:
    gain = numbers[stem + GAIN]
    unsure = " (the interval holds zero: no gain is shown)" * (gain["low"] <= 0)
    caution = next((text for start, text in CAUTIONS.items() if stem.startswith(start)), "")
    return f"{stem}: UAR {cell(numbers[f'{stem}/weighted/uar'])}, {cell(gain)} over the best single one{unsure}.{caution}"


def write(path: Path, text: str):
    with atomic(path) as temporary:
        temporary.write_text(text)


def commit_of(run: Run, numbers: dict[str, dict]) -> str:
    """The one commit that made every number. Raises BadArtifact for several, or changed files."""
    commits = run.commits(entry["artifact"] for entry in numbers.values())
    if len(commits) > 1 or commits & {""} or any(commit.endswith("+") for commit in commits):
        raise BadArtifact(
            f"{run.folder} was made by {', '.join(sorted(commits))}, expected one commit without changed files: "
            "run it again in a fresh clone."
        )
    return commits.pop()


def published(path: Path, run: Run) -> dict[str, dict]:
    """Numbers of docs/results.json at `path` and of the run, each with run and commit. Raises BadArtifact for a key
    that two runs give."""
    numbers, name = run.json("summary.json"), run.folder.name
    origin = {"run": name, "commit": commit_of(run, numbers)}
    kept = json.loads(path.read_text()) if path.exists() else {}
    others = {key: entry for key, entry in kept.items() if entry["run"] != name}
    if both := others.keys() & numbers.keys():
        key = min(both)
        raise BadArtifact(
            f"{path} has {key} of run {others[key]['run']}, and {run.folder} has it too: expected it in one of them, "
            "give the source to one config."
        )
    return dict(sorted((others | {key: entry | origin for key, entry in numbers.items()}).items()))


def origins(numbers: dict[str, dict]) -> str:
    """The runs, and the commit and command that made each."""
    runs = {entry["run"]: entry["commit"] for entry in numbers.values()}
    return "; ".join(
        f"run `{name}` at commit {commit[:12]} by `make reproduce CONFIG=config/{name}.yaml`"
        for name, commit in sorted(runs.items())
    )


def goal_lines(numbers: dict[str, dict]) -> str:
    """What this project set itself, and what was reached, where there are numbers for it."""
    found = goals.table(reporting.GOALS, numbers)
    body = [
        [row.goal, row.limit, row.value, "yes" if row.reached else "**no**", f"`{row.key}`"]
        for row in found.itertuples()
    ]
    head = ["goal", "limit", "measured", "reached", "key"]
    return f"\nBeside what this project set itself:\n\n{markdown(head, body)}" if body else ""


def others_lines(numbers: dict[str, dict]) -> str:
    """Numbers of others, with ours beside them."""
    beside = side_by_side(numbers)
    return (
        f"\n## Beside the numbers of others\n\n{markdown(list(beside.columns), beside.to_numpy().tolist())}"
    )


def publish(folder: Path):
    """Put the run's summary into docs/ and render it. Raises BadArtifact."""
    numbers = published(PROJECT / "docs/results.json", Run(folder, "readme", {}))
    table = markdown(list(HEADS), rows(numbers)) + fusion_lines(numbers) + goal_lines(numbers)
    origin = f"{origins(numbers)}; 95 % intervals by bootstrap over subjects, of detectors over pictures."
    note = f"\nMade by {origin} More numbers: `docs/RESULTS.md`. `leaky` is a random split, for comparison only.\n"
    every = markdown(
        ["key", "value", "n", "run", "artifact"],
        [
            [f"`{key}`", cell(entry), str(entry["n"]), entry["run"], f"`{entry['artifact']}`"]
            for key, entry in numbers.items()
        ],
    )
    write(PROJECT / "docs/results.json", json.dumps(numbers, indent=1) + "\n")
    write(
        PROJECT / "docs/RESULTS.md",
        f"# Results\n\nMade by {origin} Rendered by `python -m emolib.report.readme`, not by hand. Tables by subject, fold "
        f"and layer lie in a run's `tables/`.\n\n{table}{joint_lines(numbers)}{repeat_lines(numbers)}{others_lines(numbers)}\n## Every number of summary.json\n\n{every}",
    )
    readme = (PROJECT / "README.md").read_text()
    start, end = map(re.escape, MARKS)
    filled = re.sub(f"({start}).*?({end})", lambda m: f"{m[1]}\n{table}{note}{m[2]}", readme, flags=re.S)
    write(PROJECT / "README.md", filled)


if __name__ == "__main__":
    publish(Path(sys.argv[1]))
