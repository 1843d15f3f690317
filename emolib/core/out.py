"""The folder that a command writes to --out: replaced whole or not at all, and only where nothing else lies in it."""

import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from emolib.core.artifacts import left_of, prefix_of
from emolib.core.errors import BadParameter

NEW, OLD = "new", "old"  # in the temporary folder beside `out`


@contextmanager
def _refusals(out: Path) -> Iterator[None]:
    """What the system refuses is a BadParameter."""
    try:
        yield
    except OSError as error:
        message = f"--out: {out} cannot be replaced ({error.strerror}): choose another folder."
        raise BadParameter(message) from error


def check_out(out: Path, known: Callable[[Path], Collection[str]]) -> Path:
    """Check that `out` may be replaced, and give it without symlinks. known: names of the command's own files in a folder.

    What a killed command left beside it is put back or removed. Raises BadParameter where `out` is a file, is or holds
    the current folder, or holds a file that is not known.
    """
    out = Path(os.path.realpath(out))
    with _refusals(out):
        for temporary in left_of(out):
            _end(temporary, out)
        if not out.exists():
            return out
        if not out.is_dir():
            raise BadParameter(f"--out: {out} is a file, expected a folder: choose another name.")
        names = known(out)
        others = sorted(path.name for path in out.iterdir() if path.name not in names or path.is_dir())
    if others:
        why = f"holds {others[0]}, which this command did not write: move it away, or choose another folder"
        raise BadParameter(f"--out: {out} {why}.")
    if Path.cwd().is_relative_to(out):
        raise BadParameter(f"--out: you are in {out}, which would be replaced: go to another folder first.")
    return out


@contextmanager
def replaced(out: Path) -> Iterator[Path]:
    """A new folder that takes the place of `out` when the block ends without an error. A whole `out` lies there or in a
    temporary folder beside it at any time. Raises BadParameter where the system refuses."""
    with _refusals(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=prefix_of(out), suffix=out.suffix, dir=out.parent))
    try:
        (temporary / NEW).mkdir()
        yield temporary / NEW
        with _refusals(out):
            if out.exists():
                out.rename(temporary / OLD)
            (temporary / NEW).rename(out)
    finally:
        _end(temporary, out)


def _end(temporary: Path, out: Path):
    """Put the old folder back if no new one took its place; remove the rest."""
    if (temporary / OLD).exists() and not out.exists():
        (temporary / OLD).rename(out)
    shutil.rmtree(temporary, ignore_errors=True)
