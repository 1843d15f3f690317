"""Where things lie: the project, the corpora, the runs; what a JSON file says, and which packages are here."""

import json
import os
import sysconfig
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from emolib.core.errors import check_name

PROJECT = Path(__file__).resolve().parents[2]
HOME = (
    PROJECT if (PROJECT / "pyproject.toml").is_file() else Path.cwd()
)  # of relative folders; no checkout: where one is


def data_root() -> Path:
    """Folder of the raw corpora: $EMOLIB_DATA, else data/raw; relative to the checkout, without one to the current folder."""
    return (HOME / (os.environ.get("EMOLIB_DATA") or "data/raw")).resolve()


def models_folder() -> Path:
    """Folder of the models that come with emolib: of the checkout, or where pip put them."""
    here = PROJECT / "models"
    return here if here.is_dir() else Path(sysconfig.get_path("data")) / "share/emolib/models"


def profiles_folder() -> Path:
    """Folder of the people whom devices of this user know: $EMOLIB_PROFILES, else ~/.local/share/emolib/profiles."""
    return Path(os.environ.get("EMOLIB_PROFILES") or "~/.local/share/emolib/profiles").expanduser().resolve()


def private(path: str, flags: int) -> int:
    """An `opener` for what is of people: a file that it makes is its user's alone, or less where the umask says so."""
    return os.open(path, flags, 0o600)


def run_folder(run: str) -> Path:
    """results/<run> in the checkout; $EMOLIB_RESULTS moves the results folder. Raises BadParameter for no plain name."""
    return (HOME / (os.environ.get("EMOLIB_RESULTS") or "results")).resolve() / check_name(run, "run")


def read_json(path: Path):
    """What a JSON file says. Raises OSError, and ValueError for what is no JSON, or is nested too deep."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Those of the packages that are installed."""
    found = {}
    for package in packages:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
