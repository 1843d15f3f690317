"""Time and memory of windows, training and answers against the size of a corpus.

`python benchmarks/scale.py --write` trains one epoch on 1, 3, 10 and 30 times the windows of the demo's faces, with the
memory for data limited, and puts table and figure beside this file. A process of its own for each size.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import page

TIMES = (1, 3, 10, 30)
N_WINDOWS, SHAPE, N_SUBJECTS = 960, (48, 48, 1), 12  # of the demo's faces
BATCH = 240  # windows made at a time
BYTES = N_WINDOWS * 4 * SHAPE[0] * SHAPE[1]  # of the demo's windows
SHARE_MB = 60  # of data that a process may have beside what it has before windows are made
FIGURE = Path(__file__).with_name("scale.png")
PACKAGES = ("numpy", "tensorflow-cpu")
TEXT = """\
## Scale

`python benchmarks/scale.py --write`: windows of the demo's faces, as many times as the demo has, written, read, standardised,
trained on for one epoch and answered, by one process of one thread, that may have {share} MB of data (`RLIMIT_DATA`) beside what
it has before windows are made. *Memory*: what was added to it at most.

{table}

![time and memory against the size of a corpus](scale.png)

Machine: {machine}.
"""


def mb(field: str) -> float:
    """Megabytes of this process: VmData, what RLIMIT_DATA limits; RssAnon, what it has in memory beside files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024


class Peak(threading.Thread):
    """The most that RssAnon was since the start, looked at again and again."""

    def __init__(self):
        super().__init__(daemon=True)
        self.before = self.most = mb("RssAnon")
        self.start()

    def run(self):
        while True:
            self.most = max(self.most, mb("RssAnon"))
            time.sleep(0.02)


def windows(n: int):
    """n windows, label and subject of each, a batch at a time in a file."""
    from emolib.core.windows import Spool

    rng, spool = np.random.default_rng(0), Spool()
    y = np.arange(n) % 2
    for start in range(0, n, BATCH):
        some = y[start : start + BATCH]
        spool.add(rng.standard_normal((len(some), *SHAPE)) + some[:, None, None, None])
    return spool.array(), y, np.array([f"s{k}" for k in np.arange(n) // 2 % N_SUBJECTS])


def one(times: int, folder: Path, share_mb: int) -> dict:
    """Seconds of each step, megabytes added, and the accuracy on two people who were not trained on."""
    from emolib.core.artifacts import Run
    from emolib.datasets import splits, windowed
    from emolib.datasets.base import EmotionSet
    from emolib.models import build, training
    from emolib.signals.standardise import Standardiser

    training.use_threads(1)
    training.HELD_BYTES = share_mb << 17  # an eighth
    trainer = training.Trainer(lambda: build("face", SHAPE, 2), training.Training(epochs=1))
    warm = EmotionSet(*_small(), classes=("calm", "happy"))
    trainer.fit(warm, warm)
    run, clock, peak = Run(folder, "scale", {}), [time.perf_counter()], Peak()
    limit = int((mb("VmData") + share_mb) * 2**20)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    X, y, subject = windows(times * N_WINDOWS)
    made = EmotionSet(X, y, subject, subject, ("calm", "happy"))
    run.write_arrays("data/x.npz", **windowed.to_arrays(made))
    clock.append(time.perf_counter())
    data = windowed.from_arrays(run.arrays("data/x.npz"))
    fold = splits.loso(data)[0]
    standardiser = Standardiser.fit(data.seen(fold.train))
    trainer.fit(*(data.part(rows, standardiser) for rows in (fold.train, fold.val)))
    clock.append(time.perf_counter())
    test = data.part(fold.test, standardiser)
    right = trainer.predict(test.X).argmax(axis=1) == test.y
    clock.append(time.perf_counter())
    seconds = dict(zip(("windows", "training", "answers"), np.diff(clock).round(2).tolist(), strict=True))
    sizes = {"corpus": X.nbytes / 2**20, "memory": peak.most - peak.before}
    return seconds | {name: round(value, 1) for name, value in sizes.items()} | {"accuracy": float(right.mean())}


def _small():
    X, y, subject = windows(BATCH)
    return np.array(X), y, subject, subject


def measured(times: int, share_mb: int = SHARE_MB) -> dict:
    """`one` in a process of its own. Raises CalledProcessError where it does not end well, by MemoryError for example."""
    with tempfile.TemporaryDirectory() as folder:
        call = [sys.executable, __file__, "--one", str(times), folder, str(share_mb)]
        done = subprocess.run(call, capture_output=True, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])


def figure(found: list[dict]):
    """Seconds and megabytes against megabytes of windows."""
    import matplotlib.pyplot as plt

    drawn, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    size = [each["corpus"] for each in found]
    for name in ("windows", "training", "answers"):
        left.loglog(size, [each[name] for each in found], marker="o", label=name)
    right.loglog(size, size, color="0.6", linestyle="--", label="the windows themselves")
    right.loglog(size, [each["memory"] for each in found], marker="o", label="memory added")
    left.set(xlabel="windows (MB)", ylabel="seconds")
    right.set(xlabel="windows (MB)", ylabel="MB")
    for axis in (left, right):
        axis.legend()
        axis.grid(alpha=0.3)
    return drawn


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="into README.md and scale.png beside this file")
    parser.add_argument("--one", nargs=3, metavar=("TIMES", "FOLDER", "MB"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        times, folder, share = options.one
        return print(json.dumps(one(int(times), Path(folder), int(share))))
    found = [measured(times) for times in TIMES]
    rows = [
        [
            str(times),
            f"{each['corpus']:.0f}",
            *(f"{each[key]:.1f}" for key in ("windows", "training", "answers")),
        ]
        + [f"{each['memory']:.0f}"]
        for times, each in zip(TIMES, found, strict=True)
    ]
    head = ["times the demo", "windows, MB", "making them, s", "training, s", "answers, s", "memory, MB"]
    text = TEXT.format(table=page.table(head, rows), share=SHARE_MB, machine=page.machine(PACKAGES))
    page.show("scale", text, options.write)
    if options.write:
        figure(found).savefig(FIGURE, dpi=110)


if __name__ == "__main__":
    main()
