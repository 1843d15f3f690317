"""Python processes of our own. They find this emolib, and import nothing from the folder in which they start."""

import os
import subprocess
import sys
from collections.abc import Callable

from emolib.core.paths import PROJECT


def run_module(module: str, *words: str, start: Callable = subprocess.run, **options):
    """Run `python -m module words`; `start` is subprocess.run or Popen and takes the options. `-P` keeps the current
    folder, which may be a stranger's bundle, out of the import path."""
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)  # an empty entry would be the current folder
    path = os.pathsep.join([str(PROJECT), *filter(None, given)])
    environment = {**os.environ, "PYTHONPATH": path}
    return start([sys.executable, "-P", "-m", module, *words], env=environment, **options)
