"""Every corpus of the registries as small whole files in its publisher's layout: path → bytes."""

import io
import pickle
from datetime import datetime, time, timedelta

import numpy as np
import openpyxl
import soundfile
from PIL import Image
from scipy.io import savemat

from emolib.datasets import get, labels, load
from emolib.datasets.corpora import gameemo
from emolib.signals.readers import SignalInfo

TRAINED = {  # recordings that models were trained on
    "heart": SignalInfo(64.0, "ppg"),
    "eeg": SignalInfo(256.0, "raw", ("TP9", "AF7")),
    "speech": SignalInfo(16000.0),
    "face": SignalInfo(2.0),
    "skin": SignalInfo(4.0, "eda", ("eda", "temp")),
}
DEAP_SHAPE = (2, 40, 400)  # of data in this DEAP; the published one is (40, 40, 8064)
MINUTES = (0, 2, 2, 3, 3, 5, 5, 7, 7, 9, 9, 10, 10, 12, 12, 13, 13, 15)  # edges of a session's phases
PHASES = (
    *("Baseline/Questionniare", "Stroop Test", "Relax", "Interview", "Relax", "Hyperventilation", "Relax"),
    *("Questionniare", "Relax/Baseline"),
)


def gathered(name, modality="heart"):
    """Trials of a corpus and what was dropped; every trial's label is known to every task."""
    dropped = []
    found = list(load(name, modality, dropped))
    for task in get(name).tasks:
        assert {labels.target(name, task, trial) for trial in found} <= {None, *labels.classes(name, task)}
    return found, dropped


class Python2Pickler(pickle._Pickler):
    """Protocol 2 as Python 2 wrote it: its str, which numpy's buffers were, as byte strings."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_str(self, value):
        data = value if isinstance(value, bytes) else value.encode("latin1")
        self.write(pickle.BINSTRING + len(data).to_bytes(4, "little") + data)

    dispatch[str] = dispatch[bytes] = save_str


def python2(content):
    """A pickle as Python 2 wrote it."""
    file = io.BytesIO()
    Python2Pickler(file, protocol=2).dump(content)
    return file.getvalue()


def cell(items):
    """A 1 × n MATLAB cell, or n × 1 as its clips lie."""
    array = np.empty((len(items), 1), object)
    array[:, 0] = items
    return array


def sound(sfreq=16000, n_times=2000, form="WAV", pitch=0.2):
    """A tone, of 16 bits where the format has such samples."""
    file = io.BytesIO()
    soundfile.write(file, 0.5 * np.sin(pitch * np.arange(n_times)), sfreq, format=form)
    return file.getvalue()


def picture(shape=(24, 32, 3), form="PNG"):
    """Noise."""
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, shape, np.uint8)).save(file, form)
    return file.getvalue()


def table(head, rows):
    """CSV; a head of None has no line."""
    lines = [] if head is None else [head]
    return "\n".join([*lines, *(",".join(map(str, row)) for row in rows), ""]).encode()


def mat(**variables):
    file = io.BytesIO()
    savemat(file, variables, do_compression=True)
    return file.getvalue()


def fer2013():
    pixels = [" ".join(str((k + n) % 256) for n in range(48 * 48)) for k in range(3)]
    usages = ("Training", "PublicTest", "PrivateTest")
    return {"fer2013.csv": table("emotion,pixels,Usage", zip(range(3), pixels, usages, strict=True))}


def ck_plus():
    """A sequence, of whose pictures only the last, the peak of the emotion, is read."""
    first, peak = (f"S005/001/S005_001_000000{n}" for n in ("01", "11"))
    pictures = {f"cohn-kanade-images/{first}.png": picture((9, 9)), f"cohn-kanade-images/{peak}.png": picture()}
    return pictures | {f"Emotion/{peak}_emotion.txt": b"   3.0000000e+00\n"}


def own():
    seconds = np.arange(100) / 50
    return {
        "labels.csv": table("trial,subject,label,valence,split", [("a", "ann", "calm", 0.5, "train")]),
        "heart/a.csv": table("timestamp,ppg", zip(seconds, np.sin(7 * seconds), strict=True)),
        "eeg/a.csv": table("timestamps,TP9,AF7", zip(seconds, np.sin(seconds), np.cos(seconds), strict=True)),
        "skin/a.csv": table("timestamp,temp,eda", zip(seconds, 33 + seconds, 2 + np.sin(seconds), strict=True)),
        "speech/a.wav": sound(),
        "face/a/1.png": picture(),
        "face/a/2.png": picture(),
    }


def workbook(starts):
    """Time_logs.xlsx of people whose sessions begin at these local times, on the 12-hour clock."""
    book = openpyxl.Workbook()
    heads = [cell for phase in PHASES for cell in (phase, None)]
    book.active.append(["S. ID.", "Start Time", *heads, "Date"])
    book.active.append([None] * (len(heads) + 3))
    for subject, start in starts.items():
        edges = [start + timedelta(minutes=minute) for minute in MINUTES]
        cells = [time((edge.hour - 1) % 12 + 1, edge.minute) for edge in edges]
        book.active.append([subject, cells[0], *cells, datetime(start.year, start.month, start.day)])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


MORNING = datetime(2022, 2, 7, 9, 20)


def stress_predict(start=MORNING, presses_s=(130,), zone_h=0, length_s=240, subject="S01"):
    """A session that starts at a local time; its samples are their number."""
    utc_s = (start - timedelta(hours=zone_h) - datetime(1970, 1, 1)).total_seconds()
    samples, slow = [(n,) for n in range(64 * length_s)], [(n / 100,) for n in range(4 * length_s)]
    presses = [(f"{utc_s + after_s:.2f}",) for after_s in presses_s]
    return {
        f"Raw_data/{subject}/BVP.csv": table(None, [(f"{utc_s:.2f}",), ("64.000000",), *samples]),
        f"Raw_data/{subject}/EDA.csv": table(None, [(f"{utc_s:.2f}",), ("4.000000",), *slow]),
        f"Raw_data/{subject}/TEMP.csv": table(None, [(f"{utc_s + 1:.2f}",), ("4.000000",), *slow]),
        f"Raw_data/{subject}/tags_{subject}.csv": table(None, presses),
        "Processed_data/Time_logs.xlsx": workbook({subject: start}),
    }


def wesad():
    label = np.repeat(np.array([0, 1, 2, 0], np.int32), 3500)
    wrist = {"BVP": np.sin(0.1 * np.arange(20 * 64))[:, None], "EDA": np.ones((80, 1)), "TEMP": np.full((80, 1), 33.0)}
    content = {"subject": "S2", "label": label, "signal": {"wrist": wrist, "chest": {}}}
    return {"S2/S2.pkl": python2(content)}


def cogwear():
    """A condition of each study; Mind Monitor writes a row without samples for an event."""
    muse = [(100, "", "", "", "", "/muse/event/connected"), *((100 + n / 256, n, 1, 2, 3, "") for n in range(512))]
    signals = {"bvp": (64, np.sin), "eda": (4, lambda t: 2 + t / 10), "temp": (4, lambda t: 30 + t / 10)}
    files = {}
    for folder in ("pilot/3/baseline", "survey_gamification/12/pre/cognitive_load"):
        files[f"{folder}/muse_eeg.csv"] = table("time,RAW_TP9,RAW_AF7,RAW_AF8,RAW_TP10,Elements", muse)
        for name, (sfreq, wave) in signals.items():
            seconds = np.arange(10 * sfreq) / sfreq
            rows = zip(wave(seconds), 1669463781 + seconds + (name == "temp"), strict=True)
            files[f"{folder}/empatica_{name}.csv"] = table(f"{name},time", rows)
    return files


def walking():
    rows = [(0.0, emotion, 1, 2, 3, 4, 5, 6, 100 + n) for emotion in (1.0, -1.0) for n in range(50)]
    return {"walking_data/mo_ew10_accdata_30_1_108-1033.csv": table(None, rows)}


def muse():
    rows = [(f"{1533222955 + n / 256:.3f}", n, 1.0, 2.0, 3.0, 9.0) for n in range(256)]
    return {"subjecta-relaxed-1.csv": table("timestamps,TP9,AF7,AF8,TP10,Right AUX", rows)}


def game():
    ramp = [1 + 0.01 * n for n in range(len(gameemo.POWERS))]
    powers = [(1, g, w, *ramp) for g in (1, 2) for w in (1, 2, 3)]
    ratings = [(f"G{g}.pdf", "S01", 3, 7) for g in (1, 2)]
    head = ",".join([*gameemo.KEYS, *gameemo.POWERS])
    return {
        "eeg_bandpower_features_windowed_12.0_0.0.csv": table(head, powers),
        "final_SAM_scores.csv": table("Path,Subject,Valence,Arousal", ratings),
    }


def deap():
    video, channel, step = np.ogrid[: DEAP_SHAPE[0], : DEAP_SHAPE[1], : DEAP_SHAPE[2]]
    content = {"data": np.sin(video + channel + 0.1 * step), "labels": np.tile([2.0, 7.0, 3.0, 4.0], (2, 1))}
    return {"data_preprocessed_python/s01.dat": python2(content)}


def dreamer(n_people=2, width=14):
    """Three clips each, whose numbers say person, clip and channel."""
    people = []
    for person in range(1, n_people + 1):
        clips = [person * 100 + c + np.zeros((300 + c, width)) + np.arange(width) / 100 for c in range(3)]
        leads = [person * 100 + c + np.zeros((600 + c, 2)) + np.arange(2) / 100 for c in range(3)]
        scores = {"ScoreValence": 4, "ScoreArousal": 2, "ScoreDominance": 3}
        signals = {"EEG": {"stimuli": cell(clips)}, "ECG": {"stimuli": cell(leads)}}
        people.append({"Age": "22", **signals, **{name: np.full((3, 1), n) for name, n in scores.items()}})
    content = {"Data": cell(people).T, "EEG_SamplingRate": 128, "ECG_SamplingRate": 256}
    return {"DREAMER.mat": mat(DREAMER=content)}


def seed():
    """Clips that hold their number."""
    clips = {f"djc_eeg{n}": n + np.zeros((62, 50 + n)) for n in (1, 2, 3)}
    return {
        "Preprocessed_EEG/1_20131027.mat": mat(**clips),
        "Preprocessed_EEG/label.mat": mat(label=np.array([[1, -1, 0]])),
    }


def facemask():
    box = "<xmin>3</xmin><ymin>4</ymin><xmax>20</xmax><ymax>20</ymax>"
    xml = f"<annotation><object><name>with_mask</name><bndbox>{box}</bndbox></object></annotation>"
    return {"images/maksssksksss0.png": picture(), "annotations/maksssksksss0.xml": xml.encode()}


def wider_face():
    text = b"0--Parade/0_Parade_1.jpg\n2\n3 4 10 12 2 0 0 0 1 0\n8 2 5 5 0 0 0 0 0 0\n"
    return {
        "WIDER_train/images/0--Parade/0_Parade_1.jpg": picture(form="JPEG"),
        "wider_face_split/wider_face_train_bbx_gt.txt": text,
    }


CORPORA = {
    "emodb": lambda: {"wav/03a01Fa.wav": sound(), "wav/16b10Wb.flac": sound(form="FLAC", pitch=0.3)},
    "ravdess": lambda: {
        "Actor_12/03-01-06-01-02-01-12.wav": sound(48000),
        "Actor_12/01-01-06-01-02-01-12/0001.png": picture(),
    },
    "crema_d": lambda: {"AudioWAV/1001_DFA_ANG_XX.wav": sound()},
    "tess": lambda: {"OAF_angry/OAF_back_angry.wav": sound(24414)},
    "savee": lambda: {"AudioData/DC/a01.wav": sound(44100)},
    "fer2013": fer2013,
    "ck_plus": ck_plus,
    "image_folder": lambda: {"happy/ann_1.png": picture(), "sad/ann_2.jpg": picture(form="JPEG")},
    "own": own,
    "stress_predict": stress_predict,
    "wesad": wesad,
    "cogwear": cogwear,
    "walking": walking,
    "muse": muse,
    "gameemo": game,
    "deap": deap,
    "dreamer": dreamer,
    "seed": seed,
}
BOXES = {
    "facemask": facemask,
    "wider_face": wider_face,
    "yolo": lambda: {"images/a.png": picture(), "labels/a.txt": b"0 0.5 0.5 0.25 0.5\n"},
}
