"""Values as C++17 text, and arrays read back from it."""

import re

import numpy as np

from emolib.core.errors import BadArtifact, BadParameter

A_LINE = 16  # bytes; of floats half as many
TYPES = {"int8": "std::int8_t", "int16": "std::int16_t", "int32": "std::int32_t", "float32": "float"}
ESCAPED = re.compile(rb"[^ !#-\[\]-~]")  # all but printable ASCII without " and \


def identifier(prefix: str, name: str) -> str:
    """prefix_name for a namespace and its files: with a prefix like model it is no keyword and no digit comes first, and
    no path hides in it."""
    return f"{prefix}_" + re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def constant_name(field: str) -> str:
    """window_s is kWindowS."""
    return "k" + "".join(part[:1].upper() + part[1:] for part in field.split("_"))


def string(value: str) -> str:
    """A literal of the UTF-8 bytes of value, on one line whatever it holds."""
    return (
        '"'
        + ESCAPED.sub(lambda found: b"\\%03o" % found[0][0], value.encode(errors="replace")).decode()
        + '"'
    )


def number(value) -> str:
    """A literal of a bool, an integer or a float32. Raises BadParameter for what is not finite."""
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value)).lower()
    if isinstance(value, (int, np.integer)):
        return str(value)
    if not np.isfinite(np.float32(value)):
        raise BadParameter(f"Got {value} for a constant of the firmware, expected a finite float32.")
    return f"{np.float32(value)!s}f"


def braces(values: np.ndarray) -> str:
    if values.ndim > 1:
        return "{" + ",\n ".join(braces(row) for row in values) + "}"
    literals = [number(value) for value in values]
    n = A_LINE // 2 if values.dtype.kind == "f" else A_LINE
    lines = [", ".join(literals[i : i + n]) for i in range(0, len(literals), n)]
    return "{" + ",\n ".join(lines) + "}"


def declared(field: str, value) -> str:
    """A constant of the namespace: a bool, number, string, tuple of strings, or an array that is not empty.

    C++ has no empty arrays: an empty tuple or array is a comment.
    """
    name = constant_name(field)
    if isinstance(value, str):
        return f"inline constexpr char {name}[] = {string(value)};"
    if isinstance(value, (bool, int, float)):
        kind = {bool: "bool", int: "int", float: "float"}[type(value)]
        return f"inline constexpr {kind} {name} = {number(value)};"
    if len(value) == 0:
        return f"// {name}: none"
    if isinstance(value[0], str):
        return f"inline constexpr const char* {name}[] = {{{', '.join(map(string, value))}}};"
    shape = "".join(f"[{n}]" for n in value.shape)
    return f"inline constexpr {TYPES[value.dtype.name]} {name}{shape} = {braces(value)};"


def content(values: bytes) -> str:
    """The values of an array of unsigned char."""
    lines = (values[i : i + A_LINE] for i in range(0, len(values), A_LINE))
    return "{\n" + "".join("".join(f"0x{byte:02x}," for byte in line) + "\n" for line in lines) + "}"


def array(text: str, name: str, file: str) -> np.ndarray:
    """The integers (n,) of the array `name` in the text of a file, however many axes it has. Raises BadArtifact."""
    found = re.search(rf"\b{name}(\[\w+\])* = \{{([^;]*)\}};", text)
    literals = re.findall(r"[^\s,{}]+", found[2]) if found else []
    try:
        values = np.array([int(literal, 0) for literal in literals], np.int64)
    except ValueError as error:
        raise BadArtifact(
            f"{file}: {error}, expected integers in {name}: write the firmware again."
        ) from error
    if not len(values):
        raise BadArtifact(
            f"{file} holds no array {name}, expected one with values: write the firmware again."
        )
    return values


def single(text: str, name: str, file: str) -> str:
    """The literal of the constant `name`, without quotes. Raises BadArtifact."""
    found = re.search(rf'\b{name}(?:\[\])? = "?([^";]*)"?;', text)
    if not found:
        raise BadArtifact(f"{file} does not say {name}, expected a constant: write the firmware again.")
    return found[1]
