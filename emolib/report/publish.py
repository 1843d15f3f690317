"""`emolib publish results/real` puts that run's results.csv in the place of what docs/results.csv held of a
run of that name, and writes the pages in docs/ and the table in README.md from the whole. Nothing is typed by hand."""

import json
import re
from itertools import compress
from pathlib import Path

import pandas as pd

from emolib.core.artifacts import Run, atomic, record_of, short
from emolib.core.errors import BadArtifact
from emolib.core.experiment import INT8, Experiment
from emolib.core.paths import PROJECT, models_folder
from emolib.report import goals, related_work
from emolib.report.cautions import TESTED
from emolib.report.results import cell, markdown, of_source, one, read
from emolib.report.tables import words

MARKS = ("<!-- results: written by `emolib publish` from docs/results.csv -->", "<!-- end of results -->")
WHAT = ["variant", "condition", "pairing", "device"]  # a row of a table is of


def shipped(results: pd.DataFrame) -> str:
    """A row for the model of each modality that comes with emolib."""
    names = json.loads((models_folder() / "bundle.json").read_text())["defaults"]
    body = []
    for modality, name in names.items():
        of = Experiment.parse(name)
        mine = of_source(results, name)
        uar, *others = (one(mine, variant=INT8, metric=name) for name in ("uar", "bytes", "latency_p50"))
        guesses = (one(mine, variant=variant, metric="uar") for variant in ("majority", "clock", "stimulus"))
        tested = f"{uar.n} answers of {TESTED[of.protocol]}"
        numbers = map(cell, (uar, *guesses, *others))
        body.append([modality, f"`{of.corpus}`, {of.task}", tested, *numbers])
    head = ["modality", "corpus, task", "tested on", "UAR of int8", "of guessing", "of the clock", "of the stimulus"]
    return markdown([*head, "size", "one inference"], body)


def corpus_page(corpus: str, results: pd.DataFrame) -> str:
    """Every published number of one corpus, by task, protocol, modality and network."""
    text = f"# {corpus}\n\nEvery published number of this corpus; 95 % intervals over people. {origins(results)}\n"
    for key, group in results.groupby(["task", "protocol", "modality", "model", "how"]):
        task, protocol, modality, model, how = key
        parts = [task, protocol, modality, model or "own network", *([how] if how != "measured" else [])]
        text += f"\n## {' · '.join(parts)}\n\n" + "\n".join(map(_pivoted, _alike(group)))
    return text


def _alike(group: pd.DataFrame) -> list[pd.DataFrame]:
    """The rows in parts that share no metric: accuracy apart from latency, so that no table is full of holes."""
    parts: list[pd.DataFrame] = []
    for _, rows in group.groupby(WHAT, sort=False):
        shared = [part.metric.isin(rows.metric).any() for part in parts]
        rows = pd.concat([*compress(parts, shared), rows])
        parts = [*(part for part, is_shared in zip(parts, shared, strict=True) if not is_shared), rows]
    return parts


def _pivoted(group: pd.DataFrame) -> str:
    """A row for each variant, condition, pairing and device, a column for each metric."""
    used, metrics = [name for name in WHAT if (group[name] != "").any()], group.metric.unique()
    body = []
    for _, rows in group.groupby(WHAT, sort=False):
        numbers = (cell(one(rows, metric=metric)) for metric in metrics)
        body.append([*rows.iloc[0][used], *numbers])
    return markdown([*used, *map(words, metrics)], body)


def goals_page(results: pd.DataFrame) -> str:
    """What this project set itself, and what was reached."""
    found = goals.table(results)
    found["measured"] = (found.value + " " + found.unit).str.removesuffix(" fraction")
    found["reached"] = found.reached.map({True: "yes", False: "**no**"})
    head = ["goal", "limit", "measured", "reached", "result"]
    table = markdown(head, found[head].to_numpy().tolist())
    return f"# Goals\n\nWhat this project set itself. Missed goals stay in the table.\n\n{table}\n{origins(results)}\n"


def origins(results: pd.DataFrame) -> str:
    """The runs, and the commit and command that made each."""
    made = results[["run", "commit"]].drop_duplicates().sort_values("run").to_numpy()
    told = [f"run `{run}` at {short(commit)} by `make reproduce CONFIG=config/{run}.yaml`" for run, commit in made]
    return f"Made by {'; '.join(told)}. Each config is the one of that commit."


def merged(path: Path, run: Run) -> pd.DataFrame:
    """Rows of docs/results.csv at `path`, those of the run's name replaced by the run's own. Raises BadArtifact for a run of
    several commits, or of changed files."""
    commits = run.commits(record_of(run.folder / "results.csv")["inputs"])
    if len(commits) > 1 or commits & {""} or any(commit.endswith("+") for commit in commits):
        raise BadArtifact(
            f"{run.folder} was made by {', '.join(sorted(commits))}, expected one commit without changed files: "
            "run it again in a fresh clone."
        )
    new = read(run.read("results.csv"))
    if not path.exists():
        return new
    kept = read(path)
    return pd.concat([kept[kept.run != run.folder.name], new], ignore_index=True)


def write_pages(results: pd.DataFrame, root: Path = PROJECT) -> None:
    """docs/results.csv, a page a corpus, the goals, related work, and the README's table."""
    pages = {f"results/{name}.md": corpus_page(name, group) for name, group in results.groupby("corpus")}
    beside = related_work.side_by_side(results)
    others = f"# Beside the numbers of others\n\n{markdown(list(beside.columns), beside.to_numpy().tolist())}"
    pages |= {"goals.md": goals_page(results), "related_work.md": f"{others}\n{origins(results)}\n"}
    pages |= {"results.csv": results.to_csv(index=False)}
    for name, text in pages.items():
        with atomic(root / "docs" / name) as path:
            path.write_text(text)
    start, end = map(re.escape, MARKS)
    readme = (root / "README.md").read_text()
    filled = re.sub(f"({start}).*?({end})", lambda m: f"{m[1]}\n{shipped(results)}{m[2]}", readme, flags=re.S)
    with atomic(root / "README.md") as path:
        path.write_text(filled)


def publish(folder: Path) -> None:
    """Put a run's results.csv in the place of what docs/results.csv held of it, and write the pages again."""
    write_pages(merged(PROJECT / "docs/results.csv", Run(folder, "publish", {})))
