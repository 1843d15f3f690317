"""What the tests of corpora share."""

import pickle

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
