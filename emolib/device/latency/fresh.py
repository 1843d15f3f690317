"""What a bundle costs a process of its own: milliseconds from the process's start, and megabytes resident.

`python -m emolib.device.latency.fresh BUNDLE CLOCK_NS` opens every model, runs each once and prints one line of JSON;
CLOCK_NS is the parent's time.monotonic_ns() when it started this, so that the start of Python counts.
"""

import json
import sys
import time
from pathlib import Path
from statistics import median

from emolib.core.child import run_module
from emolib.core.errors import BadArtifact
from emolib.device.latency.machine import resident_mb


def footprint(folder: Path, runs: int = 3) -> dict:
    """Medians over new processes: ms and MB at Python's start, with the library imported, at the first answer, and
    after one of every model. Raises BadArtifact where a process fails.
    """
    found = [_run(folder) for _ in range(runs)]
    columns = {name: [run[name] for run in found] for name in found[0]}
    return {name: None if None in of else median(of) for name, of in columns.items()} | {"n": runs}


def _run(folder: Path) -> dict:
    words = str(Path(folder).resolve()), str(time.monotonic_ns())
    done = run_module("emolib.device.latency.fresh", *words, capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise BadArtifact(f"{folder} does not open in a new process ({reason}): export it again.")
    return json.loads(done.stdout)


def main(folder: str, began_ns: int):
    seen = {}

    def mark(name: str):
        seen[f"{name}_ms"] = round((time.monotonic_ns() - began_ns) / 1e6, 1)
        seen[f"{name}_mb"] = (now := resident_mb()) and round(now, 1)

    mark("start")
    from emolib.device.bundle import Bundle
    from emolib.device.latency.models import window

    bundle = Bundle(Path(folder))
    mark("opened")
    models = [bundle.model(name) for name in bundle.record["models"]]
    for n, model in enumerate(models):
        model.invoke(window(model))
        if n == 0:
            mark("first")
    mark("all")
    print(json.dumps(seen))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
