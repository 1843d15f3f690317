"""The report in one file, and the published pages: everything escaped, everything with its origin."""

import base64
import io
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from emolib.core.artifacts import Run
from emolib.core.errors import BadArtifact
from emolib.core.experiment import Experiment
from emolib.core.paths import PROJECT
from emolib.core.results import row, to_csv
from emolib.report import plots, publish, results
from emolib.report.page import Card, render

OF = Experiment("emodb", "speech", "emotion7", "loso", "lda")
VOID = {"meta", "img", "br", "wbr"}


class Nesting(HTMLParser):
    """Fails on a tag that is closed in the wrong place; collects links, anchors and addresses."""

    def __init__(self):
        super().__init__()
        self.open, self.attributes = [], []

    def handle_starttag(self, tag, attrs):
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def parsed(html: str) -> Nesting:
    parser = Nesting()
    parser.feed(html)
    assert not parser.open
    return parser


@pytest.fixture
def run(tmp_path) -> Run:
    run = Run(tmp_path / "demo", "04_fusion", {"seed": 1})
    table = pd.DataFrame(
        {"rule": ["<i>mean</i>", "max"], "uar": [0.98765, 0.5], "uar_low": 0.4, "uar_high": 1.0, "p": 1}
    )
    run.table("fusion", table, "Rules & more", hidden=["p"])
    run.figure("fusion", plots.fusion(table.assign(kind=["fused", "single"])), "UAR by rule")
    run.table("long", pd.DataFrame({"subject": [f"{i:02d}" for i in range(44)]}), "Subjects")
    run.conclude("study-fusion", [], "Fused <b>well</b>.", ["Trials are <i>virtual</i>."])
    return run


def page(run: Run, *concluded: str, banner: str = "") -> str:
    reader = Run(run.folder, "06_report", {})
    cards = [Card("UAR", "78.3 %"), Card("EEG", "27 %", "chance 25 %", "near chance")]
    return render(reader, "A & B", "Sub <title>", cards, concluded or ["study-fusion"], banner)


def test_a_section_is_what_its_notebook_showed_in_its_order(run):
    html = page(run)
    parts = [
        "Fusion: study",
        "Do several modalities",
        "Fused &lt;b&gt;",
        "Trials are",
        "Rules &amp; more",
        "UAR by rule",
        "Subjects",
    ]
    assert [html.index(part) for part in parts] == sorted(html.index(part) for part in parts)
    image = re.search(r'src="data:image/png;base64,([^"]+)"', html).group(1)
    assert base64.b64decode(image) == (run.folder / "figures/fusion.png").read_bytes()
    origin = re.search(r'<div class="origin">(.*?)</div>', html).group(1)
    assert origin.startswith("tables/fusion.csv · 04_fusion · ") and re.search(r" · [\d.]+ s$", origin)


def test_what_another_call_showed_stays_out(run):
    other = Run(run.folder, "04_fusion", {"seed": 2})
    other.table("other", pd.DataFrame({"x": [1]}), "Of another call")
    other.conclude("other-fusion", [], "Other.")
    assert "Of another call" not in page(run) and "Of another call" in page(run, "other-fusion")


def test_tables_are_rounded_escaped_folded_and_without_hidden_columns(run):
    html = page(run)
    assert ">98.8 (40.0–100.0)<" in html and "0.98765" not in html and ">p<" not in html
    assert "&lt;i&gt;mean&lt;/<wbr>i&gt;" in html
    assert "<summary>44 rows</summary>" in html and ">07</td>" in html


def test_nothing_is_fetched_and_links_lead_to_sections(run):
    html = page(run, banner="<script>alert(1)</script>")
    assert "<script" not in html and not re.search(r"url\(|@import|https?:", html)
    attributes = parsed(html).attributes
    links = [value for name, value in attributes if name in ("src", "href")]
    assert all(link.startswith(("data:", "#")) for link in links)
    assert {link[1:] for link in links if link.startswith("#")} <= {
        value for name, value in attributes if name == "id"
    }


def test_banner_stands_above_everything_and_cards_warn(run):
    html = page(run, banner="Synthetic data")
    assert html.index("Synthetic data") < html.index("<h1>") < html.index('class="cards"')
    assert html.count('class="card warned"') == 1 and 'class="banner"' not in page(run)


def test_altered_or_missing_artifact_is_refused(run):
    path = run.folder / "tables/fusion.csv"
    path.write_text(path.read_text().replace("0.5", "0.9"))
    with pytest.raises(BadArtifact, match="fusion.csv was altered"):
        page(run)
    with pytest.raises(BadArtifact, match="nothing-fusion.csv is missing"):
        page(run, "nothing-fusion")


ROWS = [
    row(OF, "uar", 0.784, 0.732, 0.823, unit="fraction", n=535, variant="int8", artifact="a"),
    row(OF, "uar", 0.143, unit="fraction", n=535, variant="majority", artifact="a"),
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
    publish.merged(docs, published(tmp_path, "real", ROWS)).to_csv(docs, index=False)
    publish.merged(docs, published(tmp_path, "faces", ROWS[:1])).to_csv(docs, index=False)
    found = publish.merged(docs, published(tmp_path, "real", ROWS[1:]))
    assert found.run.value_counts().to_dict() == {"real": 2, "faces": 1}


@pytest.mark.parametrize("commit", ["", "b" * 40 + "+"])
def test_results_of_changed_files_are_not_published(tmp_path, commit):
    with pytest.raises(BadArtifact, match="expected one commit without changed files"):
        publish.merged(tmp_path / "none.csv", published(tmp_path, "real", ROWS, commit))


def test_pages_and_readme_are_written_from_the_table(tmp_path):
    start, end = publish.MARKS
    (tmp_path / "README.md").write_text(f"# before\n{start}\nold\n{end}\nafter\n")
    table = publish.merged(tmp_path / "none.csv", published(tmp_path, "real", ROWS))
    everything = pd.concat([results.read(PROJECT / "docs/results.csv"), table.assign(corpus="new")])
    publish.write_pages(everything, tmp_path)
    text = (tmp_path / "README.md").read_text()
    assert text.startswith("# before\n") and text.endswith("\nafter\n") and "old" not in text
    assert "| speech | `emodb`, emotion7 |" in text
    page = (tmp_path / "docs/results/new.md").read_text()
    assert "| int8 | 78.4 (73.2–82.3) % |" in page and "run `real` at commit aaaaaaa" in page
    assert (tmp_path / "docs/goals.md").exists() and (tmp_path / "docs/related_work.md").exists()


def test_committed_pages_are_those_of_the_committed_table(tmp_path):
    (tmp_path / "README.md").write_text((PROJECT / "README.md").read_text())
    publish.write_pages(results.read(PROJECT / "docs/results.csv"), tmp_path)
    for path in [tmp_path / "README.md", *(tmp_path / "docs").rglob("*.md")]:
        assert path.read_text() == (PROJECT / path.relative_to(tmp_path)).read_text(), path.name
