"""Write a bundle as C++ sources for tflite-micro, with vectors to test a firmware by.

Each model has a header, an array with the .tflite file, and vectors to test itself by. One header is for all models. One
registers their operators with tflite-micro, and alone needs its headers.
"""

import re
from collections import Counter
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
from emolib.device.backends import Micro, Port
from emolib.device.bundle import Bundle, studies_of
from emolib.device.interpreter import quantize
from emolib.models import crossval
from emolib.quantization import tflite_micro
from emolib.quantization.firmware import constants, cpp
from emolib.quantization.firmware.cpp import TEMPLATES
from emolib.quantization.flatbuffer import DTYPES, graph, read
from emolib.signals.boxes import Letterbox

MODELS = ("models", "detectors")  # parts of a bundle's record
ALL, RESOLVER = "emolib_models.h", "emolib_resolver.h"
OF_MODEL = ("model.h", "model.cc", "model_reference.h")
N_VECTORS, SEED = 4, 0
MAX_LSB = 2  # that tflite-micro may be from litert's reference kernels: rounding, see emolib.quantization.tflite_micro


def write(bundle: Path, out: Path, results: Path | None = None, names: Sequence[str] = ()) -> dict[str, dict[str, int]]:
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
    record = opened.record
    if names:
        check_names(names, [name for part in MODELS for name in record[part]], "the bundle")
        kept = {part: {name: record[part][name] for name in record[part] if name in names} for part in MODELS}
        record = {**record, **kept, "studies": studies_of(record["studies"], names)}
    models = [
        describe(opened.folder, source, entry, run, part == "detectors")
        for part in MODELS
        for source, entry in record[part].items()
    ]
    studies = [study(name, told) for name, told in record["studies"].items()]
    name, n = Counter(each["name"] for each in (*models, *studies)).most_common(1)[0]
    if n > 1:
        raise BadParameter(f"Two names of the bundle are {name} in C++: rename a detector or study.")
    about = {name: str(record[name]) for name in ("emolib", "run", "commit") if name in record}
    operators = sorted({operator for model in models for operator in model["operators"]})
    with replaced(out) as folder:

        def render(template: str, file: str, **told):
            (folder / file).write_text(TEMPLATES.get_template(template).render(told))

        for model in models:
            for template in OF_MODEL:
                render(template, template.replace("model", model["name"]), **model)
        render(ALL, ALL, models=models, about=about, studies=studies, note=constants.NOTES["study"])
        render(RESOLVER, RESOLVER, operators=operators)
    return {
        each["name"]: {"bytes": len(each["content"]), "arena_bytes": each["arena_bytes"], "max_lsb": each["max_lsb"]}
        for each in models
    }


def written(out: Path) -> set[str]:
    """Names of the files that `write` wrote into a folder."""
    listed = (out / ALL).read_text(errors="replace") if (out / ALL).is_file() else ""
    models = re.findall(r'#include "(model_\w+)\.h"', listed)
    return {ALL, RESOLVER, *(template.replace("model", name) for name in models for template in OF_MODEL)}


def describe(folder: Path, source: str, entry: Mapping, run: Run | None, is_detector: bool) -> dict:
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
    return {
        "name": cpp.identifier("model", source),
        "source": source,
        "content": content,
        "sha256": entry["sha256"],
        "arena_bytes": tflite_micro.arena_bytes(content),
        "operators": cpp.methods(operator.name for operator in graph(content)),
        "input": port("input", micro.inputs[0]),
        "output": port("output", micro.output),
        "note": constants.NOTES["detector" if is_detector else entry["modality"]],
        "about": constants.of_detector(entry) if is_detector else constants.of_source(entry),
        **vectors_of(content, run and windows(run, source, entry), entry["file"]),
    }


def port(which: str, of: Port) -> dict:
    shape = np.array(of.shape, np.int32)
    return {f"{which}_shape": shape, f"{which}_scale": of.scale, f"{which}_zero_point": of.zero_point}


def study(name: str, told: Mapping) -> dict:
    """What a fusion study learned, with a namespace for each of its sources."""
    sources = told["sources"]
    members = [(cpp.identifier("model", source), constants.of_member(sources[source])) for source in sources]
    about = {"classes": tuple(told["classes"]), "sources": tuple(sources)}
    return {"name": cpp.identifier("study", name), "about": about, "members": members}


def vectors_of(content: bytes, X: np.ndarray | None, name: str) -> dict:
    """What a firmware tests itself by: inputs (n, n_values) int8 of windows X (n, *shape), or of noise; outputs (n,
    n_outputs) int8 of litert's reference kernels; max_lsb, how far tflite-micro is from these; and the inputs' origin.
    Raises BadArtifact where tflite-micro is over MAX_LSB away."""
    micro = Micro(content)
    [port] = micro.inputs
    shape = (N_VECTORS, int(np.prod(port.shape)))
    if X is None:
        inputs = np.random.default_rng(SEED).integers(-128, 128, shape, np.int8)
    else:
        inputs = quantize(X, port.scale, port.zero_point).reshape(len(X), -1)
    expected = tflite_micro.answers(tflite_micro.reference(content), inputs)
    lsb = int(np.abs(tflite_micro.answers(micro, inputs) - expected).max())
    if lsb > MAX_LSB:
        raise BadArtifact(
            f"{name}: tflite-micro is {lsb} steps from litert's reference kernels, expected {MAX_LSB} or less: "
            "compare their kernels by emolib.quantization.tflite_micro.rounding."
        )
    origin = "uniform noise, seed 0" if X is None else "test windows of the run"
    return {"inputs": inputs, "outputs": expected.astype(np.int8), "max_lsb": lsb, "origin": origin}


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
