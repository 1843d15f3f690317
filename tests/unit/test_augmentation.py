"""Augmentation: what copies of utterances change, that they only train, and that they count for nobody."""

import numpy as np
import pytest

from emolib.datasets import augmentation, leaks, splits, windowed
from emolib.datasets.base import COPY, Trial
from emolib.models import crossval
from emolib.report import tables
from emolib.signals import functionals
from emolib.signals.frontend import SpeechFrontEnd

SFREQ = 16000
LABELS = ("anger", "boredom", "disgust", "fear", "happiness", "sadness", "neutral")


def utterance(hz, seconds=1.0):
    phase = 2 * np.pi * hz * np.arange(round(seconds * SFREQ)) / SFREQ
    return (0.1 * sum(np.sin(k * phase) / k for k in range(1, 9))).astype(np.float32)


def trials(n_people=5, each=2):
    for person in range(n_people):
        for k, label in enumerate(LABELS * each):
            x = utterance(100 + 20 * person + 5 * k)
            yield Trial("emodb", "speech", f"{person:02d}", f"{person:02d}a{k:02d}", x, SFREQ, label)


@pytest.fixture(scope="module")
def made():
    front = SpeechFrontEnd(window_s=0.5, hop_s=0.25)
    return windowed.emotion_set(augmentation.with_voices(trials(), 2, seed=3), "emotion7", front)


def test_a_copy_is_higher_or_lower_at_the_same_tempo():
    found = []
    for steps in (-3.5, -1.0, 0.5, 3.0):
        other = augmentation.in_other_voice(utterance(150, 2.0), SFREQ, steps, np.random.default_rng(5))
        found.append(np.median(functionals.pitch(other, SFREQ, 160)[0]) - 12 * np.log2(1.5) - steps)
        assert augmentation.LEAST_SHARE * 2 * SFREQ <= len(other) <= 2 * SFREQ and np.abs(other).max() <= 1
    np.testing.assert_allclose(found, 0, atol=0.1)


def test_a_voice_is_the_same_in_all_utterances_of_a_speaker():
    shifts = {}
    for trial in augmentation.with_voices(trials(2, each=1), 2):
        semitones = np.median(functionals.pitch(trial.data, SFREQ, 160)[0])
        own = shifts.setdefault(trial.trial, semitones)  # comes first
        shifts.setdefault((trial.subject, trial.split), []).append(semitones - own)
    voices = [of for key, of in shifts.items() if key[1] != "" and isinstance(of, list)]
    assert len(voices) == 2 * 2 and all(np.ptp(of) < 0.2 for of in voices)
    assert np.ptp([np.mean(of) for of in voices]) > 0.5


def test_copies_follow_their_trial_and_are_the_same_in_every_order():
    there = [trial for trial in augmentation.with_voices(trials(1), 2) if trial.split.startswith(COPY)]
    back = [trial for trial in augmentation.with_voices(reversed(list(trials(1))), 2) if trial.split.startswith(COPY)]
    assert len(there) == 2 * 14 and {trial.trial for trial in there} == {trial.trial for trial in trials(1)}
    there, back = (sorted(found, key=lambda t: t.trial) for found in (there, back))
    for trial, other in zip(there, back, strict=True):
        np.testing.assert_array_equal(trial.data, other.data)
    assert not np.array_equal(there[0].data[:999], there[1].data[:999])


@pytest.mark.parametrize("protocol", ["loso", "grouped", "leaky"])
def test_copies_only_train_and_only_where_their_trial_does(made, protocol):
    data, _ = made
    copy = ~data.own
    alone = splits.folds(data.part(np.flatnonzero(~copy)), protocol, seed=1)
    for fold, without in zip(splits.folds(data, protocol, seed=1), alone, strict=True):
        assert not copy[fold.val].any() and not copy[fold.test].any()
        held_out = {*data.trial[fold.val], *data.trial[fold.test]}
        assert copy[fold.train].any() and not held_out & set(data.trial[fold.train][copy[fold.train]])
        own = np.flatnonzero(~copy)
        for part in splits.PARTS:
            rows = getattr(fold, part)
            np.testing.assert_array_equal(rows[~copy[rows]], own[getattr(without, part)])
    if protocol != "leaky":
        used, audit = leaks.audited(data, splits.folds(data, protocol, seed=1), False)
        assert audit[audit.check.isin(["subject on both sides", "trial on both sides"])]["count"].sum() == 0


def test_copies_are_counted_apart_and_do_not_normalise(made):
    data, counts = made
    n_copies = counts["windows of copies, which only train"]
    assert counts["trials kept"] == 70 and n_copies == (~data.own).sum() > 100
    assert counts["windows kept"] + n_copies == len(data.y)
    assert tables.windows_table(data).loc["total", "total"] == counts["windows kept"]
    own = np.flatnonzero(data.own)
    found = crossval.prepared(data, "subject", 2).X[own]
    np.testing.assert_allclose(found, crossval.prepared(data.part(own), "subject", 2).X, atol=1e-5)
