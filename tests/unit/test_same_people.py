"""People who were recorded in several modalities at once: from files to a network that answers a stranger."""

import numpy as np
import pytest
import soundfile
from PIL import Image

from emolib.datasets import joint, load, splits
from emolib.datasets.windowed import emotion_set
from emolib.signals import standardise
from emolib.signals.frontend import FRONT_ENDS, front_end
from emolib.studies.early_fusion.study import same_trials

pytest.importorskip("tensorflow")
training = pytest.importorskip("emolib.models.training")
features = pytest.importorskip("emolib.studies.early_fusion.networks")
tinym2net = pytest.importorskip("emolib.models.tinym2net")

PEOPLE = (1, 2, 3, 4)  # one tests, one validates, two train
TINY = {
    "heart": {"filters": [4], "pool": [4, 1], "dense": [8]},
    "eeg": {"filters": [4], "pool": [2, 1], "dense": [8]},
    "speech": {"filters": [4], "pool": [16, 8], "dense": [8]},
    "face": {"filters": [4], "pool": [8, 8], "dense": [8]},
}


def rng(*key):
    return np.random.default_rng(key)


def beats(sfreq, duration_s, bpm, width_s, seed):
    """A wave with a bump of width_s at every beat, the rate swaying by 3 %."""
    time_s = np.arange(round(duration_s * sfreq)) / sfreq
    phase = np.cumsum(bpm / 60 / sfreq * (1 + 0.03 * np.sin(2 * np.pi * 0.1 * time_s)))
    off_s = (phase % 1 - 0.5) * 60 / bpm
    return np.exp(-0.5 * (off_s / width_s) ** 2) + rng(seed).normal(0, 0.01, len(time_s))


def assert_pairs(sets, data):
    """Every window of a joint window is of its person, trial and label, and the nearest to the clock's in time."""
    for row, subject, trial, y in zip(data.rows, data.subject, data.trial, data.y, strict=True):
        found = {name: (own, at) for (name, own), at in zip(sets.items(), row, strict=True) if at >= 0}
        starts = {name: own.start_s[own.trial == trial] for name, (own, _) in found.items()}
        clock = max(starts, key=lambda name: len(starts[name]))
        now = found[clock][0].start_s[found[clock][1]]
        for name, (own, at) in found.items():
            assert (own.subject[at], own.trial[at], own.y[at]) == (subject, trial, y)
            assert abs(own.start_s[at] - now) == abs(starts[name] - now).min()


def learn(data):
    """One epoch on all people but two; the test person's windows are answered."""
    options = training.Training(epochs=1, batch_size=16)
    layouts = {name: tinym2net.branch(name, name, TINY[name]) for name in data.sets}
    trainer = training.Trainer(
        lambda: tinym2net.build(data.shapes, len(data.classes), layouts, (16,)),
        options,
        features.augmentation({name: name for name in data.sets}, 0.3),
    )
    folds = splits.folds(data, "loso", n_val=1)
    assert len(folds) == len(PEOPLE)
    fold = folds[0]
    axes = {name: FRONT_ENDS[name].feature_axis for name in data.sets}
    standardiser = standardise.fit(data.seen(fold.train), axes)
    train, val, test = (data.part(rows, standardiser) for rows in (fold.train, fold.val, fold.test))
    assert {*test.subject}.isdisjoint({*train.subject, *val.subject}) and len({*test.subject}) == 1
    history = trainer.fit(train, val)
    assert len(history["loss"]) == 1 and np.isfinite(history["loss"]).all()
    logits = trainer.predict(test.X)
    assert logits.shape == (len(fold.test), 2) and np.isfinite(logits).all()
    assert logits.std(axis=0).min() > 0  # it looks at its windows
    return test


def table(sfreq, **columns):
    rows = zip(np.arange(len(next(iter(columns.values())))) / sfreq, *columns.values(), strict=True)
    lines = (",".join(f"{value:.6f}" for value in row) for row in rows)
    return "\n".join([",".join(["timestamp", *columns]), *lines]) + "\n"


def test_own_recordings_of_all_four_modalities(data):
    """Four people, calm and tense twice; one trial has no heart, another a face alone."""
    own = data / "own"
    for modality in ("heart", "eeg", "speech", "face"):
        (own / modality).mkdir(parents=True)
    rows = ["trial,subject,label"]
    for p in PEOPLE:
        for i in range(4):
            name, r = f"t{p}{i}", rng(p, i)
            rows.append(f"{name},person {p},{('calm', 'tense')[i % 2]}")
            Image.fromarray(r.integers(0, 256, (40, 40), np.uint8)).save(own / f"face/{name}.png")
            if name == "t33":
                continue
            waves = table(128, AF7=r.normal(0, 9, 2048), AF8=r.normal(0, 9, 2048))
            (own / f"eeg/{name}.csv").write_text(waves)
            soundfile.write(own / f"speech/{name}.wav", r.normal(0, 0.1, 6 * 16000), 16000)
            if name != "t10":
                (own / f"heart/{name}.csv").write_text(table(64, ppg=beats(64, 16, 60 + 10 * p, 0.1, i)))
    (own / "labels.csv").write_text("\n".join(rows) + "\n")
    sets = {
        name: emotion_set(load("own", name), "emotion", front_end(name))[0]
        for name in ("heart", "eeg", "speech", "face")
    }
    trials = same_trials(sets)
    data = joint.joined(sets, trials)
    assert data.classes == ("calm", "tense")
    lacking = {one.trial: sorted(set(sets) - set(one.keys)) for one in trials if len(one.keys) < 4}
    assert lacking == {"t10": ["heart"], "t33": ["eeg", "heart", "speech"]}
    # heart at 0, 4, 8 s, eeg at 0, 2 … 12 s, speech at 0, 2, 4 s, one face; half-way is the earlier one
    rows = data.rows[data.trial == "t21"]
    in_heart, in_eeg, in_speech, in_face = (rows - rows[0]).T.tolist()
    assert (in_heart, in_eeg) == ([0, 0, 1, 1, 2, 2, 2], [*range(7)])
    assert (in_speech, in_face) == ([0, 1, 2, 2, 2, 2, 2], [0] * 7)
    for at, name in enumerate(sets):
        assert sets[name].start_s[rows[0, at]] == 0
    assert (data.trial == "t33").sum() == 1 and len(data.y) == 15 * 7 + 1
    assert_pairs(sets, data)
    test = learn(data)
    assert not test.X["heart"][test.trial == "t10"].any() and test.X["eeg"][test.trial == "t10"].any()
