"""Names of experiments, and the table of results: rows as notebooks write them, joined, asked, and held against goals."""

import math
from dataclasses import replace

import pandas as pd
import pytest

from emolib.core.artifacts import Run
from emolib.core.errors import BadParameter
from emolib.core.experiment import Experiment
from emolib.core.results import ROW, row, tidy, to_csv
from emolib.report import goals, related_work, results

OF = Experiment("emodb", "speech", "emotion7", "loso", "lda")
ABOUT = {"unit": "fraction", "n": 535, "artifact": "tables/x.csv"}
INT8 = row(OF, "uar", 0.7840000001, 0.732, 0.823, variant="int8", **ABOUT)


def table_of(rows: list[dict], tmp_path) -> pd.DataFrame:
    """The rows as a published table."""
    Run(tmp_path / "real", "03_quantize", {}).conclude("x-quantize", rows, "An answer.")
    return results.joined(Run(tmp_path / "real", "06_report", {}), ["x-quantize"])


def test_no_cell_of_a_table_is_a_formula(tmp_path):
    cells = ["=1+1", "@x", "+1", "-A1", "-0.6 (-1.3 to 0.0)", "a=b", -1.5]
    Run(tmp_path, "01_windows", {}).table("x", pd.DataFrame({"name": cells}), "Names.")
    found = pd.read_csv(tmp_path / "tables/x.csv").name.tolist()
    assert found == ["'=1+1", "'@x", "'+1", "'-A1", "-0.6 (-1.3 to 0.0)", "a=b", "-1.5"]


def test_what_one_notebook_warned_of_another_may_repeat(tmp_path):
    Run(tmp_path, "01_windows", {}).conclude("x-windows", [INT8], "An answer.", ["Copies."])
    later = Run(tmp_path, "02_train", {})
    assert later.cautions("x-windows") == ["Copies."] and "rows/x-windows.csv" in later.inputs


def test_a_name_is_read_as_it_is_written_and_another_refused():
    for name in ("synthetic-heart-emotion-loso", "fer2013-face-emotion4-official-table2"):
        assert str(Experiment.parse(name)) == name
    for name in ("emodb-speech", "emodb-speech-emotion7-loso-", "a-b-c-d-e-f"):
        with pytest.raises(BadParameter, match=f"source: got '{name}'"):
            Experiment.parse(name)


def test_a_row_says_what_the_number_is_of_and_a_table_has_one_of_it():
    assert list(INT8) == list(ROW)
    of = {"corpus": "emodb", "modality": "speech", "model": "lda", "variant": "int8"}
    assert INT8.items() >= {**of, "value": 0.784, "low": 0.732, "high": 0.823, "how": "measured"}.items()
    assert row(OF, "uar", 0.5, math.nan, math.nan, **ABOUT)["low"] == "", "an interval of one person"
    with pytest.raises(BadParameter, match="is nan, expected a finite number"):
        row(OF, "uar", math.nan, **ABOUT)
    one, other = (row(OF, "uar", value, **ABOUT) for value in (0.5, 0.6))
    assert to_csv([one, one]).count("\n") == 3
    with pytest.raises(BadParameter, match="Two results for emodb, emotion7, .*, measured: 0.5, 0.6"):
        to_csv([one, other])


def test_tidy_takes_each_number_of_a_table_once():
    table = pd.DataFrame({"variant": ["a", "b"], "n": 7, "uar": [0.1, 1e6], "auc": math.nan})
    found = tidy(OF, table, {"uar": "fraction", "auc": ""}, "tables/x.csv", {"uar": "best_uar"})
    told = [tuple(one[name] for name in ("metric", "value", "variant", "n")) for one in found]
    assert told == [("best_uar", 0.1, "a", 7), ("best_uar", 1e6, "b", 7)]


def test_goals_find_their_numbers_alone_and_are_compared_in_their_direction(tmp_path):
    """The random split is leaky: another goal. A goal that is met to the digit is reached."""
    leaky, less = replace(OF, protocol="leaky"), {**ABOUT, "variant": "int8"}
    rows = [INT8, row(OF, "uar", 0.9, variant="float32", **ABOUT), row(leaky, "uar", 0.94, **less)]
    rows.append(row(OF, "bytes", 250_000, variant="int8", unit="bytes", n=1, artifact="a"))
    rows.append(row(OF, "uar_lost_to_float32", 0.7, unit="points", n=535, variant="int8", artifact="a"))
    found = goals.table(table_of(rows, tmp_path)).set_index("goal")
    assert found.reached.to_dict() == {
        "EmoDB, unseen speakers: UAR of int8": False,
        "EmoDB: bytes of int8": True,
        "EmoDB, random split: UAR of int8": True,
        "int8 loses at most 0.5 points of UAR to float32": False,
    }
    assert found.value.iloc[0] == "0.784 (0.732–0.823)"
    # numbers of others stand beside ours
    beside = related_work.side_by_side(table_of([INT8], tmp_path))
    theirs = beside[beside.work.str.contains("LIGHT-SERNET") & beside.what.str.contains("leave-one")].iloc[0]
    assert (theirs.theirs, theirs.ours) == ("74.4 %", "78.4 (73.2–82.3) %")
    assert set(beside.ours[beside["our result"] == "–"]) == {related_work.MISSING}
