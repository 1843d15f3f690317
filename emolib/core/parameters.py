"""The parameters of notebooks: names, types and ranges, checked before anything runs.

A notebook's parameters cell gives names and defaults. A type is the annotation, else that of the default. Nothing is
converted: text is no number, and "no" is not false.
"""

import ast
import io
import json
import tokenize
from collections.abc import Mapping
from functools import cache
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator

from emolib.core.errors import BadParameter, check_name, check_names
from emolib.core.paths import PROJECT

Model = TypeVar("Model", bound=BaseModel)
Name = Annotated[str, AfterValidator(lambda name: check_name(name, "name"))]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Optimizer = Literal["adam", "adamw", "sgd"]
RANGES = (  # of these names in every notebook; of a list, each element
    (
        Field(gt=0),
        """threads n_seeds n_calibration n_samples n_folds n_virtual n_train n_val n_windows side width budget repeats
        epochs batch_sizes learning_rate baseline_s shorter_s max_file_kb max_activation_kb calibration_sizes
        flops_ratio trials_per_person n_channels""",
    ),
    (Field(ge=0), "voices max_windows n_random stream_s n_sanity"),
    (Field(ge=0, le=1), "noises share margin size_share"),
    (Field(gt=0, le=100), "percentiles weight_percentiles"),
)
LIMITS = {name: limits for limits, names in RANGES for name in names.split()}


class Strict(BaseModel):
    """What a user wrote. An unknown name is an error."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _known(cls, given: Any) -> Any:
        if isinstance(given, Mapping):
            check_names(given, list(cls.model_fields), cls.__name__)
        return given


class Section(Strict):
    """A part of a config. An empty one stands for no names."""

    @model_validator(mode="before")
    @classmethod
    def _empty(cls, given: Any) -> Any:
        return {} if given is None else given


class Training(Strict, frozen=True):
    """How to train a classifier. The learning rate falls from `learning_rate` to 0 along half a cosine over `epochs`.

    A training ends after `patience` epochs without a lower validation loss, and the best epoch is kept. The loss
    decides: UAR jumps where few people validate. The `seed` is the notebook's where `fit` has none.
    """

    optimizer: Optimizer = "adam"
    learning_rate: float = Field(3e-3, gt=0)
    epochs: int = Field(30, gt=0)
    batch_size: int = Field(32, gt=0)
    patience: int = Field(10, gt=0)
    class_weights: bool = True
    label_smoothing: float = Field(0.1, ge=0, lt=1)
    focal_gamma: float = Field(0.0, ge=0)
    augment: bool = True
    seed: Seed = 0


class Recipe(Strict, frozen=True):
    """How to train a detector. The rate rises over the first steps, then falls to 0 along half a cosine over `epochs`. The
    `seed` is the notebook's where `fit` has none."""

    loss: Literal["yolo_v1", "iou_aware"] = "yolo_v1"
    optimizer: Optimizer = "adam"
    learning_rate: float = Field(2e-3, gt=0)
    epochs: int = Field(60, gt=0)
    batch_size: int = Field(8, gt=0)
    seed: Seed = 0


KINDS = {
    "run": Name,
    "seed": Seed,
    "name": Name,
    "modality": Literal["heart", "eeg", "speech", "face", "skin"],
    "protocol": Literal["loso", "grouped", "official", "leaky"],
    "normalise": Literal["train", "owner", "subject"],
    "level": Literal["window", "trial"],
    "pairs": Literal["same_trials", "same_windows", "label_paired", "recordings"],
    "optimizers": list[Optimizer],
    "fit": Training,
}


def cells(notebook: str) -> list[dict]:
    """The cells of notebooks/<notebook>.ipynb."""
    return json.loads((PROJECT / "notebooks" / f"{notebook}.ipynb").read_text())["cells"]


def written(notebook: str) -> str:
    """The text of a notebook's parameters cell."""
    [cell] = (cell for cell in cells(notebook) if "parameters" in cell["metadata"].get("tags", []))
    return "".join(cell["source"])


def defaults(notebook: str) -> dict:
    """The parameters of a notebook: by name the default. Each is a literal."""
    return {name: field.get_default() for name, field in model_of(notebook).model_fields.items()}


@cache
def model_of(notebook: str, without: tuple[str, ...] = ()) -> type[Section]:
    """A model of a notebook's parameters, but for those `without`."""
    fields = {}
    for line in ast.parse(written(notebook)).body:
        name, default = _name(line), ast.literal_eval(line.value)
        if isinstance(line, ast.AnnAssign):
            kind = eval(ast.unparse(line.annotation))
        elif name in KINDS:
            kind = KINDS[name]
        else:
            kind = list[type(default[0])] if isinstance(default, list) and default else type(default)
        if name not in without:
            fields[name] = _ranged(kind, name), default
    return create_model(notebook, __base__=Section, **fields)


def comments(notebook: str) -> dict[str, str]:
    """By parameter, what the parameters cell says of it."""
    source = written(notebook)
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    said = {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}
    lines = [(_name(line), line.lineno, line.end_lineno) for line in ast.parse(source).body]
    return {name: said[n] for name, first, last in lines for n in range(first, last + 1) if n in said}


def _name(line: ast.Assign | ast.AnnAssign) -> str:
    return (line.target if isinstance(line, ast.AnnAssign) else line.targets[0]).id


def _ranged(kind: Any, name: str) -> Any:
    limits = LIMITS.get(name)
    if limits is None or kind is dict:
        return kind
    if get_origin(kind) is list:
        return list[Annotated[get_args(kind)[0], limits]]
    if NoneType in get_args(kind):
        return Annotated[get_args(kind)[0], limits] | None
    return Annotated[kind, limits]


def check(model: type[Model], given: Any, where: str) -> Model:
    """The model of what was given. Raises BadParameter for what it does not take: one line that names the first fault and
    counts the others."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first, *others = error.errors()
        place = ".".join(map(str, first["loc"]))
        expected = first["msg"].removeprefix("Input should be ").partition(" or instance of ")[0]
        said = f"got {first['input']!r}, expected {expected}."
        if first["type"] == "missing":
            said = "missing: add it, as in config/demo.yaml."
        elif first["type"] == "value_error":
            said = str(first["ctx"]["error"])
        elif isinstance(first["input"], str) and "number" in said:
            said += " YAML reads 1e-3 as text, 1.0e-3 as a number."
        more = f" And {len(others)} more." if others else ""
        raise BadParameter(": ".join(filter(None, (where, place, said))) + more) from error
