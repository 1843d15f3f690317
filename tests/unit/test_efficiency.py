"""The efficiency metric by hand; the pick looks at validation alone."""

import numpy as np
import pandas as pd
import pytest

from emolib.studies import clipping as efficiency

COLUMNS = {
    "fold": np.zeros(8, int),
    "part": np.array(["val"] * 4 + ["test"] * 4),
    "y": np.array([0, 0, 1, 1] * 2),
    "subject": np.array(["a", "a", "b", "b", "c", "c", "d", "d"]),
    "trial": np.arange(8).astype(str),
}


def scores(answers):
    return np.eye(2)[answers] * 0.8 + 0.1


def test_metric_by_hand():
    assert efficiency.efficiency(0.72, 25, 0.80, 100) == pytest.approx(0.9 * 4)


def test_pick_by_validation_not_by_test():
    given = {
        "float32": scores([0, 0, 1, 1, 0, 0, 1, 1]),
        "good_on_test": scores([0, 1, 1, 1, 0, 0, 1, 1]),
        "good_on_val": scores([0, 0, 1, 1, 1, 1, 0, 0]),
    }
    table = pd.DataFrame({"variant": list(given), "bytes": [4000, 1000, 1000]})
    found = efficiency.with_efficiency(table, COLUMNS, given, "window")
    assert found.val_accuracy.tolist() == [1, 0.75, 1]
    assert found.efficiency.tolist() == [1, 3, 4]
    assert efficiency.pick(found) == "good_on_val"
