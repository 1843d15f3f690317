"""Names and literals of C++17: the constants that the templates of a firmware hold."""

import re
from collections.abc import Iterable, Mapping
from textwrap import wrap

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

A_LINE = 16  # numbers; of floats half as many
TYPES = {"int8": "std::int8_t", "int16": "std::int16_t", "int32": "std::int32_t", "float32": "float"}
ESCAPED = re.compile(rb"[^ !#-\[\]-~]")  # all but printable ASCII without " and \
MAX_TABLE_BYTES = 64 << 10


def identifier(prefix: str, name: str) -> str:
    """prefix_name, for a namespace and its files. It is no keyword, starts with no digit, and no path hides in it."""
    return f"{prefix}_" + re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def methods(operators: Iterable[str]) -> list[str]:
    """What MicroMutableOpResolver of tflite-micro calls TFLite's operators, sorted, each once: CONV_2D is AddConv2D."""
    words = (operator.replace("2D", "2d").split("_") for operator in set(operators))
    return sorted("Add" + "".join(map(str.capitalize, parts)).replace("2d", "2D") for parts in words)


def constant_name(field: str) -> str:
    """window_s is kWindowS."""
    return "k" + "".join(part[:1].upper() + part[1:] for part in field.split("_"))


def string(value: str) -> str:
    """A literal of the UTF-8 bytes of value, always on one line."""
    escaped = ESCAPED.sub(lambda found: b"\\%03o" % found[0][0], value.encode(errors="replace"))
    return f'"{escaped.decode()}"'


def number(value) -> str:
    """A literal of a bool, an integer or a finite float32."""
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value)).lower()
    if isinstance(value, (int, np.integer)):
        return str(value)
    return f"{np.float32(value)!s}f"


def braces(values: np.ndarray) -> str:
    if values.ndim > 1:
        return "{" + ",\n ".join(braces(row) for row in values) + "}"
    literals = [number(value) for value in values]
    n = A_LINE // 2 if values.dtype.kind == "f" else A_LINE
    return "{" + ",\n ".join(", ".join(literals[i : i + n]) for i in range(0, len(literals), n)) + "}"


def declared(field: str, value) -> str:
    """A constant of the namespace: a bool, a number, a string, a tuple of strings or an array. An empty tuple or array
    becomes a comment, because C++ has no empty arrays."""
    name = constant_name(field)
    if isinstance(value, str):
        return f"inline constexpr char {name}[] = {string(value)};"
    if isinstance(value, (bool, int, float)):
        return f"inline constexpr {type(value).__name__} {name} = {number(value)};"
    if len(value) == 0:
        return f"// {name}: none"
    if isinstance(value[0], str):
        return f"inline constexpr const char* {name}[] = {{{', '.join(map(string, value))}}};"
    shape = "".join(f"[{n}]" for n in value.shape)
    return f"inline constexpr {TYPES[value.dtype.name]} {name}{shape} = {braces(value)};"


def constants(values: Mapping[str, object]) -> str:
    """The constants, a line or more each. A table above MAX_TABLE_BYTES becomes a comment that says so."""
    return "\n".join(
        f"// {constant_name(field)}: left out, its {value.nbytes} bytes are more than {MAX_TABLE_BYTES}"
        if isinstance(value, np.ndarray) and value.nbytes > MAX_TABLE_BYTES
        else declared(field, value)
        for field, value in values.items()
    )


def comment(text: str) -> str:
    return "\n".join(f"// {line}" for line in wrap(text, 105))


TEMPLATES = Environment(
    loader=PackageLoader(__package__),
    trim_blocks=True,
    keep_trailing_newline=True,
    undefined=StrictUndefined,
    autoescape=False,
)
TEMPLATES.filters |= {"constants": constants, "comment": comment}
TEMPLATES.globals["declared"] = declared
