"""What a model does not answer, and what it is not sure of: measures by hand, limits by rank, nonsense that must not pass."""

import json
from dataclasses import replace

import numpy as np
import pytest
from bundles import TRAINED, recording, write

from emolib.datasets import get
from emolib.device.bundle import Bundle
from emolib.device.engine import Engine
from emolib.device.pipeline import Pipeline
from emolib.device.sensors.base import Chunk
from emolib.device.stream import OK
from emolib.fusion.scores import softmax
from emolib.fusion.trust import Trust, loss, traces
from emolib.signals import gate
from emolib.signals.frontend import front_end, trimmed
from emolib.signals.gate import MEASURES, Gate

RNG = np.random.default_rng(0)
T = np.arange(32000) / 16000
NONSENSE = {
    "speech": [0.01 * RNG.standard_normal(64000), 0.3 * np.sin(2 * np.pi * 50 * np.arange(64000) / 16000)],
    "heart": [RNG.standard_normal(1024), 1e-3 * RNG.standard_normal(1024)],
    "eeg": [2000 * RNG.standard_normal((8, 2048)), 0.01 * RNG.standard_normal((8, 2048))],
    "face": [RNG.integers(0, 256, (48, 48), np.uint8), RNG.integers(0, 3, (48, 48), np.uint8)],
}


def test_measures_are_what_they_are_by_hand():
    hum, noise = (gate.speech(x, 16000.0) for x in (np.sin(2 * np.pi * 200 * T), RNG.standard_normal(32000)))
    assert hum[0] == pytest.approx(0, abs=0.01) and hum[2] > 25 > 0 > noise[2]
    assert noise[3] == pytest.approx(-3, abs=0.2)  # half of the power lies above half of the band
    beats = gate.heart(np.sin(2 * np.pi * 1.25 * np.arange(3840) / 64), 64.0)
    assert beats == pytest.approx([1 - 51.2 / 3840, np.log(0.5**0.5), 1], abs=1e-3)
    mains = gate.eeg(
        np.stack([10 * np.sin(2 * np.pi * 50 * T[:16000]), 40 * np.sin(2 * np.pi * 5 * T[:16000])]), 16000.0
    )
    assert mains[:3] == pytest.approx([np.log(80), np.log(20), 1], abs=1e-3)
    ramp = np.tile(np.arange(48.0), (48, 1))
    assert gate.face(ramp) == pytest.approx([23.5, np.log(ramp.std() + 1e-3), np.log(1e-3), -1], abs=1e-3)
    assert gate.skin(np.array([[2.0] * 40, [33.0] * 40])) == pytest.approx([np.log(2), *np.log([1e-3, 1e-4]), 33])


def test_speech_is_measured_alike_however_loud_it_is():
    x = recording("speech", 4.0)
    assert gate.speech(x, 16000.0) == pytest.approx(gate.speech(0.1 * x, 16000.0), abs=1e-3)
    made = front_end("speech", window_s=2.0, functionals=True, level=False)
    loud, soft = (made(gain * x, 16000.0).X for gain in (1, 0.1))
    np.testing.assert_allclose(loud, soft, atol=0.02)
    assert np.abs(replace(made, level=True)(x, 16000.0).X - loud).max() > 10  # dB


def test_pauses_around_an_utterance_change_nothing_where_they_are_trimmed():
    x = trimmed(recording("speech", 4.0), 16000.0)
    made, pause = (
        front_end("speech", window_s=8.0, functionals=True, level=False, trim=True),
        np.zeros(16000, np.float32),
    )
    alone, amid = (made(each, 16000.0).X for each in (x, np.concatenate([pause, x, pause])))
    np.testing.assert_array_equal(amid, alone)
    assert np.abs(replace(made, trim=False)(np.concatenate([pause, x, pause]), 16000.0).X - alone).max() > 1
    assert len(trimmed(pause, 16000.0)) == len(pause)  # silence is dropped as such


@pytest.mark.parametrize("modality", NONSENSE)
def test_generated_people_pass_the_gate_of_others_and_nonsense_does_not(modality):
    found, sfreq, kind = {}, 0.0, ""
    front = front_end(modality)
    for one in get("synthetic").trials(None, modality, [], n_subjects=4, n_trials=8):
        found.setdefault(one.subject, []).append(front(one.data, one.sfreq, one.kind))
        sfreq, kind = one.sfreq, one.kind
    *others, last = (np.concatenate([each.measures for each in windows]) for windows in found.values())
    learned = Trust(Gate.from_dict(json.loads(json.dumps(Gate.fit(np.concatenate(others), modality).to_dict()))))
    assert learned.gate.names == MEASURES[modality]
    assert np.mean([reason != "" for reason in learned.gate.reasons(last)]) <= 0.05
    for data in NONSENSE[modality]:
        windows = front(data, 0.0 if modality == "face" else sfreq, kind)
        left = learned.passed(windows)
        assert not len(left.X) and sum(left.dropped.values()) == len(windows.X) + sum(windows.dropped.values())


def test_limits_are_percentiles_with_a_margin_and_a_reason_names_the_measure():
    learned = Gate.fit(np.linspace(0, 1, 201)[:, None] * [1.0, 10, 100], "heart")
    np.testing.assert_allclose(learned.low, np.array([1, 10, 100]) * (0.005 - 0.2 * 0.99))
    row = np.array([0.5, 5, 50])
    first, low, high = learned.reasons(np.stack([row, row - [0, 8, 0], row + [0, 0, 71]]))
    assert first == "" and low == "ln amplitude below -1.93" and high.startswith("share of power at 0.5 to 8 Hz above")


def test_trust_flags_a_twentieth_of_validation_windows_and_cools_scores_that_are_too_sure():
    X, y = RNG.standard_normal((400, 10, 1, 3)).astype(np.float32), RNG.integers(0, 3, 400)
    scores = softmax(8 * np.eye(3)[np.where(RNG.random(400) < 0.6, y, (y + 1) % 3)])
    found = traces(X, scores)
    learned = Trust.fit(None, found[:200], found[200:], scores[200:], y[200:])
    each = [learned.unfamiliar(X[[k]], scores[[k]]) for k in range(200, 400)]
    assert np.mean(each) == pytest.approx(0.05, abs=0.005)
    assert learned.unfamiliar(20 * X[:5], scores[:5]) and not learned.unfamiliar(X, scores)
    assert learned.temperature > 2 and loss(learned.told(scores), y) < loss(scores, y)
    again = Trust.from_dict(json.loads(json.dumps(learned.to_dict())))
    np.testing.assert_allclose(again.told(scores), learned.told(scores))
    assert Trust.from_dict({}).told(scores) is scores and Trust().unfamiliar(X, scores) is None


def test_a_bundle_says_what_its_gate_refuses_and_what_is_unfamiliar(tmp_path):
    folder = write(tmp_path / "bundle", ["heart"], study=False)
    record = json.loads((folder / "bundle.json").read_text())
    (name, entry), sfreq = *record["models"].items(), TRAINED["heart"].sfreq
    pipeline, data = Bundle(folder).pipeline(name), recording("heart", 20.0)
    X, _ = pipeline.windows([data], sfreq)
    scores, measures = pipeline.scores(X), pipeline.front(data, sfreq, "ppg").measures
    known = traces(X, scores)
    made = Trust.fit(Gate.fit(measures, "heart"), known, known, scores, scores.argmax(axis=1))
    entry["trust"] = replace(made, temperature=4.0).to_dict()
    again = Pipeline(name, entry, pipeline.model)
    refused, dropped = again.windows([5 * data], sfreq)
    assert not len(refused) and any(reason.startswith("ln amplitude above") for reason in dropped)

    entry["trust"]["typicality"]["limit"] = 0.0
    (folder / "bundle.json").write_text(json.dumps(record))
    np.savetxt(tmp_path / "bvp.csv", np.r_[0.0, sfreq, data])
    told = Bundle(folder).answer({"heart": tmp_path / "bvp.csv"})["heart"]
    assert told["unfamiliar"] and max(told["scores"].values()) < scores.mean(axis=0).max()

    for gain, is_ok in ((1, True), (5, False)):
        engine = Engine(Bundle(folder), clock=lambda: 0.0)
        engine.start("heart", TRAINED["heart"])
        engine.push("heart", Chunk(0.0, gain * data))
        part = engine.step(19.9).parts["heart"]
        assert (part.state == OK) == is_ok and part.unfamiliar == (is_ok or None)
        assert is_ok or "ln amplitude above" in part.state
