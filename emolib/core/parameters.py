"""The parameters of notebooks: names, types and ranges, checked before anything runs.

A notebook's parameters cell gives names and defaults. A type is the annotation, else that of the default. Nothing is
converted: text is no number, and "no" is not false.
"""

import ast
import io
import json
import tokenize
from collections.abc import Callable, Mapping
from functools import cache
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator

from emolib.core.errors import BadParameter, check_name, check_names
from emolib.core.paths import PROJECT


def as_value_error(check: Callable, *arguments) -> None:
    """Make a check; its BadParameter becomes the ValueError that pydantic expects, and adds the place to."""
    try:
        check(*arguments)
    except BadParameter as error:
        raise ValueError(str(error)) from error


Name = Annotated[str, AfterValidator(lambda name: as_value_error(check_name, name, "name") or name)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
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
KINDS = {
    "run": Name,
    "seed": Seed,
    "name": Name,
    "modality": Literal["heart", "eeg", "speech", "face"],
    "protocol": Literal["loso", "grouped", "official", "leaky"],
    "normalise": Literal["train", "subject"],
    "level": Literal["window", "trial"],
    "pairs": Literal["same_trials", "label_paired", "recordings"],
}


class Strict(BaseModel):
    """What a user wrote. An empty value stands for no names; an unknown name is an error."""

    model_config = ConfigDict(strict=True, extra="forbid", protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _known(cls, given: Any) -> Any:
        given = {} if given is None else given
        if isinstance(given, Mapping):
            as_value_error(check_names, given, list(cls.model_fields), cls.__doc__)
        return given


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
def model_of(notebook: str, without: tuple[str, ...] = ()) -> type[Strict]:
    """A model of a notebook's parameters, but for those `without`."""
    fields = {}
    for line in ast.parse(written(notebook)).body:
        name, default = _name(line), ast.literal_eval(line.value)
        if isinstance(line, ast.AnnAssign):
            kind = eval(ast.unparse(line.annotation))
        else:
            kind = list[type(default[0])] if isinstance(default, list) and default else type(default)
        if name not in without:
            fields[name] = KINDS.get(name) or _ranged(kind, name), default
    return create_model(notebook, __base__=Strict, __doc__=f"{notebook}.ipynb", **fields)


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


def check(model: type[Strict], given: Any, where: str):
    """Raise BadParameter for what the model does not take: one line that names the first fault and counts the others."""
    try:
        model.model_validate(given)
    except ValidationError as error:
        first, *others = error.errors()
        place = ".".join(map(str, first["loc"]))
        said = f"got {first['input']!r}, expected {first['msg'].removeprefix('Input should be ')}."
        if first["type"] == "missing":
            said = "missing: add it, as in config/demo.yaml."
        elif first["type"] == "value_error":
            said = str(first["ctx"]["error"])
        elif isinstance(first["input"], str) and "number" in said:
            said += " YAML reads 1e-3 as text, 1.0e-3 as a number."
        more = f" And {len(others)} more." if others else ""
        raise BadParameter(": ".join(filter(None, (where, place, said))) + more) from error
