"""tflite-runtime in a process of its own: imported after TensorFlow, it fails.

Both ends speak over the worker's stdin and stdout, in pickles. The first request is the model and its threads, any other a
method of Backend with its arguments. A reply is (True, what the method gives) or (False, one line of text).
"""

import os
import pickle
import subprocess
import sys
import weakref

import numpy as np

from emolib.core.child import run_module
from emolib.core.errors import BadArtifact
from emolib.device.backends import Backend, TFLite


class Worker(Backend):
    """The parent's end. Raises BadArtifact, one line, with what went wrong in the worker."""

    def __init__(self, content: bytes, threads: int):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.process = run_module("emolib.device.worker", start=subprocess.Popen, **pipes)
        self.close = weakref.finalize(self, stop, self.process)
        self.inputs, self.output = self.ask(content, threads)

    def ask(self, *request):
        try:
            send(self.process.stdin, request)
            is_fine, reply = pickle.load(self.process.stdout)
        except (OSError, ValueError, EOFError, pickle.UnpicklingError):  # the pipe broke, or was closed
            self.close()
            code = self.process.returncode
            reason = f"The tflite_runtime worker ended with exit code {code}"
            raise BadArtifact(f"{reason}: open it again.") from None
        if not is_fine:
            self.close()
            raise BadArtifact(reply)
        return reply

    def run(self, *windows: np.ndarray) -> np.ndarray:
        return self.ask("run", windows, {})

    def times(self, *windows: np.ndarray, repeats: int) -> np.ndarray:
        """As in Backend, taken inside the worker, so without the pipe."""
        return self.ask("times", windows, {"repeats": repeats})


def stop(process: subprocess.Popen):
    process.kill()
    process.communicate()


def send(stream, content):
    pickle.dump(content, stream)
    stream.flush()


def serve():
    """The worker's end: a model first, then requests until the parent is gone or one fails."""
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not get among the replies
    try:
        backend = TFLite(*pickle.load(requests), package="tflite_runtime")
        send(replies, (True, (backend.inputs, backend.output)))
        while True:
            method, windows, options = pickle.load(requests)
            send(replies, (True, getattr(backend, method)(*windows, **options)))
    except EOFError:  # the parent is gone
        return
    except Exception as error:  # all of them, to be told to the parent
        send(replies, (False, str(error)))


if __name__ == "__main__":
    serve()
