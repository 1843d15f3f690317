"""What a job of a cluster costs: one small run on this machine, and on a SLURM of two nodes on its loopback.

`python benchmarks/cluster.py --write` puts what was measured into benchmarks/README.md. Needs Debian's slurm-wlm.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import page
import yaml

from emolib.core.paths import PROJECT

sys.path.append(str(PROJECT / "tests/integration"))

import slurm
import test_cluster as tiny

PROFILE = PROJECT / "config/slurm/config.yaml"
PACKAGES = ("snakemake", "snakemake-executor-plugin-slurm", "papermill")
TEXT = """\
## Cluster

`python benchmarks/cluster.py --write`: windows, trainings, quantization and fusion of two small sources, one after the other,
on this machine and on a SLURM of two nodes on its loopback. *Seconds more*: what Snakemake, SLURM and asking for the state of
jobs add, over the number of jobs.

{table}

Machine: {machine}.
"""
ONE = ["--jobs", "1"]  # at a time, as the run on one core has it


def profile(folder: Path, grouped: bool) -> list[str]:
    """Options for the project's profile, without its groups if asked."""
    folder.mkdir(parents=True)
    settings = yaml.safe_load(PROFILE.read_text())
    if not grouped:
        del settings["groups"]
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    return ["--profile", str(folder), "--slurm-status-command", "squeue"]


def seconds(folder: Path, *options: str, **environment) -> float:
    start = time.perf_counter()
    tiny.ended(tiny.start(folder, *options, **environment), folder)
    return time.perf_counter() - start


def measured(folder: Path) -> list[list[str]]:
    """A row each: this machine, a job a rule, a job a source."""
    alone = seconds(folder / "alone", "--cores", "1")
    rows = [["this machine, one core", "", f"{alone:.0f}", ""]]
    for what, grouped in (("SLURM, a job a rule", False), ("SLURM, a job a source", True)):
        where = folder / what.split()[-1]
        with slurm.Cluster(where / "slurm") as cluster:
            options = [*profile(where / "profile", grouped), *ONE]
            taken = seconds(where / "run", *options, environment=cluster.environment)
            n_jobs = len(cluster.jobs())
        rows.append([what, str(n_jobs), f"{taken:.0f}", f"{(taken - alone) / n_jobs:.1f}"])
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="into benchmarks/README.md")
    options = parser.parse_args()
    if reason := slurm.missing():
        sys.exit(reason)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        rows = measured(Path(folder))
    table = page.table(["where", "jobs", "seconds", "seconds more, a job"], rows)
    text = TEXT.format(table=table, machine=page.machine(PACKAGES))
    page.show("cluster", text, options.write)


if __name__ == "__main__":
    main()
