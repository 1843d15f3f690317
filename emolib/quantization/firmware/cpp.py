"""The C++17 files of a firmware as text, and values read back from them.

Each model has a header, an array with the .tflite file, and vectors to test itself by. One header is for all models, one
registers their operators with tflite-micro.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap

import numpy as np

from emolib.core.errors import BadArtifact
from emolib.device.backends import Port
from emolib.quantization.firmware.constants import NOTES, Constants, of_member

A_LINE = 16  # bytes; of floats half as many
TYPES = {"int8": "std::int8_t", "int16": "std::int16_t", "int32": "std::int32_t", "float32": "float"}
ESCAPED = re.compile(rb"[^ !#-\[\]-~]")  # all but printable ASCII without " and \
MAX_TABLE_BYTES = 64 << 10
ARENA = (
    "Bytes of the tensor arena, the least in which tflite-micro opens the model on a 64-bit computer. A microcontroller's "
    "pointers are half as long, so it needs less of it; its own kernels (CMSIS-NN) may ask for scratch memory on top."
)
INPUT = "int8 input = clip(round_half_even(x / kInputScale + kInputZeroPoint), -128, 127)."
USE = (
    "alignas(16) static uint8_t arena[emolib::kArenaBytes]; a Resolver and AddOperators; then tflite::MicroInterpreter("
    "tflite::GetModel(kModel of a model), resolver, arena, sizeof arena), AllocateTensors, and the vectors as a self-test."
)
OUTPUT = "real = kOutputScale * (output - kOutputZeroPoint)"
VECTORS = (
    "kExpected are the outputs of LiteRT's reference kernels; tflite-micro's reference kernels are kMaxLsb steps away at most. "
    "Optimised kernels may round apart by more."
)


@dataclass(frozen=True)
class Vectors:
    """What a firmware tests itself by: inputs (n, n_values) int8, and outputs (n, n_outputs) int8 of litert's reference kernels.

    `max_lsb` is how far tflite-micro is from these outputs on a computer, `origin` says what the inputs are.
    """

    inputs: np.ndarray
    outputs: np.ndarray
    max_lsb: int
    origin: str


@dataclass(frozen=True)
class Described:
    """What the files of a model say. `name` is its C++ name, `source` its name in the bundle, `note` how its input is made."""

    name: str
    source: str
    content: bytes
    sha256: str
    arena_bytes: int
    operators: Sequence[str]
    input: Port
    output: Port
    note: str
    constants: Constants
    vectors: Vectors


def identifier(prefix: str, name: str) -> str:
    """prefix_name, for a namespace and its files. It is no keyword, starts with no digit, and no path hides in it."""
    return f"{prefix}_" + re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


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
    """A constant of the namespace: a bool, a number, a string, a tuple of strings or an array.

    An empty tuple or array becomes a comment, because C++ has no empty arrays.
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
    """The values as an array of unsigned char."""
    lines = (values[i : i + A_LINE] for i in range(0, len(values), A_LINE))
    return "{\n" + "".join("".join(f"0x{byte:02x}," for byte in line) + "\n" for line in lines) + "}"


def comment(text: str) -> str:
    return "\n".join(f"// {line}" for line in wrap(text, 105))


def guarded(file: str, body: Iterable[str]) -> str:
    guard = f"EMOLIB_{file.upper().replace('.', '_')}_"
    head = "// Written by `emolib firmware`: not to be edited."
    return "\n".join([head, f"#ifndef {guard}", f"#define {guard}", *body, f"#endif  // {guard}", ""])


def within(namespace: str, lines: Iterable[str]) -> list[str]:
    return [f"namespace {namespace} {{", *lines, f"}}  // namespace {namespace}"]


def constants(values: Mapping[str, object]) -> list[str]:
    """The constants, a line or more each. A table above MAX_TABLE_BYTES becomes a comment that says so."""
    return [
        f"// {constant_name(field)}: left out, its {value.nbytes} bytes are more than {MAX_TABLE_BYTES}"
        if isinstance(value, np.ndarray) and value.nbytes > MAX_TABLE_BYTES
        else declared(field, value)
        for field, value in values.items()
    ]


def port(which: str, of: Port) -> list[str]:
    told = {"shape": np.array(of.shape, np.int32), "scale": of.scale, "zero_point": of.zero_point}
    return constants({f"{which}_{field}": value for field, value in told.items()})


def model_header(model: Described) -> str:
    lines = [
        "// Operators: " + ", ".join(model.operators),
        *constants({"source": model.source, "sha256": model.sha256}),
        f"inline constexpr std::size_t kModelBytes = {len(model.content)};",
        "alignas(16) extern const unsigned char kModel[kModelBytes];  // the .tflite file",
        comment(ARENA),
        f"inline constexpr std::size_t kArenaBytes = {model.arena_bytes};",
        comment(INPUT),
        *port("input", model.input),
        f"// {OUTPUT}",
        *port("output", model.output),
        comment(model.note),
        *constants(model.constants),
    ]
    body = ["#include <cstddef>", "#include <cstdint>", *within(f"emolib::{model.name}", lines)]
    return guarded(f"{model.name}.h", body)


def model_source(model: Described) -> str:
    lines = [f"alignas(16) const unsigned char kModel[kModelBytes] = {content(model.content)};"]
    include = f'#include "{model.name}.h"'
    return "\n".join([include, *within(f"emolib::{model.name}", lines), ""])


def reference_header(model: Described) -> str:
    told = model.vectors
    lines = [
        f"// Inputs: {told.origin}.",
        comment(VECTORS),
        *(declared("max_lsb", told.max_lsb), declared("vectors", len(told.inputs))),
        *(declared("inputs", told.inputs), declared("expected", told.outputs)),
    ]
    body = ["#include <cstdint>", *within(f"emolib::{model.name}", lines)]
    return guarded(f"{model.name}_reference.h", body)


def models_header(
    models: Sequence[Described], about: Mapping[str, str], studies: Mapping[str, Mapping]
) -> str:
    """The header of all models: the bytes of one arena that they use in turn, and what each fusion study learned."""
    lines = [
        *constants(about),
        "// Of one arena that the models use in turn; see the note at each.",
        f"inline constexpr std::size_t kArenaBytes = {max(model.arena_bytes for model in models)};",
        comment(NOTES["study"]),
        *(line for name, told in studies.items() for line in study(name, told)),
    ]
    includes = [f'#include "{model.name}.h"' for model in models]
    return guarded("emolib_models.h", ["#include <cstddef>", *includes, *within("emolib", lines)])


def study(name: str, told: Mapping) -> list[str]:
    """The namespace of a study, with one inside for each of its sources."""
    lines = constants({"classes": tuple(told["classes"]), "sources": tuple(told["sources"])})
    for source, member in told["sources"].items():
        lines += within(identifier("model", source), constants(of_member(member)))
    return within(identifier("study", name), lines)


def resolver_header(methods: list[str]) -> str:
    """The header that registers the operators of all models. It alone needs the headers of tflite-micro."""
    lines = [
        comment(USE),
        f"using Resolver = tflite::MicroMutableOpResolver<{len(methods)}>;",
        "// Registers the operators of all models, once; kTfLiteOk or the first failure.",
        "inline TfLiteStatus AddOperators(Resolver& resolver) {",
        "  TfLiteStatus status = kTfLiteOk;",
        *(f"  if (status == kTfLiteOk) status = resolver.{method}();" for method in methods),
        "  return status;",
        "}",
    ]
    include = '#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"'
    return guarded("emolib_resolver.h", [include, *within("emolib", lines)])


def methods(operators: Iterable[str]) -> list[str]:
    """What MicroMutableOpResolver of tflite-micro calls TFLite's operators, sorted, each once: CONV_2D is AddConv2D."""
    named = {operator: operator.replace("2D", "2d").split("_") for operator in operators}
    return sorted({"Add" + "".join(map(str.capitalize, part)).replace("2d", "2D") for part in named.values()})


def array(text: str, name: str, file: str) -> np.ndarray:
    """The integers (n,) of the array `name` in the text of a file, all its axes flattened. Raises BadArtifact."""
    found = re.search(rf"\b{name}(\[\w+\])* = \{{([^;]*)\}};", text)
    try:
        return np.array([int(literal, 0) for literal in re.findall(r"[^\s,{}]+", found[2])], np.int64)
    except (TypeError, ValueError) as error:
        raise BadArtifact(
            f"{file} holds no array {name}, expected one of integers: write the firmware again."
        ) from error


def single(text: str, name: str, file: str) -> str:
    """The literal of the constant `name`, without quotes. Raises BadArtifact."""
    found = re.search(rf'\b{name}(?:\[\])? = "?([^";]*)"?;', text)
    if not found:
        raise BadArtifact(f"{file} does not say {name}, expected a constant: write the firmware again.")
    return found[1]
