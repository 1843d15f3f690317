"""The report: everything in one file, everything escaped, everything with its origin."""

import base64
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from emolib.core.artifacts import Run
from emolib.core.errors import BadArtifact
from emolib.report import plots
from emolib.report.page import Card, Caution, Figure, Note, Section, Table, render

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
    table = pd.DataFrame({"rule": ["mean", "max"], "uar": [0.98765, 0.5], "uar_low": 0.4, "uar_high": 1.0})
    run.write_table("fusion", table.assign(rule=["<i>mean</i>", "max"]))
    run.write_table("long", pd.DataFrame({"subject": [f"{i:02d}" for i in range(44)]}))
    run.write_figure("fusion", plots.fusion(table.assign(kind=["fused", "single"])))
    return run


def page(run: Run, *items, banner: str = "") -> str:
    reader = Run(run.folder, "06_report", {})
    return render(
        reader, "A & B", "Sub <title>", [Card("UAR", "78.3 %")], [Section("Fusion", "Text.", items)], banner
    )


def test_figure_is_the_artifact_itself_with_its_origin(run):
    html = page(run, Figure("figures/fusion.png", "UAR by rule"))
    inside = re.search(r'src="data:image/png;base64,([^"]+)"', html).group(1)
    assert base64.b64decode(inside) == (run.folder / "figures/fusion.png").read_bytes()
    origin = re.search(r'<div class="origin">(.*?)</div>', html).group(1)
    assert origin.startswith("figures/fusion.png · 04_fusion · ") and re.search(r" · [\d.]+ s$", origin)


def test_table_is_rounded_and_escaped(run):
    html = page(run, Table("tables/fusion.csv", "Rules"))
    assert ">98.8 (40.0–100.0)<" in html and "0.98765" not in html
    assert "&lt;i&gt;mean&lt;/i&gt;" not in html and "&lt;i&gt;mean&lt;/<wbr>i&gt;" in html
    assert "<details>" not in html


def test_long_table_is_folded_and_keeps_subject_names(run):
    html = page(run, Table("tables/long.csv", "Subjects"))
    assert "<summary>44 rows</summary>" in html and ">07</td>" in html


def test_all_text_is_escaped_and_nothing_is_fetched(run):
    evil = "<script>alert('x')</script> & \"quoted\""
    items = (Note(evil), Caution(evil), Figure("figures/fusion.png", evil), Table("tables/fusion.csv", evil))
    html = page(run, *items, banner=evil)
    assert "<script" not in html and html.count("&lt;script&gt;") == 6  # the caption of the figure twice
    parser = parsed(html)
    links = [value for name, value in parser.attributes if name in ("src", "href")]
    assert all(link.startswith(("data:", "#")) for link in links)
    assert not re.search(r"url\(|@import|https?:", html)


def test_links_lead_to_sections(run):
    attributes = parsed(page(run)).attributes
    assert ("href", "#s0") in attributes and ("id", "s0") in attributes


def test_banner_warnings_and_cards(run):
    html = render(
        run,
        "T",
        "",
        [Card("EEG", "27 %", "chance 25 %", "near chance"), Card("Face", "80 %")],
        [],
        "Synthetic data",
    )
    assert '<div class="banner" role="alert">Synthetic data</div>' in html
    assert html.count('class="card warned"') == 1 and "near chance" in html
    assert html.index("Synthetic data") < html.index("<h1>") < html.index('class="cards"')
    assert 'class="banner"' not in page(run)
    assert 'class="warning"' in page(run, Caution("paired")) and 'class="warning"' not in page(run, Note("n"))


def test_altered_or_missing_artifact_is_refused(run):
    path = run.folder / "tables/fusion.csv"
    path.write_text(path.read_text().replace("0.5", "0.9"))
    with pytest.raises(BadArtifact, match="fusion.csv was altered"):
        page(run, Table("tables/fusion.csv", ""))
    with pytest.raises(BadArtifact, match="nothing.png is missing"):
        page(run, Figure("figures/nothing.png", ""))


def test_report_records_what_it_read(run):
    reader = Run(run.folder, "06_report", {})
    render(reader, "T", "", [], [Section("S", "", [Table("tables/fusion.csv", "c")])])
    assert list(reader.inputs) == ["tables/fusion.csv"]
