"""The parameters of notebooks, and the notebooks themselves as files."""

import base64
import json

import nbformat
import pytest

from emolib.core import notebook
from emolib.core.errors import BadParameter, check_names
from emolib.core.paths import PROJECT

NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))


def cells(path, kind):
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == kind]


def test_assigned_names_are_those_of_the_top_level():
    assert notebook.assigned("a = 1  # x\nb = c = [2]\nfor i in b:\n    d = i\n") == ["a", "b", "c"]


def test_unknown_names_are_refused_with_a_hint():
    check_names(["seed"], ["run", "seed"], "x.ipynb")
    with pytest.raises(BadParameter, match="modalty does not exist in x.ipynb: did you mean modality"):
        check_names(["modalty"], ["run", "modality"], "x.ipynb")
    with pytest.raises(BadParameter, match="known: run"):
        check_names(["zzz"], ["run"], "x.ipynb")


def test_start_says_that_data_are_synthetic(capsys):
    names = dict.fromkeys(notebook.defaults("04_fusion"))
    for sources, said in ((["emodb-speech-emotion7-loso"], False), (["synthetic-eeg-emotion-loso"], True)):
        notebook.start("04_fusion", {**names, "run": "x", "sources": sources})
        assert ("says nothing about people" in capsys.readouterr().out) is said
    names = dict.fromkeys(notebook.defaults("02_train"))
    notebook.start("02_train", {**names, "run": "x", "corpus": "synthetic"})
    assert "Synthetic data" in capsys.readouterr().out
    names = dict.fromkeys(notebook.defaults("02d_detector"))
    notebook.start("02d_detector", {**names, "run": "x", "corpora": {"facemask": {}, "scenes": {}}})
    assert "Synthetic data" in capsys.readouterr().out


def test_start_reads_the_cell_that_papermill_injects():
    names = dict.fromkeys(notebook.defaults("04_fusion")) | {"run": "x"}
    assert set(notebook.start("04_fusion", {**names, "In": ["# Parameters\nrun = 'x'"]}).parameters) == set(
        names
    )
    with pytest.raises(BadParameter, match="did you mean variant"):
        notebook.start("04_fusion", {**names, "In": ["# Parameters\nvariants = 'x'"]})


def test_what_a_widget_shows_stays_without_its_kernel(tmp_path):
    code = """import ipywidgets
from emolib.report.plots.style import picture
view = ipywidgets.Output()
display(ipywidgets.IntSlider(), view)
view.append_stdout("first")
view.outputs = ()
view.append_display_data(picture(1.0)[0])
view.append_stderr("a warning")
print("below")"""
    path = tmp_path / "a.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)]), path)
    notebook.run_in_place(path)
    [cell] = cells(path, "code")
    drawn, told = cell["outputs"]
    assert base64.b64decode(drawn["data"]["image/png"]).startswith(b"\x89PNG") and told["text"] == ["below\n"]


SOURCES = [path.stem for path in NOTEBOOKS if "Source(corpus" in path.read_text()]


@pytest.mark.parametrize("name", SOURCES)
def test_a_notebook_of_a_source_takes_a_network(name):
    assert len(SOURCES) == 13
    given = {**dict.fromkeys(notebook.defaults(name)), "run": "x", "network": "table2"}
    started = notebook.start(name, {**given, "In": ["# Parameters\nnetwork = 'table2'"]})
    assert started.parameters["network"] == "table2"
    code = "".join(
        line for cell in cells(PROJECT / f"notebooks/{name}.ipynb", "code") for line in cell["source"]
    )
    assert code.count("Source(corpus, modality, task, protocol, network)") == 1
    assert "network(modality)" not in code and "n_classes, **model" not in code


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_asks_a_question_has_parameters_and_small_cells(path):
    assert cells(path, "markdown")[0]["source"][2].startswith("> ")
    assert "run" in notebook.defaults(path.stem)
    tagged = [cell for cell in cells(path, "code") if "parameters" in cell["metadata"].get("tags", [])]
    assert len(tagged) == 1
    others = [len(cell["source"]) for cell in cells(path, "code") if cell not in tagged]
    assert max(others) <= 16 and sorted(others)[len(others) // 2] <= 6
    assert json.loads(path.read_text())["metadata"]["kernelspec"]["language"] == "python"
    assert path.stat().st_size < 2_000_000
