"""The live engine on recordings against front end and network by hand, what it survives, and what it keeps of a signal."""

import json
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from bundles import CLASSES, FRONTENDS, TRAINED, Recording, recording, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emolib.__main__ import main
from emolib.core.errors import BadParameter
from emolib.device.bundle import Bundle
from emolib.device.engine import Engine
from emolib.device.live import Live, replay
from emolib.device.page import sensed_modalities
from emolib.device.sensors.base import Chunk, Pushed, SensorLost
from emolib.device.stream import Rate, Ring
from emolib.fusion.reliability import Typicality, statistics
from emolib.fusion.scores import softmax
from emolib.signals.frontend import front_end
from emolib.signals.readers import SignalInfo

HOP_S = 2.0


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return Bundle(write(tmp_path_factory.mktemp("bundle")))


@pytest.fixture
def engine(bundle):
    return Engine(bundle, hop_s=HOP_S)


def untimed(results):
    """What is the same in every run: all but the milliseconds."""
    return [r._replace(ms=0, parts={name: p._replace(ms=0) for name, p in r.parts.items()}) for r in results]


def front(modality):
    return front_end(modality, **FRONTENDS[modality])


def heard(modality, time_s):
    """What of a recording is heard at a hop: the newest picture, a window, of a heart with 16 s before it."""
    data, sfreq = recording(modality), TRAINED[modality].sfreq
    end = int(time_s * sfreq)
    if modality == "face":
        return data[min(end, len(data) - 1)][None]
    seconds = 24.0 if modality == "heart" else front(modality).window_s
    return data[..., end - int(seconds * sfreq) : end]


def test_answers_are_those_by_hand_and_their_weighted_geometric_mean(bundle, engine):
    for result in list(replay(engine, [Recording(name) for name in TRAINED]))[11:]:
        logs, weights = [], []
        assert [part.state for name, part in result.parts.items() if name != "heart"] == ["ok"] * 4
        for modality, part in result.parts.items():
            if not part.scores:
                continue
            pipeline, trained, shown = engine.pipelines[modality], TRAINED[modality], front(modality)
            shown = replace(shown, hop_s=16.0) if modality == "heart" else shown
            X = shown(heard(modality, result.time_s), trained.sfreq, trained.kind).X[-1:]
            X = pipeline.standardiser(X)
            member = bundle.studies["all"]["sources"][pipeline.source]
            scores = (softmax(pipeline.model.predict(X))[0] + 1e-7) ** (1 / member["temperature"])
            expected = dict(zip(CLASSES, scores / scores.sum(), strict=True))
            assert part.scores == pytest.approx(expected, abs=1e-5)
            logs.append(np.log(list(part.scores.values())))
            weights.append(member["weight"] * Typicality.from_dict(member["typicality"])(statistics(X))[0])
        shares = np.array(weights) / sum(weights)
        found = [part.weight for part in result.parts.values() if part.scores]
        np.testing.assert_allclose(found, shares, rtol=1e-3)
        fused = np.exp(shares @ np.array(logs))
        assert result.scores == pytest.approx(dict(zip(CLASSES, fused / fused.sum(), strict=True)), abs=1e-4)
    assert len(weights) == 5


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(0.01, 1.9), min_size=1, max_size=5))
def test_answers_do_not_depend_on_how_samples_arrive(bundle, chunks_s):
    def run(chunks_s):
        engine = Engine(bundle, hop_s=HOP_S)
        sources = [Recording(name, seconds=12.0, chunks_s=chunks_s) for name in TRAINED]
        return untimed(replay(engine, sources))

    assert run(chunks_s) == run((0.1,))


def test_missing_samples_drop_the_windows_they_touch_and_a_sensor_that_ends_has_stopped(engine):
    data = recording("eeg", seconds=30.0)
    data[1, 10 * 128 : 11 * 128] = np.nan
    results = list(replay(engine, [Recording("eeg", data), Recording("face")]))
    assert all(r.parts["face"].state == "ok" and r.scores for r in results)
    found = {r.time_s: r.parts["eeg"].state for r in results}
    assert found[10.0] == "ok" and found[12.0] == found[14.0] == "dropped: missing samples"
    assert {found[at] for at in np.arange(16, 32, 2.0)} == {"ok"}
    assert {found[at] for at in np.arange(34, 42, 2.0)} == {"stopped"}


@pytest.mark.parametrize("modality", TRAINED)
def test_what_is_no_sample_is_the_state_of_its_modality_until_the_next(bundle, modality):
    source = Recording(modality, seconds=30.0)
    engine = Engine(bundle, [modality], clock=lambda: 0.0)
    engine.start(modality, source.about)
    *chunks, last = source.chunks()
    for chunk in chunks:
        engine.push(modality, chunk)
    for time_s in (last.time_s, None, "soon", -np.inf):
        for data in ("text", np.zeros((0, 0, 3), np.uint8)):
            engine.push(modality, Chunk(time_s, data))
            state = engine.step(30.0).parts[modality].state
            assert state.startswith("failed: ") and "\n" not in state
    engine.push(modality, last)
    assert engine.step(30.0).parts[modality].state == "ok"


def test_a_front_end_or_network_that_raises_is_the_state_of_its_modality(engine, monkeypatch):
    def broken(*_):
        raise RuntimeError("out of\nmemory")

    sources = [Recording("eeg"), Recording("face")]
    results = replay(engine, sources)
    assert next(results).parts["face"].state == "ok"
    face = engine.pipelines["face"]
    for owner, method in ((type(face.front), "__call__"), (face.model, "predict")):
        with monkeypatch.context() as patched:
            patched.setattr(owner, method, broken)
            failed = next(results)
        assert failed.parts["face"].state == "failed: RuntimeError: out of memory"
        assert failed.parts["eeg"].state == "ok" and failed.scores
        assert next(results).parts["face"].state == "ok"


def test_a_camera_that_shows_one_picture_for_ever_is_stuck(engine):
    frames = np.repeat(recording("face")[:1], 40, axis=0)
    first, *rest = replay(engine, [Recording("face", frames), Recording("speech", seconds=20.0)])
    assert first.parts["face"].state == "ok"
    assert {r.parts["face"].state for r in rest} == {"stuck: the same samples again"}
    assert all(r.parts["speech"].weight == 1 for r in rest)


def pushed(engine, clock, modality, data, sfreq, start_s=0.0):
    """Push samples in tenths of a second, stamped as if they came at this rate; the last one's time."""
    n = round(sfreq / 10)
    for first in range(0, data.shape[-1] - n, n):
        clock["s"] = start_s + (first + n) / sfreq
        engine.push(modality, Chunk(start_s + first / sfreq, data[..., first : first + n]))
    return clock["s"]


def test_wrong_rates_and_clocks_that_jump_are_not_believed(bundle):
    clock = {"s": 0.0}
    engine = Engine(bundle, ["heart", "speech"], clock=lambda: clock["s"])
    engine.start("heart", TRAINED["heart"], is_live=True)
    end_s = pushed(engine, clock, "heart", recording("heart"), 48.0)
    assert engine.step(end_s).parts["heart"].state == "rate 48 Hz, expected 64"
    engine.start("speech", TRAINED["speech"], is_live=True)
    data = recording("speech")
    end_s = pushed(engine, clock, "speech", data[:80000], 16000.0)
    engine.push("speech", Chunk(end_s + 3600, data[:1600]))
    assert engine.step(end_s).parts["speech"].state == "ok"
    later = pushed(engine, clock, "speech", data, 16000.0, start_s=end_s + 30)
    assert engine.step(later).parts["speech"].state == "ok"


def test_channels_are_picked_by_name(bundle):
    data, order = recording("eeg"), [2, 0, 1]
    mixed = np.insert(data[order], 1, 7.0, axis=0)
    about = SignalInfo(128.0, "raw", ("o1", "Ref", "FP1", "fp2"))

    def run(source):
        engine = Engine(bundle, ["eeg"], hop_s=HOP_S)
        return untimed(replay(engine, [source]))

    assert run(Recording("eeg", mixed, about=about)) == run(Recording("eeg", data))


@pytest.mark.parametrize("modality, about, message", [
    ("eeg", SignalInfo(128.0, "raw", ("Fp1", "Fp2")), "channels Fp1, Fp2, expected Fp1, Fp2, O1"),
    ("heart", SignalInfo(1.0, "bpm"), "heart: its source gives bpm, the model was trained on ppg"),
])  # fmt: skip
def test_a_source_that_does_not_fit_is_refused(engine, modality, about, message):
    with pytest.raises(BadParameter, match=message):
        engine.start(modality, about)


def by_person(folder, modality):
    """A bundle whose one model was trained on windows standardised within each person."""
    record = json.loads((write(folder, [modality]) / "bundle.json").read_text())
    record["models"][f"synthetic-{modality}-emotion-loso"]["normalise"] = "subject"
    (folder / "bundle.json").write_text(json.dumps(record))
    return Bundle(folder)


def test_a_person_is_known_after_some_windows(tmp_path):
    engine = Engine(by_person(tmp_path, "eeg"), hop_s=HOP_S)
    results = list(replay(engine, [Recording("eeg")]))
    states = [r.parts["eeg"].state for r in results]
    assert states[:2] == ["waiting", "waiting: window 1 of 8 to know the person"]
    assert set(states[8:]) == {"ok"}
    offline, _ = engine.pipelines["eeg"].windows([recording("eeg")], 128.0)
    scores = engine.pipelines["eeg"].scores(offline)[-1]
    np.testing.assert_allclose(list(results[-1].parts["eeg"].scores.values()), scores, atol=0.02)


@pytest.mark.parametrize("n, state", [(7, "dropped: window 7 of 8 to know the person, expected 8 s"), (8, "ok")])
def test_a_person_is_known_after_some_windows_of_a_file_too(n, state, tmp_path):
    soundfile.write(tmp_path / "a.wav", recording("speech", float(n)), 16000, subtype="FLOAT")
    found = by_person(tmp_path / "b", "speech").answer({"speech": tmp_path / "a.wav"})["speech"]
    assert found["state"].startswith(state) and bool(found["scores"]) == (n == 8)
    assert found["windows"] + sum(found["dropped"].values()) == n


class Flaky(Recording):
    """Live; it is lost after a second of each of its first two lives."""

    is_live = True
    lives = 0

    def chunks(self):
        self.lives += 1
        for _ in range(100):
            time.sleep(0.01)
            yield Chunk(time.monotonic() - 0.1, self.data[:1600])
            if self.lives < 3 and _ > 10:
                raise SensorLost("unplugged")


def test_a_live_source_is_opened_again_and_others_do_not_notice(bundle, monkeypatch):
    monkeypatch.setattr("emolib.device.live.RETRY_S", 0.05)
    flaky, face = Flaky("speech"), Pushed("face", "test", trained=TRAINED["face"])
    engine, seen, frames = Engine(bundle, ["speech", "face"], hop_s=0.1), [], recording("face", 20.0)
    with Live(engine, [flaky, face]) as live:
        for k, result in enumerate(live.results(1.0)):
            face.push(frames[k], time.monotonic())
            seen.append(result)
    assert flaky.lives >= 3
    assert {r.parts["face"].state for r in seen[2:]} == {"ok"}
    assert [t for t in threading.enumerate() if t.name.startswith("emolib")] == []


def test_a_recording_plays_at_its_own_pace(bundle):
    engine = Engine(bundle, ["speech"], hop_s=0.5)
    with Live(engine, [Recording("speech")]) as live:
        for result in live.results(1.5):
            assert engine.streams["speech"].newest_s(1e6) == pytest.approx(result.time_s, abs=0.25)


def test_hops_that_come_too_late_are_counted(bundle):
    source = Pushed("face", "test", trained=TRAINED["face"])
    engine = Engine(bundle, ["face"], hop_s=0.1)
    with Live(engine, [source]) as live:
        results = live.results(1.5)
        first = next(results)
        time.sleep(0.45)
        second = next(results)
        rest = list(results)
    assert first.missed == 0 and 2 <= second.missed <= 4
    steps = 2 + second.missed + sum(1 + result.missed for result in rest)
    assert steps == 15 and rest[-1].time_s == pytest.approx(1.5)


def test_models_whose_classes_differ_answer_side_by_side(tmp_path):
    record = json.loads((write(tmp_path, ["face", "speech"], study=False) / "bundle.json").read_text())
    record["models"]["synthetic-face-emotion-loso"]["classes"] = ["a", "b", "c", "d"]
    (tmp_path / "bundle.json").write_text(json.dumps(record))
    engine = Engine(Bundle(tmp_path), hop_s=HOP_S)
    *_, last = replay(engine, [Recording("face"), Recording("speech")])
    face = engine.pipelines["face"]
    [alone] = face.scores(face.windows(recording("face")[-1:], 0.0)[0])
    assert last.scores is None and {part.weight for part in last.parts.values()} == {0.0}
    assert last.parts["face"].scores == pytest.approx(dict(zip("abcd", alone, strict=True)), abs=1e-6)
    assert list(last.parts["speech"].scores) == CLASSES


def test_a_page_is_asked_for_what_it_has_sensors_for(bundle, tmp_path):
    assert sensed_modalities(bundle, []) == ["face", "speech"]
    assert sensed_modalities(bundle, ["heart=strap", "speech=microphone"]) == ["face", "speech", "heart"]
    with pytest.raises(BadParameter, match="models of heart, for which a browser has no sensor"):
        sensed_modalities(Bundle(write(tmp_path, ["heart"])), [])


def test_the_command_line_replays_a_file(bundle, tmp_path, capsys):
    soundfile.write(tmp_path / "a.wav", recording("speech", 5.0), 16000, subtype="FLOAT")
    call = ["run", str(bundle.folder), "--source", f"speech=file:{tmp_path / 'a.wav'}"]
    assert main([*call, "--json", "--seconds", "4"]) == main(call) == 0
    out = capsys.readouterr().out.splitlines()
    found = [json.loads(line) for line in out[:4]]
    assert [line["time_s"] for line in found] == [1.0, 2.0, 3.0, 4.0] and len(out) == 4 + 5
    assert all(line["parts"]["speech"]["state"] == "ok" for line in found)


X = np.arange(1000, dtype=np.float32)  # samples of a ring


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=12), st.integers(1, 250), st.floats(0, 12))
def test_it_gives_the_last_samples_whatever_the_chunks(sizes, n, time_s):
    ring, at = Ring(100.0, 250), 0
    for size in sizes:
        ring.push(at / 100, X[at : at + size])
        at = min(at + size, len(X))
    newest = min(at, int(np.floor(time_s * 100 + 1e-6)))
    expected = X[max(newest - n, at - 250, 0) : max(newest, 0)]
    np.testing.assert_array_equal(ring.until(time_s, n), expected)
    assert ring.samples.size <= 250


@pytest.mark.parametrize("at_s, kept", [(1.5, np.r_[X[:100], np.full(50, np.nan)]), (0.5, X[:50]), (-30.0, X[:0])])
def test_a_gap_is_missing_samples_and_stamps_that_go_back_replace_what_came_after(at_s, kept):
    ring = Ring(100.0, 500)
    ring.push(0.0, X[:100])
    ring.push(at_s, X[500:520])
    np.testing.assert_array_equal(ring.until(at_s + 0.2, 500), np.r_[kept, X[500:520]])


def test_the_rate_is_measured_through_jitter_and_a_drop_out():
    rng, rate = np.random.default_rng(1), Rate()
    assert rate.hz() is None
    for k in range(300):
        if not 150 < k < 158:
            rate.push(k * 8 / 48 + rng.uniform(0, 0.03), 8)
    assert rate.hz() == pytest.approx(48, rel=0.02)
