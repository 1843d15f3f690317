"""nbval runs each notebook on its defaults, the demo profile: the demo run is made, or completed, first.

Each process then works on a copy of it, so that no notebook writes what another reads.
"""

import os
import shutil
import subprocess
import sys
from tempfile import TemporaryDirectory

from emolib.core.paths import PROJECT


def pytest_sessionstart(session):
    if session.config.option.collectonly:
        return
    if not hasattr(session.config, "workerinput"):  # alone, or the one that starts the workers
        subprocess.run(
            [sys.executable, "-m", "snakemake", "--configfile", "config/demo.yaml", "--cores", "all", "--nolock",
             "--rerun-incomplete", "--quiet", "all"],
            cwd=PROJECT, check=True,
        )  # fmt: skip
    copies = TemporaryDirectory()
    session.config.add_cleanup(copies.cleanup)
    shutil.copytree(PROJECT / "results/demo", f"{copies.name}/demo")
    os.environ |= {"EMOLIB_RESULTS": copies.name, "OMP_NUM_THREADS": "1"}
