"""Write a bundle as C++ sources for tflite-micro, with vectors to test a firmware by; and check such sources on tflite-micro."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from emolib.core.artifacts import Run, sha256
from emolib.core.errors import BadArtifact, BadParameter, CorpusMissing, check_names
from emolib.core.experiment import INT8, Experiment, model_name
from emolib.core.out import check_out, replaced
from emolib.datasets.face_boxes import pictures
from emolib.datasets.splits import few
from emolib.device.backends import Backend, Micro
from emolib.device.bundle import Bundle, studies_of
from emolib.device.interpreter import check_backend, quantize
from emolib.models import crossval
from emolib.quantization import tflite_micro
from emolib.quantization.firmware import constants, cpp
from emolib.quantization.firmware.cpp import Described, Vectors
from emolib.quantization.flatbuffer import DTYPES, graph, read
from emolib.signals.boxes import Letterbox

MODELS = ("models", "detectors")  # parts of a bundle's record
ALL, RESOLVER = "emolib_models.h", "emolib_resolver.h"
ENDINGS = (".h", ".cc", "_reference.h")  # of a model's files
N_VECTORS, SEED = 4, 0
MAX_LSB = 2  # that tflite-micro may be from litert's reference kernels: rounding, see emolib.quantization.tflite_micro
AGAIN = "write the firmware again."


def write(
    bundle: Path, out: Path, results: Path | None = None, names: Sequence[str] = ()
) -> dict[str, dict[str, int]]:
    """Write the models of a bundle as C++ into the folder `out`; gives bytes, arena_bytes and max_lsb by C++ name.

    `names` picks models and detectors, and the studies of two or more of these; without it all are written. The vectors
    are test windows of the run in `results` that the bundle was exported from, without it noise of a fixed seed. The same
    bundle and run give the same bytes. Needs tflite-micro.
    Raises BadArtifact for an altered bundle, a run with other models, or a model that is not int8 with one input and one
    output; OverBudget for an operator that tflite-micro lacks; BadParameter where `out` cannot be written or holds
    something else, for a name that is not in the bundle, and for two names that are the same in C++.
    """
    out, opened = check_out(out, written), Bundle(bundle)
    run = None if results is None else Run(results, "firmware", {})
    record = picked(opened.record, names)
    models = [
        describe(opened.folder, source, entry, run, part == "detectors")
        for part in MODELS
        for source, entry in record[part].items()
    ]
    known = [model.name for model in models] + [cpp.identifier("study", name) for name in record["studies"]]
    for name in known:
        if known.count(name) > 1:
            raise BadParameter(f"Two names of the bundle are {name} in C++: rename a detector or study.")
    about = {name: str(record[name]) for name in ("emolib", "run", "commit") if name in record}
    with replaced(out) as folder:
        for model in models:
            made = cpp.model_header(model), cpp.model_source(model), cpp.reference_header(model)
            for ending, text in zip(ENDINGS, made, strict=True):
                (folder / f"{model.name}{ending}").write_text(text)
        (folder / ALL).write_text(cpp.models_header(models, about, record["studies"]))
        methods = sorted({method for model in models for method in model.operators})
        (folder / RESOLVER).write_text(cpp.resolver_header(methods))
    return {
        each.name: {
            "bytes": len(each.content),
            "arena_bytes": each.arena_bytes,
            "max_lsb": each.vectors.max_lsb,
        }
        for each in models
    }


def picked(record: Mapping, names: Sequence[str]) -> Mapping:
    """The record of a bundle with only the models and detectors of `names`, and their studies; all without names."""
    if not names:
        return record
    check_names(names, [name for part in MODELS for name in record[part]], "the bundle")
    kept = {part: {name: record[part][name] for name in record[part] if name in names} for part in MODELS}
    return {**record, **kept, "studies": studies_of(record["studies"], names)}


def written(out: Path) -> set[str]:
    """Names of the files that `write` wrote into a folder."""
    models = included(out) if (out / ALL).is_file() else []
    return {ALL, RESOLVER, *(f"{name}{ending}" for name in models for ending in ENDINGS)}


def describe(folder: Path, source: str, entry: Mapping, run: Run | None, is_detector: bool) -> Described:
    """What the files of one model say; `entry` is that of bundle.json."""
    content = (folder / entry["file"]).read_bytes()
    [main] = read(content).subgraphs
    types = [[DTYPES[main.tensors[i].type] for i in side] for side in (main.inputs, main.outputs)]
    if types != [["INT8"], ["INT8"]]:
        taken, given = (", ".join(side) for side in types)
        raise BadArtifact(
            f"{entry['file']} takes {taken} and gives {given}, expected one INT8 each: export int8 models of one modality."
        )
    tflite_micro.check_operators(content, entry["file"])
    micro = Micro(content)
    windows = detector_windows if is_detector else source_windows
    return Described(
        name=cpp.identifier("model", source),
        source=source,
        content=content,
        sha256=entry["sha256"],
        arena_bytes=tflite_micro.arena_bytes(content),
        operators=cpp.methods(operator.name for operator in graph(content)),
        input=micro.inputs[0],
        output=micro.output,
        note=constants.NOTES["detector" if is_detector else entry["modality"]],
        constants=constants.of_detector(entry) if is_detector else constants.of_source(entry),
        vectors=vectors_of(content, run and windows(run, source, entry), entry["file"]),
    )


def outputs(backend: Backend, inputs: np.ndarray) -> np.ndarray:
    """(n, n_outputs) int8 of inputs (n, n_values) int8."""
    [port] = backend.inputs
    return np.stack([backend.run(x.reshape(port.shape)).ravel() for x in inputs])


def lsb(found: np.ndarray, expected: np.ndarray) -> int:
    """The largest difference of int8 values."""
    return int(np.abs(found.astype(int) - expected).max())


def vectors_of(content: bytes, X: np.ndarray | None, name: str) -> Vectors:
    """N_VECTORS vectors of windows X (n, *shape), or of noise. Raises BadArtifact where tflite-micro is over MAX_LSB away."""
    micro = Micro(content)
    [port] = micro.inputs
    shape = (N_VECTORS, int(np.prod(port.shape)))
    if X is None:
        inputs = np.random.default_rng(SEED).integers(-128, 128, shape, np.int8)
    else:
        inputs = quantize(X, port.scale, port.zero_point).reshape(len(X), -1)
    expected = outputs(tflite_micro.reference(content), inputs)
    apart = lsb(outputs(micro, inputs), expected)
    if apart > MAX_LSB:
        raise BadArtifact(
            f"{name}: tflite-micro is {apart} steps from litert's reference kernels, expected {MAX_LSB} or less: "
            "compare their kernels by emolib.quantization.tflite_micro.rounding."
        )
    origin = "uniform noise, seed 0" if X is None else "test windows of the run"
    return Vectors(inputs, expected, apart, origin)


def source_windows(run: Run, name: str, entry: Mapping) -> np.ndarray:
    """N_VECTORS standardised test windows of the fold whose model the bundle holds. Raises BadArtifact."""
    fold = entry.get("fold", 0)
    check_same(run, f"{model_name(name, fold)}-{INT8}.tflite", entry)
    data, folds, _ = crossval.opened(run, Experiment.parse(name))
    standardiser = crossval.load_standardiser(run, model_name(name, fold))
    return standardiser(data.X[few(folds[fold].test, N_VECTORS, SEED)])


def detector_windows(run: Run, name: str, entry: Mapping) -> np.ndarray | None:
    """N_VECTORS test pictures (n, side, side, n_channels) in [0, 1]; None where the corpus is not here. Raises BadArtifact."""
    check_same(run, f"models/{name}-{INT8}.tflite", entry)
    made = run.parameters_of(f"rows/{name}-detector.csv")
    try:
        tested = (each.image for each in pictures(made["corpora"], []) if each.split == "test")
        images = list(islice(tested, N_VECTORS))
    except CorpusMissing:
        return None
    fitted = [Letterbox(x.shape[:2], made["side"]).image(x, made["n_channels"]) for x in images]
    return np.float32(np.stack(fitted)) / 255


def check_same(run: Run, file: str, entry: Mapping):
    """Raises BadArtifact where the run's model is not the bundle's."""
    found: Path = run.read(file)
    if sha256(found) != entry["sha256"]:
        raise BadArtifact(
            f"{found} is not the model of the bundle, expected sha256 {entry['sha256'][:12]}: give the run that "
            "the bundle was exported from, or export again."
        )


def check(out: Path) -> dict[str, dict[str, int]]:
    """Run every vector of the firmware in `out` on tflite-micro: vectors and lsb (largest difference) by C++ name.

    Raises BadArtifact for a file that is missing or altered, and for an answer further away than the firmware says.
    """
    check_backend("tflite_micro", 1)
    return {name: checked(Path(out), name) for name in included(Path(out))}


def included(out: Path) -> list[str]:
    """The models of a firmware, by their C++ names. Raises BadArtifact."""
    return re.findall(r'#include "(model_\w+)\.h"', text(out / ALL))


def checked(out: Path, name: str) -> dict[str, int]:
    """`check` for one model."""
    file = out / f"{name}.cc"
    content = cpp.array(text(file), "kModel", str(file)).astype(np.uint8).tobytes()
    told = cpp.single(text(out / f"{name}.h"), "kSha256", f"{name}.h")
    if (found := hashlib.sha256(content).hexdigest()) != told:
        raise BadArtifact(
            f"{file} is not the model that was written (sha256 {found[:12]}, expected {told[:12]}): {AGAIN}"
        )
    micro, file = Micro(content), out / f"{name}_reference.h"
    inputs = vectors_in(file, "kInputs", int(np.prod(micro.inputs[0].shape)))
    expected = vectors_in(file, "kExpected", int(np.prod(micro.output.shape)))
    if len(inputs) != len(expected):
        raise BadArtifact(f"{file}: {len(inputs)} inputs and {len(expected)} outputs: {AGAIN}")
    apart, allowed = lsb(outputs(micro, inputs), expected), int(cpp.single(text(file), "kMaxLsb", str(file)))
    if apart > allowed:
        raise BadArtifact(
            f"{file}: tflite-micro is {apart} steps from the outputs that it expects, allowed are {allowed}: {AGAIN}"
        )
    return {"vectors": len(inputs), "lsb": apart}


def vectors_in(file: Path, name: str, size: int) -> np.ndarray:
    """The array `name` of a file as (n, size) int8. Raises BadArtifact where it is none."""
    values = cpp.array(text(file), name, str(file))
    if len(values) % size or np.abs(values + 0.5).max() > 127.5:
        raise BadArtifact(f"{file}: {name} is no array of int8 vectors of {size} values: {AGAIN}")
    return values.reshape(-1, size).astype(np.int8)


def text(file: Path) -> str:
    """The text of a file. Raises BadArtifact for one that is missing or no text."""
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadArtifact(f"{file} cannot be read ({error}), expected a firmware's: {AGAIN}") from error
