"""Tables for people: rounded, with units and intervals."""

import numpy as np
import pandas as pd
import pytest

from emolib.datasets.base import EmotionSet
from emolib.report.tables import interval, rounded, windows_table

THIN = "\u202f"


def test_windows_table_counts_every_window_once():
    y, classes = np.array([0, 2, 2, 2]), ("calm", "sad", "angry")
    subject, split = np.array(["b", "a", "b", "b"]), np.array(["train", "test"] * 2)
    table = windows_table(EmotionSet(np.zeros((4, 2)), y, subject, subject, classes))
    assert table.columns.tolist() == ["calm", "sad", "angry", "total"]
    assert table.loc["a"].tolist() == [0, 0, 1, 1]
    assert table.loc["total"].tolist() == [1, 0, 3, 4]
    nameless = np.array(["image1", "image2", "image3", "image4"])
    table = windows_table(EmotionSet(np.zeros((4, 2)), y, nameless, nameless, classes, split=split))
    assert table.index.name == "split" and table.loc["train"].tolist() == [1, 0, 1, 2]


@pytest.mark.parametrize(("name", "values", "header", "texts"), [
    ("uar", [0.78312345, np.nan], "UAR (%)", ["78.3", "–"]),
    ("p50_us", [1234.5678, 88.1], "p50 (µs)", [f"1{THIN}235", "88"]),
    ("runtime_ms", [5960.4, 0.002314], "runtime (ms)", [f"5{THIN}960", "0.00231"]),
    ("p_value", [0.31234, 0.00001], "p value", ["0.312", "<0.001"]),
    ("saved_percent", [33.333333, 5.0], "saved (%)", ["33.3", "5.0"]),
    ("bytes", [123456, 7], "bytes", [f"123{THIN}456", "7"]),
    ("epochs", [12.0, np.nan], "epochs", ["12", "–"]),
    ("passed", [True, False], "passed", ["yes", "no"]),
    ("subject", ["01", None], "subject", ["01", "–"]),
])  # fmt: skip
def test_rounding(name, values, header, texts):
    text = rounded(pd.DataFrame({name: values}))
    assert text.columns.tolist() == [header] and text[header].tolist() == texts


def test_intervals_join_their_number_and_classes_low_and_high_stay_counts():
    table = pd.DataFrame({"uar": [0.5, 1.0], "gain_points": [12.5, 0.25]})
    table = table.assign(uar_low=[0.41, np.nan], uar_high=[0.6, np.nan], gain_points_low=[-1.0, 0.0])
    assert rounded(table.assign(gain_points_high=[20.0, 1.0])).to_dict("list") == {
        "UAR (%)": ["50.0 (41.0–60.0)", "100.0"],
        "gain points": ["12.5 (-1.0 to 20.0)", "0.2 (0.0–1.0)"],
    }
    assert rounded(pd.DataFrame({"low": [0, 1], "high": [1, 1]})).columns.tolist() == ["low", "high"]
    assert interval(78.31, 74.06, 82.04) == "78.3 (74.1–82.0)"
    assert interval(0.4, -1.23, 2) == "0.4 (-1.2 to 2.0)"
    assert interval(-0.01, np.nan, np.nan) == interval(-0.01) == "0.0"
