"""Records: what JSON files of emolib say."""

import json
from pathlib import Path


def read(path: Path):
    """What a JSON file says. Raises OSError, and ValueError for what is no JSON, or is too deep."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deep") from error
