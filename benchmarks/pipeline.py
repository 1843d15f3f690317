"""Where the time of a run goes: work in the notebooks' own cells, and what papermill, kernels and imports add.

`python benchmarks/pipeline.py results/demo` reads it from the executed notebooks and from what Snakemake noted of its jobs;
`--write` puts the table into benchmarks/README.md. With `--config` it also times a call with
nothing to do.
"""

import argparse
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import page

from emolib.core.paths import PROJECT

GOAL = 0.25  # of the time of all jobs that may lie outside the cells
PACKAGES = ("snakemake", "papermill", "ipykernel", "tensorflow-cpu")
TEXT = """\
## Pipeline

`python benchmarks/pipeline.py results/{run} --write`: seconds of all jobs of a run by notebook. *In cells*: of the notebook's own
work; *imports*: its first cell; *around*: papermill, the kernel's start and end. The goal is at most {goal:.0%} outside the
cells' work. {calls}

{table}

Machine: {machine}.
"""


def jobs(results: Path) -> Iterator[tuple[str, float, Path]]:
    """Rule, seconds and executed notebook of every job of a run, once each."""
    found = {}
    for path in (PROJECT / ".snakemake/metadata").iterdir():
        record = json.loads(path.read_text())
        [notebook] = record["log"] or [""]
        if (PROJECT / notebook).is_relative_to(results / "notebooks"):
            found[notebook] = record["rule"], record["endtime"] - record["starttime"], PROJECT / notebook
    yield from found.values()


def cells(notebook: Path) -> tuple[float, float]:
    """Seconds of the first code cell, which imports, and of all others."""
    document = json.loads(notebook.read_text())
    first, *others = (
        cell["metadata"]["papermill"]["duration"] for cell in document["cells"] if cell["cell_type"] == "code"
    )
    return first, sum(others)


def rows(results: Path) -> list[list[str]]:
    """A row for each notebook and one for all: jobs, seconds, in cells, imports, around, share outside the work."""
    sums = defaultdict(lambda: [0, 0.0, 0.0, 0.0])
    for rule, seconds, notebook in jobs(results):
        imports, work = cells(notebook)
        for name in (rule, "all"):
            sums[name] = [a + b for a, b in zip(sums[name], (1, seconds, work, imports), strict=True)]
    ordered = sorted(sums.items(), key=lambda item: -item[1][1])
    return [row(name, *found) for name, found in ordered]


def row(name: str, n_jobs: int, seconds: float, work: float, imports: float) -> list[str]:
    times = (f"{each:.0f}" for each in (seconds, work, imports, seconds - work - imports))
    return [name, str(n_jobs), *times, f"{1 - work / seconds:.0%}"]


def snakemake(config: str, *options: str) -> tuple[float, str]:
    """Seconds of a call of the pipeline that runs nothing, and what it prints."""
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--configfile",
        config,
        "--cores",
        "2",
        "--nolock",
        *options,
    ]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    return time.perf_counter() - start, done.stdout + done.stderr


def calls(config: str) -> str:
    """What a call with nothing to do takes."""
    seconds, said = snakemake(config)
    if "Nothing to be done" not in said:
        sys.exit(f"{config} is not complete: `make reproduce CONFIG={config}` first.")
    return f"A call with nothing to do takes {seconds:.1f} s."


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="a complete run that this checkout made")
    parser.add_argument("--config", help="of that run: also time a call with nothing to do")
    parser.add_argument("--write", action="store_true", help="into benchmarks/README.md")
    options = parser.parse_args()
    results = options.results.resolve()
    head = ["notebook", "jobs", "seconds", "in cells", "imports", "around", "outside the work"]
    about = {"run": results.name, "goal": GOAL, "calls": calls(options.config) if options.config else ""}
    table = page.table(head, rows(results))
    text = TEXT.format(table=table, machine=page.machine(PACKAGES), **about)
    page.show("pipeline", text, options.write)


if __name__ == "__main__":
    main()
