"""The report: one HTML file with every answer, table and figure of a run, each with where it comes from.

Nothing in it is fetched from elsewhere; all text is escaped.
"""

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd

from emolib.core.artifacts import Run, git_commit, record_of, short, versions
from emolib.core.notebook import heading
from emolib.report.tables import to_html

NAMES = dict.fromkeys(("subject", "fold", "trial"), str)  # "01" stays "01"
LONG_TABLE = 30  # rows; longer tables are folded


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
    """The whole page: cards, what this notebook itself shows, and a section for each rows/<name>.csv in `concluded`.

    A section has the question and the answer of its notebook, and every table and figure of the same call, with the
    captions that the notebook gave. `banner` stands above everything. Raises BadArtifact for a table or figure that is
    missing or was altered after it was written.
    """
    shown = _shown(run)
    sections = [
        _section(
            run, "Goals and related work", "", "", [], shown.get(_call(run.notebook, run.parameters), [])
        )
    ]
    for name in concluded:
        record = record_of(run.read(f"rows/{name}.csv"))
        head, question = heading(record["notebook"])
        of = name.rsplit("-", 1)[0] if "-" in name else ""
        items = shown.get(_call(record["notebook"], record["parameters"]), [])
        sections.append(
            _section(
                run, f"{head}: {of}" if of else head, question, record["answer"], record["cautions"], items
            )
        )
    links = "".join(f'<a href="#{anchor}">{escape(title)}</a>' for title, anchor, _ in sections)
    banners = f'<div class="banner" role="alert">{escape(banner)}</div>' if banner else ""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title><style>{STYLE}</style></head>
<body><nav><b>{escape(title)}</b>{links}</nav>
<main>{banners}<header><h1>{escape(title)}</h1>{_paragraphs(subtitle)}</header>
<div class="cards">{"".join(map(_card, cards))}</div>
{"".join(html for _, _, html in sections)}<footer>{_footer(run)}</footer></main></body></html>
"""


def _call(notebook: str, parameters: dict) -> str:
    return notebook + json.dumps(parameters, sort_keys=True)


def _shown(run: Run) -> dict[str, list[str]]:
    """Names of the tables and figures that each call of a notebook showed, in its order.

    A table that a notebook only wrote, because it is long, is left out.
    """
    found: dict[str, list[tuple[int, str]]] = {}
    for pattern in ("tables/*.csv", "figures/*.png"):
        for path in run.folder.glob(pattern):
            record = record_of(path)
            if "order" in record:
                call = _call(record["notebook"], record["parameters"])
                found.setdefault(call, []).append((record["order"], f"{path.parent.name}/{path.name}"))
    return {call: [name for _, name in sorted(items)] for call, items in found.items()}


def _section(
    run: Run, title: str, question: str, answer: str, cautions: Iterable[str], items: Iterable[str]
) -> tuple[str, str, str]:
    """Title, anchor, HTML."""
    anchor = "".join(sign if sign.isalnum() else "-" for sign in title.lower())
    head = f"<h2>{escape(title)}</h2>" + (f'<p class="question">{escape(question)}</p>' if question else "")
    told = f'<p class="answer">{escape(answer)}</p>' if answer else ""
    warned = "".join(
        f'<div class="warning" role="note"><b>Read this first.</b>{_paragraphs(text)}</div>'
        for text in cautions
    )
    body = "".join(_table(run, name) if name.endswith(".csv") else _figure(run, name) for name in items)
    return title, anchor, f'<section id="{anchor}">{head}{told}{warned}{body}</section>\n'


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(part.strip())}</p>" for part in text.split("\n\n") if part.strip())


def _card(card: Card) -> str:
    texts = {"label": card.label, "value": card.value, "detail": card.detail, "why": card.warning}
    lines = "".join(f'<div class="{name}">{escape(text)}</div>' for name, text in texts.items() if text)
    return f'<div class="card{" warned" if card.warning else ""}">{lines}</div>'


def _figure(run: Run, name: str) -> str:
    image = base64.b64encode(run.read(name).read_bytes()).decode()
    caption, html = _caption(run, name)
    return f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{image}">{html}</figure>\n'


def _table(run: Run, name: str) -> str:
    hidden = record_of(run.folder / name)["hidden"]
    table = pd.read_csv(run.read(name), dtype=NAMES).drop(columns=hidden)
    html = f'<div class="scroll">{to_html(table)}</div>'
    if len(table) > LONG_TABLE:
        html = f"<details><summary>{len(table)} rows</summary>{html}</details>"
    return f"<figure>{_caption(run, name)[1]}{html}</figure>\n"


def _caption(run: Run, name: str) -> tuple[str, str]:
    """The caption, and its HTML with the artifact's origin."""
    record = record_of(run.folder / name)
    parts = (name, record["notebook"], short(record["commit"]), f"{record['seconds']:g} s")
    origin = " · ".join(escape(part) for part in parts)
    caption = record["caption"]
    return caption, f'<figcaption>{escape(caption)}<div class="origin">{origin}</div></figcaption>'


def _footer(run: Run) -> str:
    packages = ", ".join(f"{name} {number}" for name, number in versions().items())
    parts = (f"run {run.folder.name}", f"report from {short(git_commit())}", packages)
    return "<br>".join(map(escape, parts))


STYLE = """
*{box-sizing:border-box}
body{margin:0;font:16px/1.5 system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;color:#1a1a1a;
 background:#fff;display:grid;grid-template-columns:15rem minmax(0,1fr)}
nav{position:sticky;top:0;height:100vh;overflow-y:auto;padding:1.2rem 1rem;background:#f4f6f8;
 border-right:1px solid #d9dee3;font-size:.9rem}
nav b{display:block;margin-bottom:.8rem}
nav a{display:block;padding:.25rem 0;color:#0b4f8a;text-decoration:none}
nav a:hover{text-decoration:underline}
main{max-width:66rem;padding:1.2rem 2rem 4rem}
h1{margin:.2rem 0;font-size:1.8rem;line-height:1.2}
h2{margin:2.6rem 0 .4rem;padding-top:.8rem;border-top:2px solid #d9dee3;font-size:1.35rem}
p{max-width:46rem;margin:.5rem 0}
.banner{background:#b00058;color:#fff;font-weight:700;font-size:1.1rem;padding:.9rem 1.1rem;border-radius:6px;
 margin-bottom:1rem}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));gap:.8rem;margin:1.2rem 0}
.card{border:1px solid #d9dee3;border-left:5px solid #0072b2;border-radius:6px;padding:.7rem .9rem}
.card.warned{border-left-color:#d55e00;background:#fff6ef}
.label,.detail{font-size:.85rem;color:#4a4f55}
.value{font-size:1.25rem;white-space:nowrap;font-weight:650;line-height:1.3}
.why{font-size:.85rem;color:#9a3d00;font-weight:600;margin-top:.25rem}
.question{color:#4a4f55;font-style:italic}
.answer{font-size:1.1rem;font-weight:600}
.warning{max-width:46rem;margin:1rem 0;padding:.3rem 1rem}
.warning{border-left:5px solid #d55e00;background:#fff1e6}
figure{margin:1.6rem 0}
img{max-width:100%;height:auto;display:block}
figcaption{margin:.4rem 0;font-size:.95rem}
.origin{font:.78rem/1.5 ui-monospace,Menlo,Consolas,monospace;color:#5d646b;overflow-wrap:anywhere}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums}
th{background:#f4f6f8;border-bottom:2px solid #b9c1c9;vertical-align:bottom}
th,td{padding:.32rem .7rem}
td{border-bottom:1px solid #e5e8eb;vertical-align:top;white-space:nowrap}
td.long{white-space:normal}
summary{cursor:pointer;color:#0b4f8a}
footer{margin-top:3rem;padding-top:.8rem;border-top:2px solid #d9dee3;font-size:.8rem;color:#5d646b}
@media (max-width:60rem){body{display:block}nav{position:static;height:auto;border-right:0}
 nav a{display:inline-block;margin-right:1rem}main{padding:1rem}}
@media print{body{display:block;font-size:11pt}nav{display:none}main{max-width:none;padding:0}
 figure,.card,.warning{break-inside:avoid}h2{break-after:avoid}
 details::details-content{content-visibility:visible;block-size:auto}.scroll{overflow:visible}
 .banner,.card,.warning,th{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""
