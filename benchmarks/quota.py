"""A quota of processor time for this process, by a control group of its own that is gone when the block ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
PERIOD_US = 100_000


def parents() -> Iterator[tuple[Path, dict[str, str]]]:
    """Groups that this process is in and that may limit it, each with the files that hold a quota of {us} per period."""
    listed = Path("/proc/self/cgroup")
    for line in listed.read_text().splitlines() if listed.exists() else ():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            yield GROUPS / path.lstrip("/"), {"cpu.max": f"{{us}} {PERIOD_US}"}
        elif "cpu" in controllers.split(","):
            files = {"cpu.cfs_period_us": str(PERIOD_US), "cpu.cfs_quota_us": "{us}"}
            yield GROUPS / controllers / path.lstrip("/"), files


def limited(share: float) -> tuple[Path, Path] | None:
    """A new group with a quota of `share` of one core and the one above it; None where the system allows none."""
    for parent, files in parents():
        child = parent / f"emolib-{os.getpid()}"
        try:
            child.mkdir()
        except OSError:
            continue
        try:
            for name, value in files.items():
                (child / name).write_text(value.format(us=round(share * PERIOD_US)))
            (child / "cgroup.procs").write_text(str(os.getpid()))
            return parent, child
        except OSError:
            child.rmdir()
    return None


@contextmanager
def cpu_quota(share: float) -> Iterator[bool]:
    """Whether this process, all its threads, has `share` of one core in the block, and no more.

    Needs the right to make a control group (version 1, or 2 where the group hands its processor controller on).
    """
    made = limited(share)
    try:
        yield made is not None
    finally:
        if made:
            parent, child = made
            (parent / "cgroup.procs").write_text(str(os.getpid()))
            child.rmdir()
