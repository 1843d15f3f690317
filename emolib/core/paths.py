"""Where things lie: the project, the corpora, the runs."""

import os
import sysconfig
from pathlib import Path

from emolib.core.errors import check_name

PROJECT = Path(__file__).resolve().parents[2]


def data_root() -> Path:
    """Folder of the raw corpora: $EMOLIB_DATA (relative to the project), else data/raw."""
    return (PROJECT / (os.environ.get("EMOLIB_DATA") or "data/raw")).resolve()


def models_folder() -> Path:
    """Folder of the models that come with emolib: of the checkout, or where pip put them."""
    here = PROJECT / "models"
    return here if here.is_dir() else Path(sysconfig.get_path("data")) / "share/emolib/models"


def run_folder(run: str) -> Path:
    """results/<run> in the project; $EMOLIB_RESULTS moves the results folder. Raises BadParameter for no plain name."""
    return (PROJECT / (os.environ.get("EMOLIB_RESULTS") or "results")).resolve() / check_name(run, "run")
