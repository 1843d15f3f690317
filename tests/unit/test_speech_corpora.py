"""Corpora of acted speech, from small files in each corpus's own layout."""

import struct
import zipfile

import numpy as np
import pytest
import soundfile
from whole_corpora import gathered

from emolib.core.errors import BadRecording, UnmappedLabel
from emolib.datasets import labels, load
from emolib.datasets.media import resample

OFFICIAL = {  # corpus: file → (subject, trial, label)
    "emodb": {
        "wav/03a01Fa.wav": ("03", "03a01Fa", "happiness"),
        "wav/16b10Wb.wav": ("16", "16b10Wb", "anger"),
        "wav/08a02Lc.wav": ("08", "08a02Lc", "boredom"),
        "wav/09a02Ea.wav": ("09", "09a02Ea", "disgust"),
        "wav/10a04Ad.wav": ("10", "10a04Ad", "fear"),
        "wav/11b01Ta.wav": ("11", "11b01Ta", "sadness"),
        "wav/12b02Na.flac": ("12", "12b02Na", "neutral"),
    },
    "ravdess": {
        "Actor_12/03-01-06-01-02-01-12.wav": ("12", "01-06-01-02-01-12", "fearful"),
        "Actor_01/03-01-01-01-01-01-01.wav": ("01", "01-01-01-01-01-01", "neutral"),
        "Actor_01/03-01-08-02-01-02-01.wav": ("01", "01-08-02-01-02-01", "surprised"),
        "Actor_24/03-01-02-02-02-02-24.wav": ("24", "01-02-02-02-02-24", "calm"),
    },
    "crema_d": {
        "AudioWAV/1001_DFA_ANG_XX.wav": ("1001", "1001_DFA_ANG_XX", "anger"),
        "AudioWAV/1091_IEO_SAD_LO.wav": ("1091", "1091_IEO_SAD_LO", "sad"),
        "AudioWAV/1040_ITH_SAD_X.wav": ("1040", "1040_ITH_SAD_X", "sad"),
        "AudioWAV/1002_WSI_FEA_XX.wav": ("1002", "1002_WSI_FEA_XX", "fear"),
    },
    "tess": {
        "OAF_angry/OAF_back_angry.wav": ("OAF", "OAF_back_angry", "angry"),
        "OAF_neutral/OA_bite_neutral.wav": ("OAF", "OAF_bite_neutral", "neutral"),
        "YAF_pleasant_surprised/YAF_back_ps.wav": ("YAF", "YAF_back_ps", "ps"),
        "OAF_Fear/OAF_back_fear.wav": ("OAF", "OAF_back_fear", "fear"),
    },
    "savee": {
        "AudioData/DC/a01.wav": ("DC", "DC_a01", "anger"),
        "AudioData/JE/sa15.wav": ("JE", "JE_sa15", "sadness"),
        "AudioData/JK/su03.wav": ("JK", "JK_su03", "surprise"),
        "ALL/KL_n30.wav": ("KL", "KL_n30", "neutral"),
    },
}


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOLIB_DATA", str(tmp_path))
    return tmp_path


def tone(sfreq=16000, seconds=0.2, hz=440):
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * sfreq)) / sfreq)


def write(path, samples=None, sfreq=16000):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone(sfreq) if samples is None else samples, sfreq, subtype="PCM_16")
    return path


@pytest.mark.parametrize("corpus", OFFICIAL)
def test_official_layout(data, corpus):
    paths = [write(data / corpus / name) for name in OFFICIAL[corpus]]
    unpacked = gathered(corpus, "speech")
    with zipfile.ZipFile(data / corpus / "archive.zip", "w") as archive:
        for path in paths:
            archive.write(path, f"wrapper/{path.relative_to(data / corpus)}")
            path.unlink()
    for trials, dropped in (unpacked, gathered(corpus, "speech")):
        assert {(t.subject, t.trial, t.label) for t in trials} == set(OFFICIAL[corpus].values())
        assert dropped == []
        for trial in trials:
            assert (trial.corpus, trial.modality, trial.sfreq) == (corpus, "speech", 16000)
            assert trial.data.dtype == np.float32
            np.testing.assert_allclose(trial.data, tone(), atol=1e-4)


@pytest.mark.parametrize("sfreq", [48000, 24414, 8000])
def test_other_rates_become_16_khz(data, sfreq):
    write(data / "tess" / "OAF_back_angry.wav", tone(sfreq, seconds=1.0), sfreq)
    (trial,) = load("tess", "speech")
    assert len(trial.data) == pytest.approx(16000, abs=1)
    np.testing.assert_allclose(trial.data[4000:12000], tone(seconds=1.0)[4000:12000], atol=5e-3)


def test_resampling_keeps_out_what_would_alias():
    above = tone(48000, 1.0, hz=11000).astype(np.float32)
    assert np.abs(resample(above, 48000)[2000:-2000]).max() < 0.01


def test_stereo_becomes_the_mean_of_its_channels(data):
    write(data / "emodb" / "03a01Fa.wav", np.stack([tone(), np.zeros_like(tone())], axis=1))
    (trial,) = load("emodb", "speech")
    np.testing.assert_allclose(trial.data, tone() / 2, atol=1e-4)


@pytest.mark.parametrize("name", ["03a01Fa.wav", "03a01Fa.flac"])
@pytest.mark.parametrize("share", [0.01, 0.98])
def test_a_truncated_file_is_named(data, name, share):
    path = write(data / "emodb" / "wav" / name, tone(seconds=2.0))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(BadRecording, match=rf"emodb/wav/{name} .*fetch it again"):
        list(load("emodb", "speech"))


def test_other_chunks_of_a_wav_do_not_count_as_sound(data):
    path = write(data / "ravdess" / "Actor_01" / "03-01-01-01-01-01-01.wav")
    content = path.read_bytes()
    filler = b"FLLR" + struct.pack("<I", 5) + bytes(6)  # odd size, padded, as in RAVDESS before the data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(content) + 6) + content[8:36] + filler + content[36:])
    (trial,) = load("ravdess", "speech")
    np.testing.assert_allclose(trial.data, tone(), atol=1e-4)


def test_a_git_lfs_pointer_is_no_sound(data):
    write(data / "emodb" / "03a01Fa.wav").write_bytes(
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"
    )
    with pytest.raises(BadRecording, match=r"03a01Fa\.wav is a Git LFS pointer"):
        list(load("emodb", "speech"))


@pytest.mark.parametrize(
    ("corpus", "good", "left_out", "reason"),
    [
        ("ravdess", "03-01-01-01-01-01-01.wav", "Actor_01/03-02-01-01-01-01-01.wav", "song, not speech"),
        ("ravdess", "03-01-01-01-01-01-01.wav", "03-01-01-01-01-01-01 (1).wav", "not named like"),
        ("tess", "OAF_back_sad.wav", "copy/OAF_sad/OAF_back_sad.wav", "second copy of an utterance"),
        ("tess", "OAF_back_sad.wav", "YAF_germ_angry.wav", "reported damaged"),
        ("crema_d", "AudioWAV/1001_DFA_ANG_XX.wav", "AudioWAV/1064_IEO_DIS_MD.wav", "known defect"),
        ("savee", "DC/a01.wav", "XX/a01.wav", "not named like"),
        ("emodb", "wav/03a01Fa.wav", "laryngo/03a01F.wav", "not named like"),
        ("emodb", "wav/03a01Fa.wav", "wav/03a02Fa.wav", "silent or empty"),
    ],
)
def test_what_is_left_out_is_counted_with_its_reason(data, corpus, good, left_out, reason):
    write(data / corpus / good)
    write(data / corpus / left_out, np.zeros(3200) if "silent" in reason else None)
    dropped = []
    assert len(list(load(corpus, "speech", dropped))) == 1
    (drop,) = dropped
    assert drop.reason.startswith(reason)


@pytest.mark.parametrize(
    ("corpus", "name", "label"),
    [
        ("emodb", "03a01Xa.wav", "X"),
        ("ravdess", "03-01-09-01-01-01-01.wav", "09"),
        ("crema_d", "1001_DFA_SUR_XX.wav", "SUR"),
        ("tess", "OAF_back_calm.wav", "calm"),
        ("savee", "DC_x01.wav", "x"),
    ],
)
def test_an_emotion_that_the_corpus_does_not_know_is_named(data, corpus, name, label):
    write(data / corpus / name)
    (trial,) = load(corpus, "speech")
    with pytest.raises(UnmappedLabel, match=f"'{label}' of {corpus}"):
        labels.target(corpus, "arousal", trial)
