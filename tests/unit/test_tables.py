"""Tables for people, and the numbers of a run for machines."""

import json
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd
import pytest

from emolib.core import summary
from emolib.core.errors import BadArtifact, BadParameter
from emolib.core.paths import PROJECT
from emolib.datasets.base import EmotionSet
from emolib.report import related_work as published
from emolib.report.tables import interval, rounded, styled, to_html, windows_table

THIN = "\u202f"


def test_windows_table_counts_every_window_once():
    subject = np.array(["b", "a", "b", "b"])
    windows = EmotionSet(np.zeros((4, 2)), np.array([0, 2, 2, 2]), subject, subject, ("calm", "sad", "angry"))
    table = windows_table(windows)
    assert table.columns.tolist() == ["calm", "sad", "angry", "total"]
    assert table.loc["a"].tolist() == [0, 0, 1, 1]
    assert table.loc["b"].tolist() == [1, 0, 2, 3]
    assert table.loc["total"].tolist() == [1, 0, 3, 4]


def test_interval():
    assert interval(78.31, 74.06, 82.04) == "78.3 (74.1–82.0)"
    assert interval(0.4, -1.23, 2) == "0.4 (-1.2 to 2.0)"
    assert interval(0.2, -0.04, 0.5) == "0.2 (0.0–0.5)"
    assert interval(78.31) == "78.3"


@pytest.mark.parametrize(
    "name, values, header, texts",
    [
        ("uar", [0.78312345, np.nan], "UAR (%)", ["78.3", "–"]),
        ("uar_low", [0.5, 1.0], "UAR low (%)", ["50.0", "100.0"]),
        ("p50_us", [1234.5678, 88.1], "p50 (µs)", [f"1{THIN}235", "88"]),
        ("runtime_ms", [3.14159, 0.25], "runtime (ms)", ["3.14", "0.25"]),
        ("runtime_ms", [5960.4, 0.002314], "runtime (ms)", [f"5{THIN}960", "0.00231"]),
        ("p_value", [0.31234, 0.00001], "p value", ["0.312", "<0.001"]),
        ("energy (mJ)", [12.3456, 1.0], "energy (mJ)", ["12.3", "1.0"]),
        ("saved_percent", [33.333333, 5.0], "saved (%)", ["33.3", "5.0"]),
        ("bytes", [123456, 7], "bytes", [f"123{THIN}456", "7"]),
        ("epochs", [12.0, np.nan], "epochs", ["12", "–"]),
        ("passed", [True, False], "passed", ["yes", "no"]),
        ("subject", ["01", None], "subject", ["01", "–"]),
    ],
)
def test_rounding(name, values, header, texts):
    text = rounded(pd.DataFrame({name: values}))
    assert text.columns.tolist() == [header]
    assert text[header].tolist() == texts


def test_arousal_classes_low_and_high_stay_counts():
    with_intervals = pd.DataFrame(
        {"uar": [0.5, 1.0], "uar_low": [0.41, np.nan], "uar_high": [0.6, np.nan], "gain_points": [12.5, 0.25]}
        | {"gain_points_low": [-1.0, 0.0], "gain_points_high": [20.0, 1.0]}
    )
    assert rounded(with_intervals).to_dict("list") == {
        "UAR (%)": ["50.0 (41.0–60.0)", "100.0"],
        "gain points": ["12.5 (-1.0 to 20.0)", "0.2 (0.0–1.0)"],
    }
    assert rounded(pd.DataFrame({"low": [0, 1], "high": [1, 1]})).columns.tolist() == ["low", "high"]


def test_html_is_escaped_and_aligned():
    html = to_html(pd.DataFrame({"rule <b>": ["a&b"], "uar": [0.5]}))
    assert '<th style="text-align:left">rule &lt;b&gt;</th>' in html and "a&amp;b" in html
    assert '<td style="text-align:right">50.0</td>' in html
    assert "<b>" not in html


def test_named_index_is_shown_and_text_is_the_same_in_every_run():
    table = pd.DataFrame({"uar": [0.123456789]}, index=pd.Index(["S01"], name="subject"))
    assert '<td style="text-align:left">S01</td>' in styled(table)._repr_html_()
    assert repr(styled(table)) == repr(styled(table.copy())) and "12.3" in repr(styled(table))
    assert "0x" not in repr(styled(table))


def entry(value, low=None, high=None, unit="fraction"):
    return summary.number(value, low, high, unit=unit, n=12, artifact="tables/fusion.csv")


def test_number_keeps_six_digits_and_whole_integers():
    assert entry(np.float32(0.123456789), 0.1, 0.2)["value"] == 0.123457
    assert entry(np.int64(123456789), unit="bytes")["value"] == 123456789
    assert entry(0.5)["low"] is None


@pytest.mark.parametrize("bad", [(np.nan,), (np.inf,), (0.5, np.nan, 0.6), (0.5, 0.6, 0.4)])
def test_number_refuses_what_json_or_a_reader_cannot_take(bad):
    with pytest.raises(BadParameter, match="tables/fusion.csv"):
        entry(*bad)


@pytest.mark.parametrize("bad", ["", "a/b", "two words", "*"])
def test_key_refuses_other_signs(bad):
    assert summary.key("emodb", "emotion7", "loso", "float32", "uar") == "emodb/emotion7/loso/float32/uar"
    with pytest.raises(BadParameter, match="variant"):
        summary.key("emodb", "emotion7", "loso", bad, "uar")


def test_merge_sorts_and_refuses_conflicts():
    assert list(summary.merge([{"b": entry(1)}, {"a": entry(2)}, {"b": entry(1)}])) == ["a", "b"]
    with pytest.raises(BadArtifact, match="b is 1 in tables/fusion.csv but 2"):
        summary.merge([{"b": entry(1)}, {"b": entry(2)}])


def test_every_published_number_has_ours_beside_it_where_this_run_measures_it():
    numbers = json.loads((PROJECT / "docs/results.json").read_text())
    to_come = ("_over_",)  # no meter was
    for row in published.PUBLISHED:
        if row.ours and not any(word in row.ours for word in to_come):
            assert [key for key in numbers if fnmatchcase(key, row.ours)], f"{row.metric}: {row.ours}"


def test_published_numbers_agree_among_themselves():
    """Runtime = FLOPs / speed, the ratio of FLOPs, and the accuracies behind each difference."""
    value = {(p.work, p.metric, p.task.split()[0]): p.value for p in published.PUBLISHED}
    three_layers = value[published.SHVED, "FLOPs, three layers", "facial"]
    assert value[published.SHVED, "runtime, three layers", "facial"] == pytest.approx(
        three_layers / 0.46, abs=0.1
    )
    assert value[published.SHVED, "FLOPs, AlexNet / reduced", "facial"] == pytest.approx(82.7 / 5.1, abs=0.5)
    assert value[published.TINYM2, "accuracy, float32 − mixed 4/8 bit", "COVID-19"] == pytest.approx(
        90.4 - 88.4
    )
    assert value[published.TINYM2, "accuracy, float32 − mixed 4/8 bit", "battlefield"] == pytest.approx(
        98.5 - 96.8
    )
    assert value[published.TINYM2, "accuracy, float32 − int8", "battlefield"] == pytest.approx(98.5 - 97.9)
    assert value[published.TINYM2, "accuracy, two modalities − one", "battlefield"] == pytest.approx(
        97.5 - 93.6
    )


def test_side_by_side_without_ours_says_so():
    table = published.side_by_side({})
    assert len(table) == len(published.PUBLISHED)
    assert set(table["ours"]) == {published.MISSING}
    assert table["what differs"].str.contains("Theirs: .+ Ours: .+").all()


def test_many_of_ours_beside_one_of_theirs_are_a_median_and_a_range():
    """Hand-computed: of ratios 1, 2, 4 and 9 the median is 3."""
    names = {"a": 4.0, "b": 1.0, "c": 9.0, "d": 2.0}
    numbers = {f"{name}/emotion/loso/int8_ratio/size": entry(value) for name, value in names.items()}
    for one in numbers.values():
        one["unit"] = "ratio"
    table = published.side_by_side(numbers)
    row = table[table.what.str.startswith("size, before / after")].iloc[0]
    assert row.ours == "3 ×, the median of 4: 1 × to 9 ×"
    few = published.side_by_side(dict(list(numbers.items())[:3]))
    assert (few.what == row.what).sum() == 3 and (table.what == row.what).sum() == 1


def test_side_by_side_puts_ours_in_the_published_unit():
    ours = {
        "synthetic/emotion/loso/mean/accuracy": entry(0.8834, 0.84, 0.92),
        "paired/arousal/loso/mean/accuracy": entry(0.7, 0.65, 0.75),
        "fer2013/emotion4/official/int8/bytes": entry(88_123, unit="bytes"),
        "fer2013/reduction/official/embedded/flops": entry(1_300_000, unit="FLOPs"),
        "synthetic/emotion/loso/int8_drop/points": entry(0.31, -0.8, 1.2, unit="points"),
        "emodb/emotion7/loso/float32/uar": entry(0.6),
    }
    table = published.side_by_side(ours)
    found = dict(table.loc[table["ours"] != published.MISSING, ["our key", "ours"]].to_numpy())
    assert found == {
        "paired/arousal/loso/mean/accuracy": "70.0 (65.0–75.0) %",
        "synthetic/emotion/loso/mean/accuracy": "88.3 (84.0–92.0) %",
        "fer2013/emotion4/official/int8/bytes": "0.0881 MB",
        "fer2013/reduction/official/embedded/flops": "1.3 million FLOPs",
        "synthetic/emotion/loso/int8_drop/points": "0.3 (-0.8 to 1.2) points",
    }


def test_windows_without_identities_are_tabled_by_split():
    subject = np.array(["image1", "image2", "image3"])
    split = np.array(["train", "test", "train"])
    windows = EmotionSet(
        np.zeros((3, 2)), np.array([0, 1, 1]), subject, subject, ("calm", "sad"), split=split
    )
    table = windows_table(windows)
    assert table.index.name == "split" and table.loc["train"].tolist() == [1, 1, 2]
