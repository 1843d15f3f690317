"""A search that is killed by the system goes on where it was, and ends with the same trace."""

import os
import subprocess
import sys
import time
from pathlib import Path

from emolib.core.paths import PROJECT

SEARCH = """
import sys
from pathlib import Path
import numpy as np
from emolib.core.artifacts import Run
from emolib.datasets.base import EmotionSet
from emolib.models.alexnet import Architecture, Block
from emolib.studies.reduction.search import Search, trace
from emolib.studies.reduction.trainings import Store, trained
from emolib.models.training import Training

y = np.arange(96) % 2
X = np.random.default_rng(0).normal(0, 0.3, (96, 12, 12, 1)).astype(np.float32)
X[y == 0, :, :6] += 1
X[y == 1, :, 6:] += 1
data = EmotionSet(X, y, y.astype(str), np.arange(96).astype(str), ("left", "right"))
train, val = data.part(np.arange(64)), data.part(np.arange(64, 96))
tiny = Architecture(32, 1, (Block(16, 7, 4, 3), Block(16, 3)), (64,), 2, dropout=0.1)
run = Run(Path(sys.argv[1]), "02b_reduction", {})
one = trained(train, val, Training(epochs=2, batch_size=16, augment=False))
search = Search(tiny, Store(run, "reduction/tiny", one, {"epochs": 2}), budget=4)
for tried in search.run():
    print("\\ntrained", tried.number, flush=True)  # below the bar
trace(search.tried).drop(columns="seconds").to_csv(sys.argv[1] + "/trace.csv", index=False)
"""


def start(folder: Path) -> subprocess.Popen:
    quiet = {"PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    return subprocess.Popen([sys.executable, "-c", SEARCH, str(folder)], env={**os.environ, **quiet}, **pipes)


def finished(folder: Path) -> dict[str, int]:
    """Records of trainings that are whole, with the time they were written."""
    return {path.name: path.stat().st_mtime_ns for path in (folder / "reduction/tiny").glob("*.json.json")}


def test_a_killed_search_trains_only_what_is_left(tmp_path):
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    first = start(killed)
    lines = (line for line in first.stdout if line.startswith("trained"))
    assert [next(lines).split()[-1] for _ in range(2)] == ["0", "1"]
    time.sleep(0.3)  # into the third training
    first.kill()
    first.wait()
    before = finished(killed)
    assert 2 <= len(before) < 4 and not (killed / "trace.csv").exists()
    for folder in (killed, whole):
        assert start(folder).communicate() and (folder / "trace.csv").exists()
    after = finished(killed)
    assert len(after) == 4 and before.items() <= after.items()
    assert (killed / "trace.csv").read_text() == (whole / "trace.csv").read_text()
    assert not list((killed / "reduction/tiny").glob(".*"))
