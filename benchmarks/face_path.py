"""The composite face path of a bundle, from a picture to emotions, on a tenth of one core.

`python benchmarks/face_path.py BUNDLE` prints the table; `--write` puts it into benchmarks/README.md. Decoding a camera's
picture is not part of it.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import page
from quota import cpu_quota
from threadpoolctl import threadpool_limits

from emolib.device.bundle import Bundle
from emolib.device.faces import FacePath
from emolib.signals.generated.scenes import scene

SHARE = 0.1  # of one core
GOAL_FPS = 4  # of the reference paper on a Raspberry Pi 3
N_SCENES = 8
PACKAGES = ("numpy", "ai-edge-litert")
HEAD = (
    "picture",
    "faces, found",
    "CPU ms a frame (quartiles)",
    "frames per second",
    "share of a core",
    "by CPU time",
)


class Measured(NamedTuple):
    """Frames in a time: CPU and wall seconds of each, faces found, and whether the quota held."""

    cpu_s: np.ndarray
    wall_s: float
    n_found: int
    held: bool


def measure(path: FacePath, images: Sequence[np.ndarray], seconds: float) -> Measured:
    """Frames in turns for some seconds under the quota, after one round to warm up."""
    for image in images:
        path(image)
    cpu_s, n_found = [], 0
    with cpu_quota(SHARE) as held:
        start = time.perf_counter()
        while time.perf_counter() - start < seconds:
            before = time.process_time_ns()
            n_found += len(path(images[len(cpu_s) % len(images)]))
            cpu_s.append((time.process_time_ns() - before) / 1e9)
        wall_s = time.perf_counter() - start
    return Measured(np.array(cpu_s), wall_s, n_found, held)


def row(size: tuple[int, int], n_faces: int, found: Measured) -> tuple[str, ...]:
    n = len(found.cpu_s)
    low, middle, high = 1e3 * np.percentile(found.cpu_s, (25, 50, 75))
    return (
        f"{size[1]} × {size[0]}",
        f"{n_faces}, {found.n_found / n:.1f}",
        f"{middle:.1f} ({low:.1f}–{high:.1f})",
        f"{n / found.wall_s:.1f}" if found.held else "no quota here",
        f"{found.cpu_s.sum() / found.wall_s:.3f}",
        f"{SHARE / found.cpu_s.mean():.1f}",
    )


def table(bundle: Bundle, seconds: float) -> str:
    path = bundle.face_path(bundle.pipeline(bundle.source("face")))
    rows = []
    for size, n_faces in (((240, 320), 1), ((480, 640), 0), ((480, 640), 1), ((480, 640), 3)):
        images = [scene(seed, size, n_faces)[0] for seed in range(N_SCENES)]
        rows.append(row(size, n_faces, measure(path, images, seconds)))
    return page.table(HEAD, rows)


PART = """## Face path

`python benchmarks/face_path.py BUNDLE --write`: pictures to faces with their emotions, by one thread on {share:.0%} of one
core, for {seconds:g} s each. The goal is {goal} frames per second, what the reference paper reached on a Raspberry Pi 3. *Frames per second* were
measured under a quota of the system; *by CPU time* is derived: the share over the processor time of a frame. A core of this
machine is not one of a Raspberry Pi.

{table}

Machine: {machine}.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path, help="with a face detector and one face source, by `emolib export`")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each row")
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    options = parser.parse_args()
    with threadpool_limits(1):
        found = table(Bundle(options.bundle), options.seconds)
    print(found)
    if options.write:
        about = {"share": SHARE, "goal": GOAL_FPS, "seconds": options.seconds}
        page.write("face path", PART.format(table=found, machine=page.machine(PACKAGES), **about))


if __name__ == "__main__":
    main()
