"""Children of ours import nothing from the folder in which they start, and crash alone; what a config names reaches no shell."""

import random
import re
import sys

import numpy as np
import pytest
import whole_corpora as whole

from emolib.core.child import Child, run_module
from emolib.core.errors import BadParameter
from emolib.core.paths import PROJECT, run_folder
from emolib.datasets.serialized import CHILD


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


READERS = """
import os, signal, sys
import numpy as np
from emolib.core.child import serve
serve({
    "crash": lambda data: os.kill(os.getpid(), signal.SIGSEGV),
    "take": lambda data: np.ones(1 << 30),
    "fail": lambda data: {}["no\\nkey"],
    "tell": lambda data, word: {"a": np.arange(3, dtype=np.int16), "b": [np.eye(2, 0), word, data.decode()]},
})
"""


def test_a_reader_that_crashes_or_takes_too_much_is_one_reason_and_the_next_file_is_read(tmp_path, monkeypatch):
    (tmp_path / "readers_of_a_test.py").write_text(READERS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    child = Child("readers_of_a_test")
    for reader, reason in (("crash", "ended with SIGSEGV"), ("take", "too much memory"), ("fail", "key")):
        if reader == "take" and sys.platform != "linux":
            continue
        with pytest.raises(ValueError, match=reason):
            child.ask(reader, b"x")
        found = child.ask("tell", b"text", "word")
        assert found["a"].tolist() == [0, 1, 2] and found["a"].dtype == np.int16
        assert found["b"][0].shape == (2, 0) and found["b"][1:] == ["word", "text"]
    child.close()


def test_a_changed_matlab_file_pickle_or_workbook_ends_no_process():
    """Bytes of the tags of MATLAB files make SciPy read outside its memory: some of these changes crash it."""
    files = {"mat": whole.dreamer(1)["DREAMER.mat"], "pickle": whole.wesad()["S2/S2.pkl"]}
    for reader, content in files.items():
        n_refused = 0
        for seed in range(60):
            rng, changed = random.Random(seed), bytearray(content)
            for at in rng.sample(range(min(400, len(content))), rng.choice((1, 4, 124))):
                changed[at] = rng.choice((0, 255, rng.randrange(256)))
            try:
                CHILD.ask(reader, bytes(changed), *(["label"] if reader == "pickle" else []))
            except ValueError as error:
                n_refused += bool(str(error))
        assert n_refused, reader
