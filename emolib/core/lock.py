"""One pipeline at a time makes a run. Meanwhile nobody writes or reads in its folder what the pipeline has not planned.

The system releases a lock when its process ends, however it ends. The lock file lies beside the run's folder. It holds, as
JSON, the pipeline's process and its plan: by notebook, the parameters of each call.
"""

import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from emolib.core.paths import read_json


def file_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def hold(folder: Path) -> TextIO:
    """Lock a run's folder until the returned file is closed. Waits, and says so, while another process holds it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    file = file_of(folder).open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        time.sleep(0.2)  # it may be about to say who it is
        maker = _said(folder).get("process", "?")
        print(f"{folder} is being made by process {maker.split()[-1]}: waiting for its end.", flush=True)
        fcntl.flock(file, fcntl.LOCK_EX)
    plan(file, {})
    return file


def plan(file: TextIO, calls: Mapping[str, Sequence[dict]]):
    """Write the plan into the lock file that `hold` returned: by notebook, the parameters of each call."""
    file.truncate(0)
    file.write(json.dumps({"process": this_process(), "plan": calls}))
    file.flush()


def planned(folder: Path) -> dict[str, list[dict]] | None:
    """The plan of the pipeline that makes this run now; None where there is no such pipeline."""
    try:
        with file_of(folder).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return _said(folder).get("plan", {})
    return None


def this_process() -> str:
    """The name of this process among those of all machines."""
    return f"{socket.gethostname()} {os.getpid()}"


def end_with_pipeline(folder: Path, pipeline: str):
    """End this process when the pipeline that makes the run has ended; `pipeline` is what `this_process` says there."""

    def wait_and_end():
        with file_of(folder).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            os._exit(1)

    is_held = planned(folder) is not None
    is_here = pipeline.split()[0] == socket.gethostname()  # else its locks may not be seen
    if is_here and not (is_held and _said(folder).get("process") == pipeline):
        os._exit(1)  # it ended before this process began
    if is_held:
        threading.Thread(target=wait_and_end, daemon=True).start()


def _said(folder: Path) -> dict:
    """What the lock file says; {} while it is being written."""
    try:
        return read_json(file_of(folder))
    except (OSError, ValueError):
        return {}
