"""Counts of the real corpora, as their publishers give them."""

import time
from collections import Counter

import pytest

from emolib.datasets import load, root_of

pytestmark = pytest.mark.acceptance


def trials(name, modality):
    if not root_of(name).is_dir():
        pytest.skip(f"{name} absent: set EMOLIB_DATA")
    dropped = []
    yield from load(name, modality, dropped)
    assert dropped == []


def test_emodb():
    found = [(t.label, t.subject, t.trial[2:5], len(t.data) / t.sfreq) for t in trials("emodb", "speech")]
    counts, subjects, texts, seconds = zip(*found, strict=True)
    assert Counter(counts) == {
        "anger": 127, "boredom": 81, "neutral": 79, "happiness": 71, "fear": 69, "sadness": 62, "disgust": 46,
    }  # fmt: skip
    assert len(set(subjects)) == len(set(texts)) == 10
    assert (round(min(seconds), 2), round(max(seconds), 2)) == (1.23, 8.98)


def test_fer2013():
    start = time.perf_counter()
    found = [(t.label, t.split, t.data.shape, t.subject) for t in trials("fer2013", "face")]
    seconds = time.perf_counter() - start
    counts, splits, shapes, subjects = zip(*found, strict=True)
    assert Counter(counts) == {
        "angry": 4953, "disgust": 547, "fear": 5121, "happy": 8989, "sad": 6077, "surprise": 4002,
        "neutral": 6198,
    }  # fmt: skip
    assert Counter(splits) == {"train": 28709, "val": 3589, "test": 3589}
    assert set(shapes) == {(48, 48)}
    assert len(set(subjects)) == 35887
    assert seconds < 40
