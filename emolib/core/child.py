"""Python processes of our own. They find this emolib, and import nothing from the folder in which they start.

A `Child` reads files from outside: what makes a native library crash, or takes too much, ends the child alone.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, time
from functools import partial

import numpy as np

from emolib.core.paths import PROJECT

FREE_BYTES, BYTES_A_BYTE = 512 << 20, 16  # of memory, whatever the size of a file, and for each of its bytes
FREE_S, BYTES_A_S = 60, 1 << 20  # of the processor's time


def run_module(module: str, *words: str, start: Callable = subprocess.run, **options):
    """Run `python -m module words`; `start` is subprocess.run or Popen and takes the options. `-P` keeps the current
    folder, which may be a stranger's bundle, out of the import path."""
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)  # an empty entry would be the current folder
    path = os.pathsep.join([str(PROJECT), *filter(None, given)])
    environment = {**os.environ, "PYTHONPATH": path}
    return start([sys.executable, "-P", "-m", module, *words], env=environment, **options)


def limit(n_bytes: int):
    """Limit what reading a file of n_bytes may take of memory (on Linux) and of the processor's time from here on."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    wanted = {resource.RLIMIT_CPU: int(used.ru_utime + used.ru_stime) + FREE_S + n_bytes // BYTES_A_S}
    with suppress(OSError), open("/proc/self/statm") as sizes:
        taken = int(sizes.read().split()[0]) * resource.getpagesize()
        wanted[resource.RLIMIT_AS] = taken + FREE_BYTES + BYTES_A_BYTE * n_bytes
    for kind, soft in wanted.items():
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def ending(code: int) -> str:
    """Why a child ended, from its exit code."""
    return (
        f"its reader ended with {signal.Signals(-code).name}" if code < 0 else f"its reader ended with exit code {code}"
    )


class Child:
    """A process that runs `module`, which serves readers, from the first question on; after a crash a new one. No pickle
    comes back: text in JSON, and the bytes of arrays of numbers."""

    def __init__(self, module: str):
        self.module, self.process = module, None

    def ask(self, reader: str, data: bytes, *words: str):
        """What a reader makes of a file's bytes. Raises ValueError with the reason, a signal or a limit too."""
        if self.process is None:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
            self.process = run_module(self.module, start=subprocess.Popen, **pipes)
            self.close = weakref.finalize(self, stop, self.process)
        try:
            self.process.stdin.write(json.dumps([reader, len(data), words]).encode() + b"\n" + data)
            self.process.stdin.flush()
            is_fine, content, heads = json.loads(self.process.stdout.readline(), object_hook=_dated)
            arrays = [self._array(*head) for head in heads]
        except (OSError, ValueError):  # the pipe broke, or ended early
            process, self.process = self.process, None
            with suppress(subprocess.TimeoutExpired):
                process.wait(1)
            self.close()
            raise ValueError(ending(process.returncode)) from None
        if not is_fine:
            raise ValueError(content)
        return _filled(content, arrays)

    def _array(self, dtype: str, shape: list[int]) -> np.ndarray:
        array = np.empty(shape, dtype)
        if array.size and self.process.stdout.readinto(array.reshape(-1).view(np.uint8)) != array.nbytes:
            raise ValueError("the pipe ended early")
        return array


def stop(process: subprocess.Popen):
    process.kill()
    process.communicate()


def serve(readers: Mapping[str, Callable]):
    """The child's end: answers questions until the parent is gone."""
    questions, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not get among the answers
    while line := questions.readline():
        reader, n_bytes, words = json.loads(line)
        arrays = []
        try:
            limit(n_bytes)
            content = json.dumps(readers[reader](questions.read(n_bytes), *words), default=partial(_plain, arrays))
            head = f"[true, {content}, {json.dumps([[array.dtype.str, array.shape] for array in arrays])}]"
        except MemoryError:
            arrays, head = [], json.dumps([False, f"it takes too much memory for its {n_bytes} bytes", []])
        except Exception as error:  # damaged bytes make readers fail in many ways
            arrays, head = [], json.dumps([False, str(error) or type(error).__name__, []])
        answers.write(head.encode() + b"\n")
        for array in arrays:
            answers.write(array.reshape(-1).view(np.uint8))
        answers.flush()


def _plain(arrays: list[np.ndarray], value):
    """What JSON has for a value that it does not know; arrays of numbers go beside it."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiubc":
        arrays.append(np.ascontiguousarray(value))
        return {"~array": len(arrays) - 1}
    if isinstance(value, np.ndarray | np.generic):
        return None if value.dtype.kind == "V" else value.tolist()
    if isinstance(value, datetime | time):
        return {f"~{'datetime' if isinstance(value, datetime) else 'time'}": value.isoformat()}
    return vars(value)


def _dated(value: dict):
    for name, kind in (("~datetime", datetime), ("~time", time)):
        if value.keys() == {name}:
            return kind.fromisoformat(value[name])
    return value


def _filled(content, arrays: list[np.ndarray]):
    """The content with arrays where they belong."""
    if isinstance(content, dict):
        if content.keys() == {"~array"}:
            return arrays[content["~array"]]
        return {name: _filled(each, arrays) for name, each in content.items()}
    return [_filled(each, arrays) for each in content] if isinstance(content, list) else content
