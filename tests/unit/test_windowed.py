"""Trials to labelled windows: what is kept, what is left out, what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from emolib.core.errors import BadSet, UnmappedLabel
from emolib.datasets import windowed
from emolib.datasets.base import EmotionSet, Trial
from emolib.signals.frontend import Windows


def trial(label, subject, n=3, corpus="emodb"):
    return Trial(corpus, "speech", subject, f"{subject}-{label}", np.full(n, float(len(label))), 16.0, label)


def eeg(subject, label, **changes):
    fields = {"kind": "raw", "channels": ("TP9", "AF7"), **changes}
    return Trial("muse", "eeg", subject, f"{subject}-{label}", np.ones(3), 256.0, label, **fields)


def front_end(data, sfreq, kind):
    """Every sample is a window; negative ones are dropped."""
    kept = data >= 0
    dropped = {} if kept.all() else {"negative": int((~kept).sum())}
    return Windows(data[kept, None], np.flatnonzero(kept), dropped)


def test_windows_carry_their_trial_and_what_is_left_out_is_counted_with_its_reason():
    broken = Trial("emodb", "speech", "03", "x", np.array([-1.0, 2.0]), 16.0, "anger")
    trials = [trial("anger", "03"), trial("sadness", "08", 2), trial("disgust", "08"), broken]
    data, counts = windowed.emotion_set(trials, "arousal", front_end)
    assert data.classes == ("low", "high") and data.sfreq == 16
    assert data.y.tolist() == [1, 1, 1, 0, 0, 1]
    assert data.subject.tolist() == ["03"] * 3 + ["08"] * 2 + ["03"]
    assert data.trial.tolist() == ["03-anger"] * 3 + ["08-sadness"] * 2 + ["x"]
    assert data.start_s.tolist() == [0, 1, 2, 0, 1, 1]
    assert windowed.table(counts).to_numpy().tolist() == [
        ["trials kept", 3],
        ["windows kept", 6],
        ["dropped: disgust: no class in this task", 1],
        ["dropped: window: negative", 1],
    ]


def test_what_cannot_become_a_set_is_named():
    with pytest.raises(UnmappedLabel, match="boredm"):
        windowed.emotion_set([trial("boredm", "03")], "arousal", front_end)
    with pytest.raises(BadSet, match="No window left of arousal"):
        windowed.emotion_set([trial("disgust", "03")], "arousal", front_end)
    for changes in ({"kind": "band_power"}, {"channels": ("AF7", "TP9")}):
        with pytest.raises(BadSet, match=f"differ in their {next(iter(changes))}"):
            windowed.emotion_set([eeg("a", "relaxed"), eeg("b", "neutral", **changes)], "state3", front_end)
    mixed = [eeg("a", "relaxed"), replace(eeg("b", "neutral"), sfreq=255.9), replace(eeg("c", "neutral"), sfreq=128.0)]
    with pytest.raises(BadSet, match=r"256 Hz in 2 trials, such as a-relaxed; 128 Hz in 1 trials, such as c-neutral"):
        windowed.emotion_set(mixed, "state3", front_end)


def test_arrays_say_what_was_recorded_where_there_is_something_to_say(tmp_path):
    trials = [eeg(s, label) for s in "ab" for label in ("relaxed", "neutral", "concentrating")]
    data, _ = windowed.emotion_set(trials, "state3", front_end)
    np.savez(tmp_path / "x.npz", **windowed.to_arrays(data))
    with np.load(tmp_path / "x.npz", allow_pickle=False) as arrays:
        again = windowed.from_arrays(dict(arrays))
    assert isinstance(again, EmotionSet) and again.classes == data.classes
    assert (again.kind, again.channels, again.sfreq) == ("raw", ("TP9", "AF7"), 256)
    for name in ("X", "y", "subject", "trial", "start_s"):
        np.testing.assert_array_equal(getattr(again, name), getattr(data, name))
    speech, _ = windowed.emotion_set([trial("anger", "03"), trial("sadness", "08")], "arousal", front_end)
    assert set(windowed.to_arrays(speech)) == {*windowed.ARRAYS, "start_s"}
