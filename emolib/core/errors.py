"""The errors a user can cause. Each message is one line: what, got, expected, next step."""

import difflib
import errno
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import signature
from numbers import Integral, Real
from re import fullmatch
from types import NoneType

LONGEST = 1000  # characters of a message


class EmolibError(Exception):
    """Base of every error that a user can mend; shown as one line, without a traceback. A message may quote a damaged
    file, or its name: what does not print is shown as an escape, what is long without its middle."""

    def __str__(self) -> str:
        line = " ".join(super().__str__().splitlines())
        text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)
        half = LONGEST // 2
        return text if len(text) <= LONGEST else f"{text[:half]} … {text[3 - half :]}"


class CorpusMissing(EmolibError):
    """No files of a corpus where they were looked for."""


class BadRecording(EmolibError):
    """A file of a corpus that cannot be used: truncated, undecodable, a column missing."""


class UnmappedLabel(EmolibError):
    """A label that the map of its corpus does not hold."""


class BadSet(EmolibError):
    """Windows and labels that cannot be trained on: unequal lengths, an empty class, one subject only."""


class BadParameter(EmolibError, ValueError):
    """A parameter that does not exist or a value out of range."""


class BadArtifact(EmolibError):
    """An artifact of an earlier notebook that is missing or was altered after it was written."""


class OverBudget(EmolibError):
    """A model over the size, activation or operator budget of the config."""


def exit_status(command: Callable[[], int | None]) -> int:
    """What the command returns, None for 0; 1 with one line on stderr for what a user can mend; 130 after Ctrl-C."""
    try:
        return command() or 0
    except ModuleNotFoundError as error:
        if str(error.name).startswith("emolib"):
            raise
        print(f"This command needs {error.name}: pip install 'emolib[lab]'.", file=sys.stderr)
    except EmolibError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    except BrokenPipeError:  # of `emolib … | head`; what Python would flush at its end goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(f"No space left for {error.filename or 'what is written'}: make room, then again.", file=sys.stderr)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    return 1


def check_name(name: object, what: str) -> str:
    """The name of a run, a study or a detector. Raises BadParameter for one that is no plain file name."""
    if not isinstance(name, str) or not fullmatch(r"\w([\w .+-]*[\w+-])?", name):
        form = "letters, digits, spaces and . + - _ that begins with a letter or digit"
        raise BadParameter(f"{what}: got {name!r}, expected a name of {form}: choose another.")
    return name


def check_names(given: Iterable[str], known: Sequence[str], where: str):
    """Raise BadParameter for the first name that is not among the known ones of `where`."""
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known) or 'none'}."
            raise BadParameter(f"Parameter {name} does not exist in {where}: {hint}")


OPTIONS = {
    bool: (bool, "true or false"),
    int: (Integral, "a whole number"),
    float: (Real, "a number"),
    str: (str, "text"),
}
OPTIONS |= {tuple: (tuple | list, "a list"), NoneType: (Real | None, "a number or none")}


def check_options(given: Mapping, function: Callable, where: str):
    """Raise BadParameter for the first name that `function` has no default for, or whose value is of another type."""
    known = {name: one for name, one in signature(function).parameters.items() if one.default is not one.empty}
    check_names(given, list(known), where)
    for name, value in given.items():
        said = known[name].annotation
        kind, expected = OPTIONS[said if said in OPTIONS else type(known[name].default)]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise BadParameter(f"{where}: {name}: got {value!r}, expected {expected}.")
