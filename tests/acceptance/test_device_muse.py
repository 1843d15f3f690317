"""The official Muse files, read by the device and by training."""

import numpy as np
import pytest

from emolib.core.errors import CorpusMissing
from emolib.datasets import load, root_of
from emolib.datasets.archives import open_tree
from emolib.datasets.corpora import muse
from emolib.signals.readers import SignalInfo, read_recording

pytestmark = pytest.mark.acceptance


def test_a_device_reads_every_file_as_training_does(tmp_path):
    try:
        tree = open_tree(root_of("muse"))
    except CorpusMissing:
        pytest.skip("muse absent: set EMOLIB_DATA")
    pieces_of, trained = {}, SignalInfo(muse.SFREQ, "raw", muse.CHANNELS)
    for trial in load("muse", "eeg"):
        pieces_of.setdefault(trial.trial.split(".")[0], []).append(trial.data)
    assert len(pieces_of) == 24 and len(pieces_of["subjectb-relaxed-2"]) == 10
    for name in tree.names("subject*-*.csv"):
        path = tmp_path / name.split("/")[-1]
        path.write_bytes(tree.read(name))
        pieces, sfreq = read_recording("eeg", path, trained)
        assert sfreq == 256, name
        for found, expected in zip(pieces, pieces_of[path.stem], strict=True):
            np.testing.assert_array_equal(found, expected)
