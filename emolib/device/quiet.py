"""Native libraries write to the process's own stdout and stderr, past sys.stdout; this keeps them quiet."""

import os
import sys
from contextlib import contextmanager


@contextmanager
def native_silence():
    """Send file descriptors 1 and 2 to nowhere until the block ends; exceptions pass through."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, descriptor in zip((1, 2), kept, strict=True):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.close(nowhere)
