"""Writes the C++ files of a bundle into a folder, all at once."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from emolib.core.artifacts import Run
from emolib.core.errors import BadArtifact, BadParameter, check_names
from emolib.core.out import check_out, replaced
from emolib.device.backends import Micro
from emolib.device.bundle import Bundle, studies_of
from emolib.quantization.firmware import constants, cpp, headers, vectors
from emolib.quantization.firmware.checks import included
from emolib.quantization.firmware.headers import Described
from emolib.quantization.firmware.operators import methods
from emolib.quantization.flatbuffer import DTYPES, graph, read
from emolib.quantization.npu import tflm

MODELS = ("models", "detectors")  # parts of a bundle's record
ALL, RESOLVER = "emolib_models.h", "emolib_resolver.h"
ENDINGS = (".h", ".cc", "_reference.h")  # of a model's files


def write(
    bundle: Path, out: Path, results: Path | None = None, names: Sequence[str] = ()
) -> dict[str, dict[str, int]]:
    """Write the models of the bundle, or those of `names` and the studies of two or more of these, as C++ into the
    folder `out`; bytes, arena_bytes and max_lsb of each by its C++ name.

    The vectors are test windows of the run in `results` that the bundle was exported from, without it seeded noise.
    The same bundle and run give the same bytes. Needs tflite-micro. Raises BadArtifact for an altered bundle, a
    run with other models or a model that is not int8 with one input and output; OverBudget for an operator that
    tflite-micro lacks; BadParameter where `out` is no folder to write or holds something else, for a name that is not
    in the bundle, or two that are one in C++.
    """
    out = check_out(out, known)
    opened = Bundle(bundle)
    run = None if results is None else Run(results, "firmware", {})
    record = picked(opened.record, names)
    models = [
        describe(opened.folder, source, entry, run, part == "detectors")
        for part in MODELS
        for source, entry in record[part].items()
    ]
    check_distinct(
        [model.name for model in models] + [cpp.identifier("study", name) for name in record["studies"]]
    )
    with replaced(out) as folder:
        for name, text in texts(models, record).items():
            (folder / name).write_text(text)
    return {
        model.name: {
            "bytes": len(model.content),
            "arena_bytes": model.arena_bytes,
            "max_lsb": model.vectors.max_lsb,
        }
        for model in models
    }


def picked(record: Mapping, names: Sequence[str]) -> Mapping:
    """The record of a bundle with the models and detectors of `names` alone and their studies, all where there are none."""
    if not names:
        return record
    check_names(names, [name for part in MODELS for name in record[part]], "the bundle")
    kept = {part: {name: record[part][name] for name in record[part] if name in names} for part in MODELS}
    return {**record, **kept, "studies": studies_of(record["studies"], names)}


def known(out: Path) -> set[str]:
    """Names of the files that `write` wrote into a folder."""
    models = included(out) if (out / ALL).is_file() else []
    return {ALL, RESOLVER, *(f"{name}{ending}" for name in models for ending in ENDINGS)}


def check_distinct(names: Sequence[str]):
    """Raises BadParameter for names that C++ cannot tell apart."""
    for name in names:
        if names.count(name) > 1:
            raise BadParameter(
                f"{names.count(name)} names of the bundle are {name} in C++, expected one: rename a detector or study."
            )


def describe(folder: Path, source: str, entry: Mapping, run: Run | None, is_detector: bool) -> Described:
    content = (folder / entry["file"]).read_bytes()
    check_ports(content, entry["file"])
    tflm.check_operators(content, entry["file"])
    micro = Micro(content)
    windows = vectors.of_detector if is_detector else vectors.of_source
    return Described(
        name=cpp.identifier("model", source),
        source=source,
        content=content,
        sha256=entry["sha256"],
        arena_bytes=tflm.arena_bytes(content),
        operators=tuple(methods((operator.name for operator in graph(content)), entry["file"])),
        input=micro.inputs[0],
        output=micro.output,
        note=constants.NOTES["detector" if is_detector else entry["modality"]],
        constants=constants.of_detector(entry) if is_detector else constants.of_source(entry),
        vectors=vectors.vectors(content, run and windows(run, source, entry), entry["file"]),
    )


def check_ports(content: bytes, file: str):
    """Raises BadArtifact unless the model has one input and one output, int8."""
    [main] = read(content).subgraphs
    taken, given = ([DTYPES[main.tensors[i].type] for i in side] for side in (main.inputs, main.outputs))
    if taken != ["INT8"] or given != ["INT8"]:
        raise BadArtifact(
            f"{file} takes {', '.join(taken)} and gives {', '.join(given)}, expected one INT8 each: "
            "export int8 models of one modality."
        )


def texts(models: Sequence[Described], record: Mapping) -> dict[str, str]:
    """The text of every file, by its name."""
    found = {}
    for model in models:
        made = headers.model_header(model), headers.model_source(model), headers.reference_header(model)
        found |= {f"{model.name}{ending}": text for ending, text in zip(ENDINGS, made, strict=True)}
    about = {name: str(record[name]) for name in ("emolib", "run", "commit") if name in record}
    found[ALL] = headers.models_header(models, about, record["studies"])
    found[RESOLVER] = headers.resolver_header(sorted({each for model in models for each in model.operators}))
    return found
