"""FER2013's copies, counted by hand beforehand: the audit finds every one, fast enough for a notebook."""

import time

import numpy as np
import pytest

from emolib.datasets import leaks, load, root_of, splits
from emolib.datasets.base import EmotionSet

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def faces():
    if not root_of("fer2013").exists():
        pytest.skip("FER2013 absent: set EMOLIB_DATA")
    trials = list(load("fer2013", "face"))
    X = np.stack([trial.data for trial in trials])[..., None].astype(np.float32) / 255
    labels = np.array([trial.label for trial in trials])
    names = np.array([trial.trial for trial in trials])
    classes, y = np.unique(labels, return_inverse=True)
    split = np.array([trial.split for trial in trials])
    return EmotionSet(X, y, names, names, tuple(classes.tolist()), 0.0, split)


def test_the_audit_finds_every_copy_within_a_minute(faces):
    start = time.perf_counter()
    [fold] = splits.folds(faces, "official")
    table = leaks.audit(faces, [fold]).set_index("check")["count"]
    assert time.perf_counter() - start < 60
    assert (len(fold.train), len(fold.val), len(fold.test)) == (28709, 3589, 3589)
    assert table["exact duplicates (groups)"] == 1516
    assert table["exact duplicates across sides (groups)"] == 557
    assert table["exact duplicates with conflicting labels (groups)"] == 57
    assert table["blank windows"] == 12
    assert table["near-duplicates across sides (pairs)"] > 0


def test_copies_can_be_removed(faces):
    [fold] = splits.folds(faces, "official")
    group = leaks.duplicates(faces.X)
    assert np.isin(group[fold.test], group[fold.train]).sum() == 288
    assert np.isin(group[fold.val], group[fold.train]).sum() == 280
    cleaned = leaks.without_duplicates(faces, fold)
    held_out = np.concatenate([cleaned.val, cleaned.test])
    assert not np.isin(group[cleaned.train], group[held_out]).any()
    assert not np.isin(group[cleaned.val], group[cleaned.test]).any()
    assert len(fold.train) - len(cleaned.train) == np.isin(group[fold.train], group[held_out]).sum() > 0
