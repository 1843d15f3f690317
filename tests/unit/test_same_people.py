"""People who were recorded in several modalities at once: from files to joint windows."""

import numpy as np
import soundfile
from PIL import Image

from emolib.datasets import joint, load, splits
from emolib.datasets.windowed import emotion_set
from emolib.signals.frontend import front_end
from emolib.studies.early_fusion.study import same_trials

PEOPLE = (1, 2, 3, 4)


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
    for fold in splits.folds(data, "loso", n_val=1):
        test, train, val = (set(data.subject[rows]) for rows in (fold.test, fold.train, fold.val))
        assert len(test) == len(val) == 1 and len(test | train | val) == 4 == len(train) + 2
