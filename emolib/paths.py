"""Where things lie: the project, the corpora, the runs."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]


def data_root() -> Path:
    """Folder of the raw corpora: $EMOLIB_DATA (relative to the project), else data/raw."""
    return (PROJECT / (os.environ.get("EMOLIB_DATA") or "data/raw")).resolve()


def run_folder(run: str) -> Path:
    """results/<run> in the project; $EMOLIB_RESULTS moves the results folder."""
    return (PROJECT / (os.environ.get("EMOLIB_RESULTS") or "results")).resolve() / run
