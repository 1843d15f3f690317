"""nbval runs each notebook on its defaults, the demo profile: the demo run is made, or completed, first."""

import subprocess
import sys

from emolib.core.paths import PROJECT


def pytest_collection_finish(session):
    if not session.items or session.config.option.collectonly:
        return
    subprocess.run(
        [sys.executable, "-m", "snakemake", "--configfile", "config/demo.yaml", "--cores", "all", "--nolock",
         "--rerun-incomplete", "--quiet", "all"],
        cwd=PROJECT, check=True,
    )  # fmt: skip
