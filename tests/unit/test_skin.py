"""Skin: parts and responses against NeuroKit2, features worked out by hand, the gate, files, streams, generated people."""

from types import SimpleNamespace

import neurokit2 as nk
import numpy as np
import pytest
from bundles import TRAINED, Recording, recording, write
from damage import lay
from whole_corpora import CORPORA, gathered, table

from emolib.core.errors import BadParameter, BadRecording
from emolib.device.bundle import Bundle
from emolib.device.engine import Engine
from emolib.device.live import replay
from emolib.device.owner import Owner
from emolib.device.sensors import parse
from emolib.device.sensors.base import Chunk
from emolib.device.sensors.lsl import Lsl
from emolib.device.stream import Signal
from emolib.signals import generated, skin
from emolib.signals.frontend import front_end
from emolib.signals.generated.affect import QUADRANTS, Affect
from emolib.signals.quality import FLAT, MISSING, repair
from emolib.signals.readers import SignalInfo, read_recording

ABOUT = TRAINED["skin"]
FEATURE = {name.split(" (")[0]: number for number, name in enumerate(skin.FEATURES)}


def simulated(sfreq, seconds=120, seed=0):
    """NeuroKit2's own generated EDA, as its `eda_process` reads it."""
    n = seconds // 10
    eda = nk.eda_simulate(seconds, sampling_rate=sfreq, scr_number=n, drift=0.01, noise=0.01, random_state=seed)
    signals, info = nk.eda_process(eda, sampling_rate=sfreq)
    return signals, {name: np.asarray(info[f"SCR_{name}"]) for name in ("Peaks", "Amplitude", "RiseTime")}


@pytest.mark.filterwarnings("ignore::neurokit2.misc.NeuroKitWarning")  # 4 Hz is too slow for its low-pass of 3 Hz
@pytest.mark.parametrize("sfreq, seed", [(4, 0), (4, 1), (4, 2), (50, 3)])
def test_parts_and_responses_are_neurokits(sfreq, seed):
    """Ends are extended over 60 s here, over 9 samples there: in the middle, three time constants away, nothing of it is
    left, 0.005 µS of signals that span 2 µS."""
    signals, known = simulated(sfreq, seed=seed)
    tonic, phasic = skin.decompose(signals["EDA_Clean"].to_numpy(), sfreq)
    middle = slice(15 * sfreq, -15 * sfreq)
    np.testing.assert_allclose(tonic[middle], signals["EDA_Tonic"][middle], atol=0.005)
    np.testing.assert_allclose(phasic[middle], signals["EDA_Phasic"][middle], atol=0.005)
    found, has_onset = skin.responses(phasic, sfreq), np.isfinite(known["Amplitude"])
    assert len(found.peaks) > 8
    np.testing.assert_allclose(found.peaks, known["Peaks"][has_onset], atol=0 if sfreq == 4 else 1)
    np.testing.assert_allclose(found.amplitude_us, known["Amplitude"][has_onset], atol=0.02)
    inner = (found.peaks > middle.start) & (found.peaks < len(phasic) + middle.stop)
    np.testing.assert_allclose(found.rise_s[inner], known["RiseTime"][has_onset][inner], atol=1.5 / sfreq)


def test_responses_in_noise_are_neurokits():
    """On one phasic part there is no filter to differ by: equal."""
    phasic = np.random.default_rng(0).normal(size=2000).cumsum() * 0.05
    known = nk.eda_peaks(phasic, sampling_rate=8, amplitude_min=skin.MIN_SHARE)[1]
    has_onset, found = np.isfinite(known["SCR_Amplitude"]), skin.responses(phasic, 8)
    assert len(found.peaks) > 20
    np.testing.assert_array_equal(found.peaks, known["SCR_Peaks"][has_onset])
    np.testing.assert_allclose(found.amplitude_us, known["SCR_Amplitude"][has_onset])
    np.testing.assert_allclose(found.rise_s, known["SCR_RiseTime"][has_onset])


def test_what_is_smaller_than_an_amplifier_resolves_is_no_response():
    assert len(skin.responses(1e-3 * np.sin(np.arange(400) / 5), 4).peaks) == 0
    assert len(skin.responses(np.zeros(400), 4).peaks) == 0


def column(found, name):
    return found.X[0, :, 0, FEATURE[name]]


def test_features_by_hand():
    """A ramp has no phasic part; triangles 12 s apart, 3 s up, make five responses a minute that rise for 3 s."""
    t, middle = np.arange(240) / 4, np.arange(60) + 0.375  # of the four samples of a step
    ramp = front_end("skin")(np.stack([2 + t / 60, 33 - 0.5 * t / 60]), 4.0, "eda")
    assert ramp.X.shape == (1, 60, 1, len(skin.FEATURES)) and ramp.start_s.tolist() == [0]
    np.testing.assert_allclose(column(ramp, "ln tonic level"), np.log(2 + middle / 60), atol=1e-3)
    np.testing.assert_allclose(column(ramp, "tonic slope"), 1, atol=1e-3)
    np.testing.assert_allclose(column(ramp, "temperature"), 33 - 0.5 * middle / 60, atol=1e-4)
    np.testing.assert_allclose(column(ramp, "temperature slope"), -0.5, atol=1e-3)
    assert not column(ramp, "responses a minute").any() and not column(ramp, "response rise").any()
    waves = np.interp((t - 2) % 12, [0, 3, 12], [0, 1, 0])
    found = front_end("skin")(np.stack([2 + waves, np.full(240, np.nan)]), 4.0, "eda")
    np.testing.assert_allclose(column(found, "responses a minute").mean(), 5, atol=0.6)
    np.testing.assert_allclose(column(found, "response rise")[8:], 3, atol=0.26)  # a sample is 0.25 s
    np.testing.assert_allclose(
        np.exp(column(found, "ln response amplitude"))[10:50], 1, atol=0.15
    )  # what is slow in them is tonic
    assert (column(found, "temperature") == skin.STEADY_C).all() and not column(found, "temperature slope").any()


def test_other_rates_make_the_same_features_and_a_window_knows_no_other():
    t = np.arange(0, 180, 1 / 64)
    data = np.stack([3 + np.sin(t / 2) + t / 90, 32 + np.cos(t / 20)])
    slow, fast = (front_end("skin")(x, sfreq).X for x, sfreq in ((data[:, ::16], 4.0), (data, 64.0)))
    assert slow.shape == fast.shape == (5, 60, 1, 8)
    tolerance = np.array([0.01, 0.2, 0.05, 0.1, 0.05, 0.3, 0.05, 0.1])
    assert (np.abs(slow - fast)[:, 2:-2].max(axis=(0, 1, 2)) <= tolerance).all()
    np.testing.assert_array_equal(front_end("skin")(data[:, 120 * 64 :], 64.0).X[0], fast[-1])


def spoilt(row, samples, value):
    data = np.array([2 + np.sin(np.arange(240) / 9), np.full(240, 33.0)])
    data[row, samples] = value
    return data


@pytest.mark.parametrize("data, reason", [
    (spoilt(0, slice(50, 54), np.nan), ""),  # a second is interpolated
    (spoilt(0, slice(50, 55), np.nan), MISSING),
    (spoilt(1, slice(50, 55), np.inf), MISSING),
    (spoilt(0, slice(None), 1.7), FLAT),
    (spoilt(0, slice(0, 12), 0.01), ""),  # 5 %
    (spoilt(0, slice(0, 13), 0.01), skin.NO_CONTACT),
    (spoilt(0, slice(0, 13), 80.0), skin.OFF_SCALE),
    (spoilt(1, slice(0, 240), 21.5), skin.OFF_SKIN),
])  # fmt: skip
def test_the_gate(data, reason):
    found = front_end("skin")(data, 4.0, "eda")
    assert found.dropped == ({reason: 1} if reason else {}) and np.isfinite(found.X).all()


@pytest.mark.parametrize("data, kind, error", [
    (np.ones((3, 300)), "eda", BadParameter), (np.ones((2, 300)), "ppg", BadParameter), (np.ones(300), "eda", BadRecording),
])  # fmt: skip
def test_what_is_no_skin_is_refused(data, kind, error):
    with pytest.raises(error, match="expected"):
        front_end("skin")(data, 4.0, kind)


@pytest.mark.filterwarnings("ignore::neurokit2.misc.NeuroKitWarning")
def test_arousal_makes_more_responses_a_higher_level_and_a_cooler_wrist():
    changes = []
    for person in range(8):
        calm, tense = (
            generated.recording(Affect(0, person, 0, word, 240.0), "skin").data for word in ("relaxed", "angry")
        )
        n_calm, n_tense = (len(nk.eda_process(repair(x[0], 4, np.inf), 4)[1]["SCR_Peaks"]) for x in (calm, tense))
        changes.append([n_tense - n_calm, *np.nanmedian(tense, axis=1) - np.nanmedian(calm, axis=1)])
    assert (np.mean(np.array(changes) > 0, axis=0) * [1, 1, -1] >= [0.75, 0.75, -0.25]).all()


def test_generated_skin_is_as_the_contract_says_and_as_ever():
    made = generated.recording(Affect(0, 0, 2, "happy", 60.0), "skin")
    assert (made.data.shape, made.data.dtype) == ((2, 240), np.float32)
    assert SignalInfo(made.sfreq, made.kind, made.channels) == ABOUT
    found = [front_end("skin")(generated.recording(Affect(0, p, 0, word, 60.0), "skin").data, 4.0, "eda")
             for p in range(5) for word in QUADRANTS]  # fmt: skip
    assert sum(len(one.X) for one in found) >= 18


# Files and corpora


def e4(start_s, sfreq, samples):
    return table(None, [(start_s,), (sfreq,), *((value,) for value in samples)])


EDA = [2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5]


@pytest.mark.parametrize("files, path, temp", [
    ({"EDA.csv": e4(100.0, 4.0, EDA), "TEMP.csv": e4(100.5, 2.0, [30, 31, 32])}, "",
     [np.nan, np.nan, 30, 30.5, 31, 31.5, 32, np.nan]),
    ({"EDA.csv": e4(100.0, 4.0, EDA)}, "EDA.csv", [np.nan] * 8),
    ({"s.csv": table("Time [ms],note,TEMP, EDA", [(250 * n, 0, 30 + n, eda) for n, eda in enumerate(EDA)])}, "s.csv", range(30, 38)),
    ({"s.csv": table("timestamps,eda", [(n / 4, eda) for n, eda in enumerate(EDA)])}, "s.csv", [np.nan] * 8),
])  # fmt: skip
def test_recordings_in_files(files, path, temp, tmp_path):
    lay(tmp_path, files)
    data, sfreq, *_ = read_recording("skin", tmp_path / path, ABOUT)
    np.testing.assert_array_equal(data, np.float32([EDA, list(temp)]), strict=True)
    assert sfreq == 4
    source = parse(f"skin=file:{tmp_path / path}", {"skin": ABOUT})
    assert source.open() == ABOUT and sum(chunk.data.shape[-1] for chunk in source.chunks()) == 8


@pytest.mark.parametrize("content, message", [
    (table("timestamps,sweat", [(0, 1), (1, 2)]), "columns timestamps, sweat; expected a column of time stamps and one of eda"),
    (table("note,eda", [(0, 1), (1, 2)]), "no column of time stamps, so no rate"),
    (table("time,eda", [(n / 4, 900.0) for n in range(8)]), "eda of 900 in the middle, .* looks like nS"),
    (e4(0, 0, EDA), "rate 0 Hz"),
])  # fmt: skip
def test_files_that_hold_no_skin(content, message, tmp_path):
    lay(tmp_path, {"s.csv": content})
    with pytest.raises(BadRecording, match=f"s.csv.*{message}"):
        read_recording("skin", tmp_path / "s.csv", ABOUT)


def test_heart_and_skin_of_stress_predict_pair_and_temperature_lies_where_it_was_taken(data):
    lay(data / "stress_predict", CORPORA["stress_predict"]())
    heart, found = (gathered("stress_predict", modality)[0] for modality in ("heart", "skin"))
    assert [t.trial for t in heart] == [t.trial for t in found] and {t.channels for t in found} == {skin.CHANNELS}
    assert [len(t.data) / 64 for t in heart] == pytest.approx([t.data.shape[1] / 4 for t in found], abs=0.25)
    eda, temp = found[-1].data
    np.testing.assert_allclose(eda - temp, 0.04, atol=1e-6)  # its TEMP.csv began a second, 4 samples, later


def test_cogwear(data):
    """Sessions and conditions by name in every modality; the file that has another name; one that lacks is told."""
    files = CORPORA["cogwear"]()
    files["pilot/3/baseline/empatica_emda.csv"] = files.pop("pilot/3/baseline/empatica_eda.csv")
    del files["pilot/3/baseline/muse_eeg.csv"]
    files["survey_gamification/12/pre/survey/empatica_bvp.csv"] = b""
    survey = ("12-pre-survey", "filling in a survey: neither rest nor load")
    lay(data / "cogwear", files)
    found = {modality: gathered("cogwear", modality) for modality in ("heart", "skin", "eeg")}
    for modality, (trials, dropped) in found.items():
        names = [("3", "3-baseline"), ("12", "12-pre-cognitive_load")][modality == "eeg" :]
        assert [(trial.subject, trial.trial) for trial in trials] == names
        assert dropped == [("3-baseline", "no muse_eeg.csv")][modality != "eeg" :] + [survey]
    eda, temp = found["skin"][0][0].data
    np.testing.assert_allclose(eda[4:] + 28, temp[4:] + 0.1, atol=1e-5)  # the temperature began a second later
    assert np.isnan(temp[:4]).all()
    np.testing.assert_array_equal(found["eeg"][0][0].data[0], np.arange(512))
    bad = table("eda,time", [(1, n / 8) for n in range(40)])
    lay(data / "cogwear", {"survey_gamification/12/pre/cognitive_load/empatica_eda.csv": bad})
    with pytest.raises(BadRecording, match="empatica_eda.csv has a rate of 8, expected 4 Hz"):
        gathered("cogwear", "skin")


def test_own_skin_with_or_without_temperature(data):
    rows = [(n / 8, 2 + n) for n in range(40)]
    labels = table("trial,subject,label", [("a", "ann", "calm"), ("b", "ben", "tense"), ("c", "cyd", "calm")])
    bad = {"skin/c.csv": table("timestamp,temp", rows)}
    whole = {"skin/a.csv": table("timestamp,eda", rows), "skin/b.csv": e4(5, 4, EDA), "labels.csv": labels}
    lay(data / "own", whole)
    one, two = gathered("own", "skin")[0]
    assert (one.sfreq, two.sfreq) == (8, 4) and {one.kind, two.kind} == {"eda"} and one.channels == skin.CHANNELS
    assert one.data[0].tolist() == [2 + n for n in range(40)] and two.data[0].tolist() == EDA
    assert np.isnan(one.data[1]).all() and np.isnan(two.data[1]).all()
    lay(data / "own", bad)
    with pytest.raises(
        BadRecording, match="c.csv has columns timestamp, temp; expected a column of time stamps and one of eda"
    ):
        gathered("own", "skin")


# On the device


def test_a_stream_is_scored_as_the_whole_recording_bit_for_bit(tmp_path):
    pipeline = Bundle(write(tmp_path, ["skin"])).pipeline("synthetic-skin-emotion-loso")
    with pipeline.model:
        stream, (X, dropped) = Signal(pipeline, ABOUT, False, Owner()), pipeline.windows([recording("skin")], 4.0)
        for chunk in Recording("skin", chunks_s=(0.3, 1.7)).chunks():
            stream.push(chunk, 0.0)
            ends_s = chunk.end_s(4.0)
            if ends_s >= 8 and ends_s % 4 == 0:
                known = pipeline.scores(X[round(ends_s / 4 - 2)][None])
                np.testing.assert_array_equal(stream.answer(ends_s).scores, known)
    assert not dropped and len(X) == 9


@pytest.mark.parametrize("labels, channels, rows", [
    (("EDA",), skin.CHANNELS, [[5], [np.nan]]), (("temp", "EDA"), ("temp", "EDA"), [[5], [6]]),
])  # fmt: skip
def test_skin_over_lsl(labels, channels, rows):
    sensor, pylsl = Lsl("skin", "skin=lsl:E4", "E4", ABOUT), SimpleNamespace(cf_string=3)
    told = {"nominal_srate": 4.0, "channel_count": len(labels), "channel_format": 1, "get_channel_labels": labels}
    info = SimpleNamespace(**{name: lambda value=value: value for name, value in told.items()})
    assert sensor.about(pylsl, info) == SignalInfo(4.0, "eda", channels)
    np.testing.assert_array_equal(sensor.data([[5, 6][: len(labels)]]), np.float32(rows))


def test_a_synthetic_person_wears_it(tmp_path):
    engine = Engine(Bundle(write(tmp_path, ["skin"])), hop_s=4.0)
    results = replay(engine, [parse("skin=synthetic:angry", engine.trained)])
    assert sum(next(results).parts["skin"].state == "ok" for _ in range(30)) > 20
    engine.push("skin", Chunk(0.0, np.zeros(9)))
    assert "expected 2 axes" in engine.step(0.0).parts["skin"].state
