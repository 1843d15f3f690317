"""What every notebook does first: one-line errors, checked parameters, a run to read from and write to.

`python -m emolib.core.notebook FOLDER` runs the notebooks of a folder in place, in order, so that they keep outputs.
"""

import ast
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from emolib.core.artifacts import Run
from emolib.core.errors import EmolibError, check_names
from emolib.core.lock import end_with_pipeline
from emolib.core.parameters import cells, check, model_of
from emolib.core.paths import run_folder

INJECTED = "# Parameters"  # first line of the cell that papermill injects
SYNTHETIC = (
    "Synthetic data: signals, voices and faces here are generated. These numbers show that the pipeline works; "
    "their accuracy says nothing about people."
)
GENERATED = ("synthetic", "scenes")  # corpora
WIDGET = "application/vnd.jupyter.widget-view+json"  # shows nothing without its kernel


def heading(notebook: str) -> tuple[str, str]:
    """Title and question of a notebook, from its first cell."""
    text = "".join(cells(notebook)[0]["source"])
    return tuple(re.search(f"^{mark} (.*)", text, re.MULTILINE)[1] for mark in "#>")


def show_one_line(shell, kind, error, traceback, tb_offset=None):
    """Show an error that a user can mend as one line instead of a traceback."""
    shell._showtraceback(kind, error, [f"{kind.__name__}: {error}"])


def start(notebook: str, names: dict) -> Run:
    """The run that this notebook reads and writes, from the notebook's globals(). Raises BadParameter for an injected
    parameter that the notebook does not have, and for a bad value."""
    if "get_ipython" in names:
        names["get_ipython"]().set_custom_exc((EmolibError,), show_one_line)
    model, where = model_of(notebook), f"{notebook}.ipynb"
    known = list(model.model_fields)
    for cell in names.get("In", []):
        if cell.startswith(INJECTED):
            given = [line.targets[0].id for line in ast.parse(cell).body if isinstance(line, ast.Assign)]
            check_names(given, known, where)
    parameters = {name: names[name] for name in known}
    check(model, parameters, where)
    read = [*(parameters.get("sources") or []), *(parameters.get("corpora") or []), parameters.get("corpus") or ""]
    if any(name.split("-")[0] in GENERATED for name in read):
        print(SYNTHETIC)
    folder = run_folder(parameters["run"])
    if pipeline := os.environ.get("EMOLIB_PIPELINE"):
        end_with_pipeline(folder, pipeline)
    return Run(folder, notebook, parameters)


def run_in_place(path: Path):
    """Execute a notebook on its defaults and save it with its outputs, without times, counts and warnings of the
    machine. What an Output widget shows stays, as outputs of its cell."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": path.parent}}
    client = NotebookClient(notebook, timeout=None, kernel_name="python3", resources=place)
    client.execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = nbformat.from_dict(list(_kept(cell.outputs, client.widget_state)))
    notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(notebook, path)


def _kept(outputs: Iterable[dict], widgets: Mapping[str, dict]) -> Iterator[dict]:
    for output in outputs:
        if widget := output.get("data", {}).get(WIDGET):
            yield from _kept(widgets[widget["model_id"]].get("outputs", []), widgets)
        elif output.get("name") != "stderr":
            yield output


if __name__ == "__main__":
    for path in sorted(Path(sys.argv[1]).glob("*.ipynb")):
        print(path.name, flush=True)
        run_in_place(path)
