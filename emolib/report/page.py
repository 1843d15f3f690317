"""The report: one HTML file with every answer, table and figure of a run, each with where it comes from, and its headline.

Nothing in it is fetched from elsewhere; page.html escapes all text.
"""

import base64
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from jinja2 import Environment
from markupsafe import Markup

from emolib.core.artifacts import Run, git_commit, made_with, record_of, short
from emolib.core.experiment import INT8, Experiment
from emolib.core.notebook import GENERATED, SYNTHETIC, heading
from emolib.report.cautions import NEAR_CHANCE
from emolib.report.results import cell, of_source, one, pick
from emolib.report.tables import to_html

NAMES = dict.fromkeys(("subject", "fold", "trial"), str)  # "01" stays "01"


@dataclass(frozen=True)
class Card:
    """A headline result; `warning` colours it: near chance, paired by label."""

    label: str
    value: str
    detail: str = ""
    warning: str = ""


def cards(run: Run, results: pd.DataFrame, concluded: Sequence[str]) -> list[Card]:
    """A card for each fusion study, each source's int8 model, each face detector."""
    made = {"-fusion": _fused, "-quantize": _model, "-detector": _detector}
    return [
        card(run, results, name.removesuffix(rule))
        for rule, card in made.items()
        for name in concluded
        if name.endswith(rule)
    ]


def _fused(run: Run, results: pd.DataFrame, study: str) -> Card:
    rule = run.parameters_of(f"rows/{study}-fusion.csv")["rule"]
    mine = pick(results, variant=rule, condition="", model="")
    gain = one(mine, artifact=f"tables/{study}-gains.csv", metric="uar_over_best_single")
    uar = one(mine, artifact=f"tables/{study}-fusion.csv", metric="uar")
    warning = "virtual trials, paired by label: optimistic" if gain.pairing == "by label" else ""
    detail = f"{cell(gain)} over the best single modality"
    return Card(f"{study}: int8 models fused, UAR", cell(uar), detail, warning)


def _model(run: Run, results: pd.DataFrame, name: str) -> Card:
    mine, warning = of_source(results, name), ""
    if Experiment.parse(name).protocol == "leaky":
        warning = "leaky split: for comparison only"
    elif one(mine, metric="chance_p").value >= 0.05:
        warning = NEAR_CHANCE.partition(":")[0]
    elif (pick(mine, metric="uar_over_keras")[["value", "high"]] >= 0).any(axis=None):
        warning = "the context alone (clock, order or stimulus) is as good"
    uar, size = (one(mine, variant=INT8, metric=metric) for metric in ("uar", "bytes"))
    return Card(f"{name}: int8 UAR", cell(uar), cell(size), warning)


def _detector(run: Run, results: pd.DataFrame, name: str) -> Card:
    mine = pick(results, artifact=f"tables/{name}-detector.csv", variant=INT8)
    iou, size = one(mine, metric="iou", condition="one face"), one(mine, metric="bytes")
    return Card(f"{name}: face detector, int8, IoU", cell(iou, with_unit=False), cell(size))


def _is_generated(results: pd.DataFrame) -> bool:
    return any(corpus in GENERATED for joined in results.corpus for corpus in joined.split("+"))


def headline(cards: Sequence[Card], results: pd.DataFrame, folder: Path) -> str:
    """One line: the first card, and where the report lies."""
    first, notice = cards[0], " (synthetic data: says nothing about people)" * _is_generated(results)
    return f"{first.label} {first.value}, {first.detail}{notice}. Report: {folder / 'report.html'}\n"


def render(run: Run, title: str, results: pd.DataFrame, cards: Sequence[Card], concluded: Sequence[str]) -> str:
    """The whole page: a banner where a corpus is generated, cards, what this notebook itself shows, and a section for each
    rows/<name>.csv in `concluded`: the question and the answer of its notebook, and every table and figure of the same
    call. Raises BadArtifact for one that is missing or was altered."""
    shown = _shown(run)
    sections = [{"title": "Goals and related work", "shown": shown[_call(run.notebook, run.parameters)]}]
    for name in concluded:
        record = record_of(run.read(f"rows/{name}.csv"))
        head, question = heading(record["notebook"])
        section = {
            "title": f"{head}: {name.rsplit('-', 1)[0]}" if "-" in name else head,
            "question": question,
            "answer": record["answer"],
            "cautions": record["cautions"],
            "shown": shown[_call(record["notebook"], record["parameters"])],
        }
        sections.append(section)
    for section in sections:
        section["anchor"] = "".join(sign if sign.isalnum() else "-" for sign in section["title"].lower())
        section["shown"] = [_item(run, name) for _, name in sorted(section["shown"])]
    packages = ", ".join(f"{name} {number}" for name, number in made_with().items())
    template = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    return Environment(autoescape=True, trim_blocks=True).from_string(template).render(
        title=title, cards=cards, sections=sections, banner=SYNTHETIC if _is_generated(results) else "",
        footer=(f"run {run.folder.name}", f"report from {short(git_commit())}", packages),
    )  # fmt: skip


def _call(notebook: str, parameters: dict) -> str:
    return notebook + json.dumps(parameters, sort_keys=True)


def _shown(run: Run) -> dict[str, list[tuple[int, str]]]:
    """Place and name of the tables and figures that each call of a notebook showed; not what it only wrote."""
    found = defaultdict(list)
    for path in [*run.folder.glob("tables/*.csv"), *run.folder.glob("figures/*.png")]:
        record = record_of(path)
        if "order" in record:
            call = _call(record["notebook"], record["parameters"])
            found[call].append((record["order"], f"{path.parent.name}/{path.name}"))
    return found


def _item(run: Run, name: str) -> dict:
    """What the page shows of a table or a figure."""
    path = run.read(name)
    record = record_of(path)
    origin = (name, record["notebook"], short(record["commit"]), f"{record['seconds']:g} s")
    item = {"caption": record["caption"], "origin": origin}
    if name.endswith(".png"):
        return item | {"image": base64.b64encode(path.read_bytes()).decode()}
    table = pd.read_csv(path, dtype=NAMES).drop(columns=record["hidden"])
    return item | {"table": Markup(to_html(table)), "n_rows": len(table)}
