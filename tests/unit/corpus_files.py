"""What the tests of corpora share."""

import pickle

import numpy as np
from scipy.io import savemat

from emolib.datasets import get, labels, load


def gathered(name, modality="heart"):
    """Trials of a corpus and what was dropped; every trial's label is known to every task."""
    dropped = []
    found = list(load(name, modality, dropped))
    for task in get(name).tasks:
        assert {labels.target(name, task, trial) for trial in found} <= {None, *labels.classes(name, task)}
    return found, dropped


class Python2Pickler(pickle._Pickler):
    """Protocol 2 as Python 2 wrote it: its str, which numpy's buffers were, as byte strings."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_str(self, value):
        data = value if isinstance(value, bytes) else value.encode("latin1")
        self.write(pickle.BINSTRING + len(data).to_bytes(4, "little") + data)

    dispatch[str] = dispatch[bytes] = save_str


def write_python2(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        Python2Pickler(file, protocol=2).dump(content)


def cell(items):
    """A 1 × n MATLAB cell, or n × 1 as its clips lie."""
    array = np.empty((len(items), 1), object)
    array[:, 0] = items
    return array


def dreamer_person(clips, leads, scores):
    """A person of DREAMER.mat: EEG (n_times, 14) and ECG (n_times, 2) of each clip, scores (3, n_clips)."""
    signals = {
        name: {"baseline": cell(of), "stimuli": cell(of)} for name, of in (("EEG", clips), ("ECG", leads))
    }
    scales = ("ScoreValence", "ScoreArousal", "ScoreDominance")
    return {"Age": "22", **signals} | {scale: row[:, None] for scale, row in zip(scales, scores, strict=True)}


def write_dreamer_mat(folder, people, rates=(128, 256), **changes):
    """DREAMER.mat as its authors wrote it."""
    content = {
        "Data": cell(people).T,
        "EEG_SamplingRate": rates[0],
        "ECG_SamplingRate": rates[1],
        "noOfSubjects": len(people),
    }
    savemat(folder / "DREAMER.mat", {"DREAMER": content} | changes)
