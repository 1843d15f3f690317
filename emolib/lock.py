"""One pipeline at a time in a run's folder: the system lets go of the lock when its process ends, however it ends."""

import fcntl
import os
from pathlib import Path
from typing import TextIO


def hold(folder: Path) -> TextIO:
    """Have a run's folder alone until the file that is returned is closed; waits, and says so, while another has it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    file = folder.with_name(f"{folder.name}.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        print(f"{folder} is being made by process {file.read() or '?'}: waiting for its end.", flush=True)
        fcntl.flock(file, fcntl.LOCK_EX)
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
