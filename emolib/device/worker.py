"""tflite-runtime in a process of its own: imported after TensorFlow, it fails.

Both ends speak over the worker's stdin and stdout in frames: 8 bytes of length, then the content. The first
request is the model. Any other is a tag (r: run, t: time) with a 4-byte count, then the raw inputs. A reply is
a tag (0: fine, 1: failed), then raw numbers, or one line of text.
"""

import json
import os
import struct
import subprocess
import sys
import weakref
from collections.abc import Sequence
from math import prod
from typing import BinaryIO

import numpy as np

from emolib.core.child import run_module
from emolib.core.errors import BadArtifact
from emolib.device.backends import Backend, Port, tflite_runtime

FINE, FAILED = b"0", b"1"


def send(stream: BinaryIO, content: bytes):
    stream.write(struct.pack("<Q", len(content)) + content)
    stream.flush()


def receive(stream: BinaryIO) -> bytes:
    """The next frame; b"" where the other end is gone."""
    head = stream.read(8)
    return stream.read(struct.unpack("<Q", head)[0]) if len(head) == 8 else b""


class Worker(Backend):
    """The parent's end. Raises BadArtifact, one line, with what went wrong in the worker."""

    def __init__(self, content: bytes, threads: int):
        self.process = run_module(
            "emolib.device.worker",
            str(threads),
            start=subprocess.Popen,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.close = weakref.finalize(self, stop, self.process)
        ports = json.loads(self.ask(content))
        *self.inputs, self.output = (Port(tuple(shape), *rest) for shape, *rest in ports)

    def ask(self, request: bytes) -> bytes:
        try:
            send(self.process.stdin, request)
            reply = receive(self.process.stdout)
        except (OSError, ValueError):  # the pipe broke, or was closed
            reply = b""
        if reply[:1] == FINE:
            return reply[1:]
        self.close()
        died = (
            f"The tflite_runtime worker ended with exit code {self.process.returncode}: open the model again."
        )
        raise BadArtifact(reply[1:].decode() or died)

    def run(self, *windows: np.ndarray) -> np.ndarray:
        reply = self.ask(request(b"r", 1, windows))
        return np.frombuffer(reply, self.output.dtype).reshape(self.output.shape)

    def times(self, *windows: np.ndarray, repeats: int) -> np.ndarray:
        """As in Backend, taken inside the worker, so without the pipe."""
        return np.frombuffer(self.ask(request(b"t", repeats, windows)), np.int64)


def stop(process: subprocess.Popen):
    process.kill()
    process.communicate()


def request(tag: bytes, repeats: int, windows: Sequence[np.ndarray]) -> bytes:
    return struct.pack("<cI", tag, repeats) + b"".join(window.tobytes() for window in windows)


def answer(backend: Backend, asked: bytes) -> bytes:
    tag, repeats = struct.unpack_from("<cI", asked)
    windows, start = [], struct.calcsize("<cI")
    for port in backend.inputs:
        n = prod(port.shape)
        windows.append(np.frombuffer(asked, port.dtype, n, start).reshape(port.shape))
        start += n * np.dtype(port.dtype).itemsize
    return (backend.run(*windows) if tag == b"r" else backend.times(*windows, repeats=repeats)).tobytes()


def serve(threads: int):
    """The worker's end: a model first, then requests until the parent is gone or one fails."""
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not get among the frames
    try:
        backend = tflite_runtime(receive(requests), threads)
        send(replies, FINE + json.dumps([*backend.inputs, backend.output]).encode())
        while asked := receive(requests):
            send(replies, FINE + answer(backend, asked))
    except Exception as error:  # all of them, to be told to the parent
        send(replies, FAILED + " ".join(str(error).split()).encode())


if __name__ == "__main__":
    serve(int(sys.argv[1]))
