"""Children of ours import nothing from the folder in which they start; what a config names reaches no shell."""

import re

import pytest

from emolib.core.child import run_module
from emolib.core.errors import BadParameter
from emolib.core.paths import PROJECT, run_folder


def test_a_file_of_the_current_folder_is_not_imported(tmp_path, monkeypatch):
    for name in ("json.py", "argparse.py", "emolib.py"):
        (tmp_path / name).write_text("raise SystemExit('a stranger runs')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f":{tmp_path / 'elsewhere'}:")
    done = run_module("emolib", "--help", capture_output=True, text=True)
    assert done.returncode == 0 and "usage: emolib" in done.stdout, done.stderr


@pytest.mark.parametrize("name", ["", "x$(touch y)", "../x", ".x", "a/b", "a ", "a\n", 7])
def test_what_a_shell_or_a_path_would_take_otherwise_is_no_name(name):
    assert run_folder("Zoë 2026-11.a+b").name == "Zoë 2026-11.a+b"
    with pytest.raises(BadParameter, match="run: got .* expected a name"):
        run_folder(name)


def test_every_word_of_a_rule_is_quoted():
    """What a config names, and the folder of the results, reach the shell."""
    shell = re.search(r"PAPERMILL = \((.*?)\n\)", (PROJECT / "Snakefile").read_text(), re.DOTALL)[1]
    fields = re.findall(r"{([^{}]*)}", shell)
    assert len(fields) == 4 and all(field.endswith(":q") for field in fields)
