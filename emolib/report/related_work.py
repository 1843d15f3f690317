"""Numbers of others, to stand beside ours with what differs: published ones of the work this project follows, and
those that public models reach on the files that ours are tested on.

Sources: On-device Multimodal Emotion Recognition on Neural Processing Unit (project page, Korean Institute
of Science and Technology); Shved, Towards Embedded Emotion Recognition (CS231n poster, 2019); Mikhaylevskiy,
Chernyavskiy, Pavlishen, Romanova, Solovyev, Fast Emotion Recognition Neural Network for IoT Devices (SED
2021); Rashid, Ovi, Busart, Gangopadhyay, Mohsenin, TinyM²Net (2022).
The public models were run by us in November 2026: mini-Xception of oarriaga/face_classification (Arriaga et al.
2017), LIGHT-SERNET (Aftab et al. 2022; trained by us for 50 epochs), YuNet (Wu et al. 2023), UltraFace (Linzaer 2019).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from emolib.report.results import named, pick
from emolib.report.tables import interval

NPU, SHVED = "On-device Multimodal Emotion Recognition on NPU", "Shved, Towards Embedded Emotion Recognition"
IOT, TINYM2 = "Mikhaylevskiy et al., Fast Emotion Recognition for IoT", "Rashid et al., TinyM²Net"
MINI, LIGHT = "Mini-Xception, its int8 file run by us", "LIGHT-SERNET, trained and run by us"
SVM, BOXES = "SVM of 407 functionals of MFCC and pitch, trained by us", "Public face detectors, run by us"
MISSING = "not measured in this run"
FEW = 3  # of our numbers beside one of theirs, each in a row of its own


@dataclass(frozen=True)
class Published:
    """One number of others and how it was measured (protocol).

    `ours`: columns and values of the results to put beside it; `differs`: how ours is measured.
    """

    work: str
    year: int | None
    task: str
    metric: str
    value: float
    unit: str
    protocol: str
    ours: dict[str, str]
    differs: str


_SHVED_DATA = "8 000 images of the Google Facial Expression Comparison set, one label each (9 % wrong)"
_FER = "FER2013, official split, 48 × 48 grey"
_SMALL = "; part of its pictures, few epochs"
_PI = "Raspberry Pi 3, traced PyTorch int8"
_CHUNKS = "2 s chunks drawn at random; whether one person is on both sides is not said"
_OURS_TRAINED = "same test images; duplicates of them removed from train, epoch picked on validation images"
_CONSTANT = (
    "all 329 pictures with one face, after one constant fit of the boxes, which leave the forehead out; "
)
_HELD_OUT = "trained on other pictures of this set, one face in each of 75 held-out ones"
_OTHER = "another task, only the change compares; UAR under the protocol that is named"
_SHVED = {"corpus": "fer2013"}
_FER4 = {"corpus": "fer2013", "task": "emotion4", "variant": "int8"}
_FER7 = {"corpus": "fer2013", "task": "emotion7", "variant": "int8"}
_FOUND = {"corpus": "facemask", "task": "detection", "variant": "int8"}
_EMODB = {"corpus": "emodb", "task": "emotion7", "variant": "int8"}


def _of(work: str, year: int | None, task: str, *rows: tuple) -> list[Published]:
    return [Published(work, year, task, *row) for row in rows]


PUBLISHED: list[Published] = [
    *_of(
        NPU, None, "emotion from heart rate, EEG, speech and images",
        ("accuracy, fused", 99.68, "%", "corpora, classes and split not given", {"variant": "mean", "metric": "accuracy", "condition": ""},
         "mean of int8 scores on test folds; people synthetic or paired by label, as named"),
        ("size, before / after", 1.47, "×", "model for the NPU, before and after compression",
         {"variant": "int8", "metric": "times_smaller_than_float32"}, ".tflite of one modality, float32 over int8"),
        ("power, GPU / NPU", 3.12, "×", "outlet power meter", {"metric": "times_the_energy"},
         "energy of one inference above idle, from logs of two meters; nothing where no meter was"),
    ),
    *_of(
        SHVED, 2019, "facial expression from one image",
        ("AUC, AlexNet", 0.70, "", _SHVED_DATA, _SHVED | {"model": "alexnet", "metric": "auc"}, _FER + _SMALL),
        ("AUC, reduced AlexNet", 0.66, "", "20 % of the AUC above 0.5 lost; " + _SHVED_DATA,
         _SHVED | {"model": "alexnet_searched", "metric": "auc"}, _FER + _SMALL),
        ("FLOPs, AlexNet / reduced", 16, "×", "82.7 to 5.1 million, reduced by hand",
         _SHVED | {"model": "alexnet_searched", "metric": "times_fewer_flops"}, _FER + "; reduced by search"),
        ("AUC, three layers", 0.62, "", _SHVED_DATA, _SHVED | {"model": "three_layers", "metric": "auc"}, _FER + _SMALL),
        ("FLOPs, three layers", 1.3, "million FLOPs", "224 × 224 input", _SHVED | {"model": "three_layers", "metric": "flops"},
         "widths and kernels chosen to meet it"),
        ("runtime, three layers", 2.9, "s", "modelled: Apollo3 at 0.46 million FLOP/s",
         {"corpus": "fer2013", "metric": "runtime", "device": "apollo3", "how": "modelled"}, _FER + "; modelled the same way"),
    ),
    *_of(
        IOT, 2021, "four facial expressions from one image",
        ("accuracy", 83, "%", "about 35 000 images of FER2013 and KDEF; split not given",
         _FER4 | {"metric": "accuracy"}, "FER2013, official split, no KDEF; int8"),
        ("classifier size", 1.1, "MB", _PI, _FER4 | {"metric": "bytes"}, "int8 .tflite; table2: their layers"),
        ("classifier latency", 56, "ms", _PI + ", 64 × 64 input",
         _FER4 | {"metric": "latency_p50"},
         "this computer, no Raspberry Pi; table2: their layers and input, else 48 × 48"),
    ),
    *_of(
        IOT, 2021, "face detection",
        ("IoU", 0.86, "", "about 5 000 images from several public sets",
         _FOUND | {"metric": "iou", "condition": "one face"}, "other images, one face in each, held out"),
        ("detector size", 4.95, "MB", _PI, _FOUND | {"metric": "bytes"}, ".tflite"),
        ("detector latency", 182, "ms", _PI + ", 288 × 288 input",
         {"corpus": "facemask", "metric": "detector_latency_p50"}, "this computer, no Raspberry Pi; table1: their layers"),
    ),
    *_of(
        TINYM2, 2022, "COVID-19 from cough and speech",
        ("accuracy, float32 − mixed 4/8 bit", 2.0, "points", "90.4 to 88.4 %; " + _CHUNKS,
         {"variant": "mixed", "metric": "uar_lost_to_int8"}, _OTHER + "; ours against int8"),
        ("accuracy, two modalities − one", 14.5, "points", "88.4 % fused; " + _CHUNKS, {"variant": "weighted", "metric": "uar_over_best_single", "condition": "", "model": ""},
         _OTHER + "; scores fused, theirs features"),
        ("accuracy, two modalities − one", 14.5, "points", "88.4 % fused; " + _CHUNKS, {"modality": "speech1+speech2", "model": "feature", "metric": "uar_over_best_single"},
         _OTHER + "; two recordings of one person, over our best network of one"),
    ),
    *_of(
        TINYM2, 2022, "battlefield objects from image and sound",
        ("accuracy, float32 − mixed 4/8 bit", 1.7, "points", "98.5 to 96.8 % (abstract; 97.5 % in the text)",
         {"variant": "mixed", "metric": "uar_lost_to_int8"}, _OTHER + "; ours against int8"),
        ("accuracy, float32 − 4 bit", 9.8, "points", "98.5 to 88.7 %; activations on 4 bits too",
         {"variant": "ptq_int4", "metric": "uar_lost_to_float32"}, _OTHER + "; 4-bit weights, 8-bit activations"),
        ("accuracy, float32 − int8", 0.6, "points", "98.5 to 97.9 %", {"variant": "int8", "metric": "uar_lost_to_float32"}, _OTHER),
        ("accuracy, two modalities − one", 3.9, "points", "97.5 % fused, 93.6 % image alone",
         {"variant": "weighted", "metric": "uar_over_best_single", "condition": "", "model": ""}, _OTHER + "; scores fused, theirs features"),
        ("accuracy, two modalities − one", 3.9, "points", "97.5 % fused, 93.6 % image alone",
         {"modality": "face+speech", "model": "feature", "metric": "uar_over_best_single"}, _OTHER + "; over our best network of one"),
    ),
    *_of(
        MINI, 2017, "facial expression from one image",
        ("accuracy, seven classes", 65.6, "%", "its epoch was picked on these test images; 64.1 % without those that "
         "are in train too", _FER7 | {"metric": "accuracy"}, _OURS_TRAINED),
        ("accuracy, four classes", 83.4, "%", "its epoch was picked on these test images",
         _FER4 | {"metric": "accuracy"}, _OURS_TRAINED),
        ("size", 101.1, "kB", "input 64 × 64", _FER7 | {"metric": "bytes"}, "int8 .tflite; input 48 × 48, table2: 64 × 64"),
    ),
    *_of(
        LIGHT, 2022, "seven emotions from speech, EmoDB",
        ("UAR, leave-one-speaker-out", 74.4, "%", "last of 50 epochs, whole utterances",
         _EMODB | {"protocol": "loso", "metric": "uar"}, "the CNN's epoch picked on validation speakers"),
        ("UAR, random split", 91.6, "%", "80/20, mean of two folds, float32, last of 50 epochs; the paper reports 94.2 % "
         "accuracy, its epoch picked on test", _EMODB | {"protocol": "leaky", "metric": "uar"},
         "our random split, int8, epoch picked on validation windows"),
        ("size", 494.3, "kB", "full int8", _EMODB | {"protocol": "loso", "metric": "bytes"}, "int8 .tflite"),
    ),
    *_of(
        SVM, 2026, "seven emotions from speech, EmoDB",
        ("UAR, leave-one-speaker-out", 67.7, "%", "C picked on inner speakers; 72.0 % when normalised within each "
         "speaker", _EMODB | {"protocol": "loso", "metric": "uar"}, "no normalisation by speaker"),
    ),
    *_of(
        BOXES, 2026, "face detection, facemask",
        ("IoU, YuNet-n", 0.800, "", _CONSTANT + "317 kB", _FOUND | {"metric": "iou", "condition": "one face"}, _HELD_OUT),
        ("IoU, YuNet-s", 0.781, "", _CONSTANT + "233 kB", _FOUND | {"metric": "iou", "condition": "one face"}, _HELD_OUT),
        ("IoU, UltraFace RFB", 0.736, "", _CONSTANT + "1271 kB", _FOUND | {"metric": "iou", "condition": "one face"}, _HELD_OUT),
    ),
]  # fmt: skip

FACTORS = {  # (unit of ours, published unit): factor
    ("fraction", "%"): 100,
    ("ratio", "×"): 1,
    ("bytes", "MB"): 1e-6,
    ("bytes", "kB"): 1e-3,
    ("us", "ms"): 1e-3,
    ("ms", "s"): 1e-3,
    ("FLOPs", "million FLOPs"): 1e-6,
}


def side_by_side(results: pd.DataFrame) -> pd.DataFrame:
    """A row per number of others and result of ours that answers it, one for all of them where they are more than FEW;
    MISSING where there is none."""
    rows = []
    for published in PUBLISHED:
        found = [row for _, row in pick(results, **published.ours).iterrows()]
        if len(found) > FEW:
            rows.append(_row(published, _span(found, published.unit), f"{len(found)} results"))
        else:
            rows += [_row(published, ours(row, published.unit), named(row)) for row in found]
        if not found:
            rows.append(_row(published, MISSING, "–"))
    return pd.DataFrame(rows)


def _span(found: list[pd.Series], unit: str) -> str:
    """Median and range of several of our numbers, without their intervals."""
    values = [row.value for row in found]
    bare = found[0].copy()
    bare[["low", "high"]] = np.nan
    middle, least, most = (
        ours(pd.Series({**bare, "value": of(values)}), unit) for of in (np.median, min, max)
    )
    return f"{middle}, the median of {len(values)}: {least} to {most}"


def _row(published: Published, value: str, result: str) -> dict[str, str]:
    return {
        "work": f"{published.work} ({published.year or 'undated'})",
        "what": f"{published.metric}: {published.task}",
        "theirs": f"{published.value:g} {published.unit}".strip(),
        "ours": value,
        "our result": result,
        "what differs": f"Theirs: {published.protocol}. Ours: {published.differs}.",
    }


def ours(row: pd.Series, unit: str) -> str:
    """One of our numbers in the published unit where it converts, else in its own, with its interval."""
    factor = FACTORS.get((row.unit, unit))
    own_unit = unit if factor else row.unit.replace("fraction", "")
    digits = ".1f" if own_unit in ("%", "points") else ".3g"
    scaled = (None if pd.isna(row[name]) else row[name] * (factor or 1) for name in ("value", "low", "high"))
    return f"{interval(*scaled, digits=digits)} {own_unit}".strip()
