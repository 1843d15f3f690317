"""Names of experiments: read as they are written."""

import pytest

from emolib.core.errors import BadParameter
from emolib.core.experiment import Experiment


def test_a_name_is_read_as_it_is_written():
    for name in ("synthetic-heart-emotion-loso", "fer2013-face-emotion4-official-table2"):
        assert str(Experiment.parse(name)) == name
    named = Experiment("fer2013", "face", "emotion4", "official", "table2")
    assert named.sentence() == "face of fer2013, task emotion4, protocol official, network table2."
    for wrong in ("emodb-speech", "emodb-speech-emotion7-loso-", "a-b-c-d-e-f"):
        with pytest.raises(BadParameter, match=f"source: got '{wrong}'"):
            Experiment.parse(wrong)


def test_several_experiments_are_joined_each_name_once():
    names = ("emodb-speech-emotion7-loso", "fer2013-face-emotion7-official", "fer2013-face-emotion7-official")
    found = Experiment.joint([Experiment.parse(name) for name in names], "emotion6", "feature")
    assert found == Experiment("emodb+fer2013", "speech+face", "emotion6", "loso", "feature")
