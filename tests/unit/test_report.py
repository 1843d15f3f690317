"""The report in one file, and the published pages: everything escaped, everything with its origin."""

import base64
import io
import re

import pandas as pd
import pytest

from emolib.core.artifacts import Run
from emolib.core.errors import BadArtifact
from emolib.core.experiment import Experiment
from emolib.core.paths import PROJECT
from emolib.core.results import row, to_csv
from emolib.report import page, plots, publish, results

OF = Experiment("emodb", "speech", "emotion7", "loso", "lda")


@pytest.fixture
def run(tmp_path) -> Run:
    run = Run(tmp_path / "demo", "04_fusion", {"seed": 1})
    table = pd.DataFrame({"method": ["<i>mean</i>", "max"], "uar": [0.98765, 0.5], "p": 1})
    table = table.assign(uar_low=0.4, uar_high=1.0)
    run.table("fusion", table, "Rules & more", hidden=["p"])
    run.figure("fusion", plots.fusion(table.assign(kind=["fused", "single"])), "UAR by rule")
    run.table("long", pd.DataFrame({"subject": [f"{i:02d}" for i in range(44)]}), "Subjects")
    run.conclude("study-fusion", [], "Fused <b>well</b>.", ["Trials are <i>virtual</i>."])
    return run


def rendered(run: Run, *concluded: str) -> str:
    cards = [page.Card("UAR", "78.3 %"), page.Card("EEG", "27 %", "chance 25 %", "near chance")]
    table = pd.DataFrame({"corpus": ["emodb+synthetic"]})
    return page.render(Run(run.folder, "06_report", {}), "A & B", table, cards, concluded or ["study-fusion"])


def test_a_section_is_what_its_notebook_showed_in_its_order(run):
    html = rendered(run)
    parts = ["Synthetic data", "<h1>A &amp; B", 'class="card warned"', "Fusion: study", "Do several modalities"]
    parts += ["Fused &lt;b&gt;", "Trials are &lt;i&gt;", "Rules &amp; more", "UAR by rule", "Subjects"]
    places = [html.index(part, html.index("<main>")) for part in parts]
    assert places == sorted(places) and html.count('class="card warned"') == 1
    image = re.search(r'src="data:image/png;base64,([^"]+)"', html).group(1)
    assert base64.b64decode(image) == (run.folder / "figures/fusion.png").read_bytes()
    origin = re.search(r'<div class="origin">(.*?)</div>', html).group(1)
    assert origin.startswith("tables/fusion.csv · 04_fusion · ") and re.search(r" · [\d.]+ s$", origin)
    # tables are rounded, escaped, folded; nothing is fetched
    html = rendered(run)
    assert ">98.8 (40.0–100.0)<" in html and "0.98765" not in html and ">p<" not in html
    assert "&lt;i&gt;mean&lt;/<wbr>i&gt;" in html
    assert "<summary>44 rows</summary>" in html and ">07</td>" in html
    assert "<script" not in html and not re.search(r"url\(|@import|https?:", html)
    links = re.findall(r'(?:src|href)="([^"]*)"', html)
    assert all(link.startswith("data:") or f'id="{link.removeprefix("#")}"' in html for link in links)


def test_what_another_call_showed_stays_out(run):
    other = Run(run.folder, "04_fusion", {"seed": 2})
    other.table("other", pd.DataFrame({"x": [1]}), "Of another call")
    other.conclude("other-fusion", [], "Other.")
    assert "Of another call" not in rendered(run) and "Of another call" in rendered(run, "other-fusion")


ROWS = [
    row(OF, "uar", 0.784, 0.732, 0.823, unit="fraction", n=535, variant="int8", artifact="a"),
    row(OF, "latency_p50", 4.1, unit="us", n=200, variant="int8", device="here", artifact="b"),
]


def published(folder, name: str, rows: list[dict], commit: str = "a" * 40) -> Run:
    """A run whose results.csv was written at a commit."""
    run = Run(folder / name, "06_report", {})
    with run.write("tables/x.csv", commit=commit) as path:
        path.write_text("x\n1\n")
    run.read("tables/x.csv")
    table = results.read(io.StringIO(to_csv(rows))).assign(run=name, commit=commit)
    with run.write("results.csv", commit=commit) as path:
        path.write_text(table.to_csv(index=False))
    return run


def test_published_results_replace_those_of_the_same_run_alone(tmp_path):
    docs = tmp_path / "results.csv"
    for name, rows in (("real", ROWS), ("faces", ROWS[:1])):
        publish.merged(docs, published(tmp_path, name, rows)).to_csv(docs, index=False)
    found = publish.merged(docs, published(tmp_path, "real", ROWS[1:]))
    assert found.run.value_counts().to_dict() == {"real": 1, "faces": 1}


@pytest.mark.parametrize("commit", ["", "b" * 40 + "+"])
def test_results_of_changed_files_are_not_published(tmp_path, commit):
    with pytest.raises(BadArtifact, match="expected one commit without changed files"):
        publish.merged(tmp_path / "none.csv", published(tmp_path, "real", ROWS, commit))


def test_committed_pages_are_those_of_the_committed_table(tmp_path):
    (tmp_path / "README.md").write_text((PROJECT / "README.md").read_text())
    publish.write_pages(results.read(PROJECT / "docs/results.csv"), tmp_path)
    for path in [tmp_path / "README.md", *(tmp_path / "docs").rglob("*.md")]:
        assert path.read_text() == (PROJECT / path.relative_to(tmp_path)).read_text(), path.name
