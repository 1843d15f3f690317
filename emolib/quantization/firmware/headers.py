"""The C++ files of a firmware as text: each model's header, array and vectors, one header of all, one for tflite-micro."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap

import numpy as np

from emolib.device.backends import Port
from emolib.quantization.firmware import cpp
from emolib.quantization.firmware.constants import NOTES, Constants, of_member, of_study
from emolib.quantization.firmware.vectors import Vectors

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
class Described:
    """A model as its files tell of it; `name` is a C++ name, `source` that of the bundle, `note` says how its input
    is made."""

    name: str
    source: str
    content: bytes
    sha256: str
    arena_bytes: int
    operators: tuple[str, ...]
    input: Port
    output: Port
    note: str
    constants: Constants
    vectors: Vectors


def comment(text: str) -> str:
    return "\n".join(f"// {line}" for line in wrap(text, 105))


def guarded(file: str, body: Iterable[str]) -> str:
    guard = f"EMOLIB_{file.upper().replace('.', '_')}_"
    head = "// Written by `emolib firmware`: not to be edited."
    return "\n".join([head, f"#ifndef {guard}", f"#define {guard}", *body, f"#endif  // {guard}", ""])


def within(namespace: str, lines: Iterable[str]) -> list[str]:
    return [f"namespace {namespace} {{", *lines, f"}}  // namespace {namespace}"]


def constants(values: Mapping[str, object]) -> list[str]:
    """A line or more each; a table above MAX_TABLE_BYTES is a comment that says so."""
    return [
        f"// {cpp.constant_name(field)}: left out, its {value.nbytes} bytes are more than {MAX_TABLE_BYTES}"
        if isinstance(value, np.ndarray) and value.nbytes > MAX_TABLE_BYTES
        else cpp.declared(field, value)
        for field, value in values.items()
    ]


def port(which: str, of: Port) -> list[str]:
    shape = np.array(of.shape, np.int32)
    told = {"shape": shape, "scale": of.scale, "zero_point": of.zero_point}
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
    lines = [f"alignas(16) const unsigned char kModel[kModelBytes] = {cpp.content(model.content)};"]
    include = f'#include "{model.name}.h"'
    return "\n".join([include, *within(f"emolib::{model.name}", lines), ""])


def reference_header(model: Described) -> str:
    told = model.vectors
    lines = [
        f"// Inputs: {told.origin}.",
        comment(VECTORS),
        *(cpp.declared("max_lsb", told.max_lsb), cpp.declared("vectors", len(told.inputs))),
        *(cpp.declared("inputs", told.inputs), cpp.declared("expected", told.outputs)),
    ]
    body = ["#include <cstdint>", *within(f"emolib::{model.name}", lines)]
    return guarded(f"{model.name}_reference.h", body)


def models_header(
    models: Sequence[Described], about: Mapping[str, str], studies: Mapping[str, Mapping]
) -> str:
    """All models; kArenaBytes: of one arena that they use in turn; what each fusion study learned."""
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
    """A namespace with one for each of its sources."""
    lines = constants(of_study(told))
    for source, member in told["sources"].items():
        lines += within(cpp.identifier("model", source), constants(of_member(member)))
    return within(cpp.identifier("study", name), lines)


def resolver_header(methods: list[str]) -> str:
    """The operators of all models, registered; the one file that needs tflite-micro's own headers."""
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
