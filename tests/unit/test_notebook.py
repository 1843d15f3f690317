"""Notebooks: their parameters, what each of them must say, and what may stand in their committed outputs."""

import base64
import json
import re

import nbformat
import pytest

from emolib.core import notebook
from emolib.core.parameters import defaults
from emolib.core.paths import PROJECT

NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))
SHOWN = {"text/html", "text/markdown", "image/png"}  # what a person reads; text/plain may be a progress bar
BAR = re.compile(r"\S.* \|.*\| \d+/\d+ \w+, ")
LOG_LINE = re.compile(r"WARNING|INFO|ERROR|DEBUG|[IWEF]\d{4} |\[\w+App\]|Traceback|\S+Warning:|.*absl::|.*oneDNN")
BARE = re.compile(r"[-+\d.e%\s]+|True|False|None|[\[({<'\"].*|\w[\w.]*\(.*\)")  # a number, an object's repr


def cells(path, kind):
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == kind]


def text(path, kind) -> str:
    return "\n".join("".join(cell["source"]) for cell in cells(path, kind))


def start(name: str, **given):
    return notebook.start(name, defaults(name) | {"run": "x"} | given)


@pytest.mark.parametrize("name, given, said", [
    ("04_fusion", {"sources": ["emodb-speech-emotion7-loso"]}, False),
    ("04_fusion", {"sources": ["synthetic-eeg-emotion-loso"]}, True),
    ("02_train", {"corpus": "synthetic"}, True),
    ("02d_detector", {"corpora": {"facemask": {}, "scenes": {}}}, True),
])  # fmt: skip
def test_start_says_that_data_are_synthetic(name, given, said, capsys):
    start(name, **given)
    assert ("says nothing about people" in capsys.readouterr().out) is said


def test_a_run_in_place_keeps_what_widgets_and_bars_show_and_no_stderr(tmp_path):
    code = """import sys
import ipywidgets
from emolib.core.bars import progress_bar
from emolib.report.plots.style import picture
view = ipywidgets.Output()
display(ipywidgets.IntSlider(), view)
view.append_stdout("first")
view.outputs = ()
view.append_display_data(picture(1.0)[0])
view.append_stderr("a warning")
with progress_bar(3, "train", "folds") as bar:
    for name in "abc":
        bar.set_postfix_str(name)
        bar.update(1)
print("a warning", file=sys.stderr)
print("below")"""
    path = tmp_path / "a.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)]), path)
    notebook.run_in_place(path)
    [cell] = cells(path, "code")
    drawn, bar, told = cell["outputs"]
    assert base64.b64decode(drawn["data"]["image/png"]).startswith(b"\x89PNG") and told["text"] == ["below\n"]
    [line] = bar["data"]["text/plain"]
    assert BAR.match(line) and "3/3 folds" in line and line.endswith(", c")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_small_cells_asks_answers_leads_on_and_shows_what_is_for_people(path):
    tagged = [cell for cell in cells(path, "code") if "parameters" in cell["metadata"].get("tags", [])]
    others = [len(cell["source"]) for cell in cells(path, "code") if cell not in tagged]
    assert len(tagged) == 1 and max(others) <= 16 and sorted(others)[len(others) // 2] <= 6
    assert path.stat().st_size < 2_000_000
    title, question = notebook.heading(path.stem)
    told, code = text(path, "markdown"), text(path, "code")
    assert title and (question.endswith("?") or path.stem == "06_report")
    assert all(part in told for part in ("*Reads*", "*Writes*", ".ipynb)", "Try this"))
    assert path.stem == "explore" or ("results.conclude(" in code and "\nLimits. " in told)
    if {"network", "corpus"} <= defaults(path.stem).keys():
        assert "(corpus, modality, task, protocol, network)" in code
    # outputs are for people: no stderr, log line, bare number or object; a table, a figure, a sentence or a bar
    for output in (output for cell in cells(path, "code") for output in cell["outputs"]):
        assert output["output_type"] in ("stream", "display_data") and output.get("name") != "stderr", output
        plain = "".join(output.get("text") or output["data"].get("text/plain", ""))
        if output["output_type"] == "display_data":
            assert SHOWN & output["data"].keys() or BAR.match(plain), plain
            assert 'class="dataframe"' not in "".join(output["data"].get("text/html", "")), "import emolib.report"
        else:
            lines = list(filter(None, map(str.strip, plain.splitlines())))
            assert not any(LOG_LINE.match(line) or BARE.fullmatch(line) for line in lines), plain
