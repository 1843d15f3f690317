"""The config of a run: its sources with their steps, the studies of several sources, and what is measured.

A step is a notebook and takes that notebook's parameters. `emolib config` prints all of them, with types and defaults.
"""

import inspect
import json
from collections.abc import Iterator
from typing import Annotated, TypeVar

from pydantic import BeforeValidator, Field, create_model, model_validator

from emolib.core.errors import check_names
from emolib.core.experiment import Experiment
from emolib.core.parameters import Name, Recipe, Section, Seed, Training, check, comments, model_of


def by_step(*notebooks: str) -> dict[str, str]:
    """Notebooks by the step that they are."""
    return {notebook.partition("_")[2]: notebook for notebook in notebooks}


COMPRESSION = by_step("02a_ablation", "03a_clipping", "03b_mixed", "03c_qat", "03d_npu")
OTHERS = ("02b_saliency", "02c_reduction", "02e_seed_variability", "04d_subject_calibration", "04e_owner")
STEPS = COMPRESSION | by_step(*OTHERS)
OF_SOURCE = by_step("01_windows", "02_train", "03_quantize") | STEPS
SEVERAL = ("seed_variability", "compression", "saliency", "reduction", "subject_calibration", "owner")  # name sources
OF_MODALITY = {"saliency": ("face",), "reduction": ("face",), "subject_calibration": ("heart", "eeg", "skin")}
OF_MODALITY |= {"owner": ("heart", "eeg", "speech", "skin")}
EXPERIMENT = ("corpus", "modality", "task", "protocol", "network")

Part = TypeVar("Part")
Names = Annotated[list[str], BeforeValidator(lambda names: [] if names is None else names)]
Parts = Annotated[dict[Name, Part], BeforeValidator(lambda parts: {} if parts is None else parts)]


def of(notebook: str, *given: str) -> type[Section]:
    """What a config may set of a notebook: its parameters but for those that the pipeline gives."""
    return model_of(notebook, ("run", "fingerprint", *given))


STEP_MODELS = {step: of(notebook, *EXPERIMENT) for step, notebook in OF_SOURCE.items()}
fields = {step: (model, None) for step, model in STEP_MODELS.items()}
Source = create_model("Source", __base__=Section, **fields)


class Detector(Section):
    train: of("02d_detector", "name") = None
    classifier: str = ""
    composite: of("04a_composite", "name", *EXPERIMENT) = None


class Config(Section):
    run: Name
    title: str
    seed: Seed = 0
    sources: Annotated[dict[str, Source], Field(min_length=1)]
    seed_variability: Names = ()
    compression: Names = ()
    saliency: Names = ()
    reduction: Names = ()
    subject_calibration: Names = ()
    owner: Names = ()
    detectors: Parts[Detector] = {}
    studies: Parts[of("04_fusion", "name")] = {}
    missing: Parts[of("04c_missing", "name")] = {}
    early_fusion: Parts[of("04b_early_fusion", "name")] = {}
    cost: of("05_cost", "sources") = None
    latency: of("05a_latency", "sources") = None
    power: of("05b_power", "sources") = None

    @model_validator(mode="after")
    def _consistent(self):
        named = {part: getattr(self, part) for part in SEVERAL}
        named["detectors"] = [one.classifier for one in self.detectors.values() if one.classifier]
        for part in ("studies", "early_fusion"):
            for name, given in getattr(self, part).items():
                if "sources" not in given.model_fields_set:
                    raise ValueError(f"{part}.{name} names no sources: give it some.")
                named[f"{part}.{name}"] = given.sources
        for part, names in named.items():
            check_names(names, list(self.sources), f"sources, which {part} names")
        check_names(self.missing, list(self.studies), "studies, which missing names")
        for name, given in self.missing.items():
            joint = [given.early_fusion] if given and given.early_fusion else []
            check_names(joint, list(self.early_fusion), f"early_fusion, which missing.{name} names")
        for name in self.owner:
            train = getattr(self.sources[name], "train", None)
            if getattr(train, "normalise", "train") != "owner":
                raise ValueError(f"owner: {name} does not learn its owner: set normalise: owner under its train.")
        for part, modalities in OF_MODALITY.items():
            for name in named[part]:
                if (modality := Experiment.parse(name).modality) not in modalities:
                    raise ValueError(
                        f"{part}: {name} is of {modality}, expected a source of {' or '.join(modalities)}."
                    )
        return self


REFERENCE = """# What a config may say

Written by `emolib config`. `config/demo.yaml` shows most parts, with a comment. A config is checked before anything runs.
Nothing is converted: text is no number. YAML reads 1e-3 as text; write 1.0e-3.
"""


def check_config(config: dict) -> None:
    """Raise BadParameter for the first thing in a config that is unknown, of another type, or out of range."""
    check(Config, config, "The config")


def reference() -> str:
    """Each part of a config with the parameters that it takes: values, default, meaning. As Markdown."""
    models = {f"sources.SOURCE.{step}": model for step, model in STEP_MODELS.items()} | {
        "detectors.NAME.train": of("02d_detector", "name"),
        "studies.NAME": of("04_fusion", "name"),
        "missing.STUDY": of("04c_missing", "name"),
        "early_fusion.NAME": of("04b_early_fusion", "name"),
        "detectors.NAME.composite": of("04a_composite", "name", *EXPERIMENT),
        "latency": of("05a_latency", "sources"),
        "power": of("05b_power", "sources"),
    }
    text = REFERENCE
    for part, model in models.items():
        notebook = model.__name__
        meanings = comments(notebook)
        text += f"\n## {part}\n\nNotebook [{notebook}](../notebooks/{notebook}.ipynb).\n\n"
        text += "| parameter | values | default | meaning |\n|---|---|---|---|\n"
        for name, values, default in _rows(model):
            text += f"| `{name}` | {values} | `{default}` | {meanings.get(name, '').replace(' |', ',')} |\n"
    for model in (Training, Recipe):
        text += f"\n## {model.__name__}\n\n{inspect.getdoc(model)}\n\n| field | values | default |\n|---|---|---|\n"
        text += "".join(f"| `{name}` | {values} | `{default}` |\n" for name, values, default in _rows(model))
    return text


def _rows(model: type) -> Iterator[tuple[str, str, str]]:
    """Name, values and default of each field."""
    for name, schema in model.model_json_schema()["properties"].items():
        yield name, _values(schema), json.dumps(schema["default"])


def _values(schema: dict) -> str:
    """The values that a JSON schema takes, in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"fields of [{name}](#{name.lower()})"
    if "enum" in schema:
        return ", ".join(schema["enum"])
    if "anyOf" in schema:
        return " or ".join(map(_values, schema["anyOf"]))
    kind = schema["type"]
    if kind == "array":
        return f"list of {_values(schema['items'])}" if schema.get("items") else "list"
    kind = {"object": "by name", "null": "none", "string": "text"}.get(kind, kind)
    limits = {"exclusiveMinimum": "above", "minimum": "from", "maximum": "to", "exclusiveMaximum": "below"}
    return " ".join([kind, *(f"{word} {schema[name]}" for name, word in limits.items() if name in schema)])
