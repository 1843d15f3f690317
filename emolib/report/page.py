"""The report: one HTML file with every answer, table and figure of a run, each with where it comes from.

Nothing in it is fetched from elsewhere; page.html escapes all text.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from jinja2 import Environment
from markupsafe import Markup

from emolib.core.artifacts import Run, git_commit, record_of, short, versions
from emolib.core.notebook import heading
from emolib.report.tables import to_html

NAMES = dict.fromkeys(("subject", "fold", "trial"), str)  # "01" stays "01"


@dataclass(frozen=True)
class Card:
    """A headline result; `warning` colours it: near chance, paired by label."""

    label: str
    value: str
    detail: str = ""
    warning: str = ""


def render(
    run: Run, title: str, subtitle: str, cards: Sequence[Card], concluded: Sequence[str], banner: str = ""
) -> str:
    """The whole page: cards, what this notebook itself shows, and a section for each rows/<name>.csv in `concluded`: the
    question and the answer of its notebook, and every table and figure of the same call. Raises BadArtifact for one that is
    missing or was altered."""
    shown = _shown(run)
    sections = [
        {"title": "Goals and related work", "shown": shown.get(_call(run.notebook, run.parameters), [])}
    ]
    for name in concluded:
        record = record_of(run.read(f"rows/{name}.csv"))
        head, question = heading(record["notebook"])
        section = {
            "title": f"{head}: {name.rsplit('-', 1)[0]}" if "-" in name else head,
            "question": question,
            "answer": record["answer"],
            "cautions": record["cautions"],
            "shown": shown.get(_call(record["notebook"], record["parameters"]), []),
        }
        sections.append(section)
    for section in sections:
        section["anchor"] = "".join(sign if sign.isalnum() else "-" for sign in section["title"].lower())
        section["shown"] = [_item(run, name) for name in section["shown"]]
    packages = ", ".join(f"{name} {number}" for name, number in versions().items())
    template = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    return Environment(autoescape=True, trim_blocks=True).from_string(template).render(
        title=title, subtitle=subtitle, cards=cards, sections=sections, banner=banner,
        footer=(f"run {run.folder.name}", f"report from {short(git_commit())}", packages),
    )  # fmt: skip


def _call(notebook: str, parameters: dict) -> str:
    return notebook + json.dumps(parameters, sort_keys=True)


def _shown(run: Run) -> dict[str, list[str]]:
    """Names of the tables and figures that each call of a notebook showed, in its order; not what it only wrote."""
    found: dict[str, list[tuple[int, str]]] = {}
    for path in [*run.folder.glob("tables/*.csv"), *run.folder.glob("figures/*.png")]:
        record = record_of(path)
        if "order" in record:
            call = _call(record["notebook"], record["parameters"])
            found.setdefault(call, []).append((record["order"], f"{path.parent.name}/{path.name}"))
    return {call: [name for _, name in sorted(items)] for call, items in found.items()}


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
