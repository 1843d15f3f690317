"""The committed results are a run's summary, rendered."""

import json

import pytest

from emolib.core.artifacts import Run
from emolib.core.errors import BadArtifact
from emolib.core.summary import number
from emolib.report import readme

TABLE = "tables/x.csv"
NUMBERS = {
    "emodb/emotion7/loso/float32/uar": number(0.619, 0.541, 0.693, unit="fraction", n=535, artifact=TABLE),
    "emodb/emotion7/loso/int8/uar": number(0.611, 0.53, 0.688, unit="fraction", n=535, artifact=TABLE),
    "emodb/emotion7/loso/int8/bytes": number(43095, unit="bytes", n=1, artifact=TABLE),
    "emodb/emotion7/loso/float32/macs": number(1417248, unit="MACs", n=1, artifact=TABLE),
}
ROW = "| emodb/emotion7/loso | 61.9 (54.1–69.3) | 61.1 (53.0–68.8) | 43.1 | – | – |"


def write(run, commit):
    with run.write(TABLE, commit=commit) as path:
        path.write_text("x\n1\n")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run with a summary, and a project of its own to write to."""
    run = Run(tmp_path / "results" / "real", "06_report", {"run": "real"})
    write(run, "a" * 40)
    run.write_json("summary.json", NUMBERS)
    (tmp_path / "docs").mkdir()
    start, end = readme.MARKS
    (tmp_path / "README.md").write_text(f"# before\n{start}\nold\n{end}\nafter\n")
    monkeypatch.setattr(readme, "PROJECT", tmp_path)
    return run


def test_the_table_stands_between_its_marks(run, tmp_path):
    for _ in range(2):
        readme.publish(run.folder)
        text = (tmp_path / "README.md").read_text()
        assert text.startswith("# before\n") and text.endswith("\nafter\n") and "old" not in text
        assert text.count(ROW) == 1


def test_every_number_is_there_with_its_artifact(run, tmp_path):
    readme.publish(run.folder)
    origin = {"run": "real", "commit": "a" * 40}
    found = json.loads((tmp_path / "docs/results.json").read_text())
    assert found == {key: entry | origin for key, entry in NUMBERS.items()}
    text = (tmp_path / "docs/RESULTS.md").read_text()
    assert "| `emodb/emotion7/loso/float32/uar` | 61.9 (54.1–69.3) % | 535 | real | `tables/x.csv` |" in text
    assert f"run `real` at commit {'a' * 12} by `make reproduce CONFIG=config/real.yaml`" in text
    assert "| 1,417,248 MACs | 1 |" in text and ROW in text
    theirs = next(line for line in text.splitlines() if "LIGHT-SERNET" in line and "leave-one" in line)
    assert "| 74.4 % | 61.1 (53.0–68.8) % | emodb/emotion7/loso/int8/uar |" in theirs


def test_networks_of_several_branches_stand_beside_weighted_scores(run, tmp_path):
    both = "synthetic/emotion/loso/face+speech"
    numbers = {}
    for way, gone in ("feature", -30.5), ("weighted", 0.0), ("vote", 0.0), ("only_face", 4.75):
        numbers[f"{both}_{way}/uar"] = number(0.875, unit="fraction", n=400, artifact=TABLE)
        numbers[f"{both}_{way}/gain_points"] = number(2.25, -0.25, 5.5, unit="points", n=400, artifact=TABLE)
        numbers[f"{both}_{way}_missing_one/worst_points"] = number(gone, unit="points", n=400, artifact=TABLE)
    run.write_json("summary.json", numbers)
    readme.publish(run.folder)
    text = (tmp_path / "docs/RESULTS.md").read_text()
    feature, alone, weighted = (f"| {both} | {way} | 87.5" for way in ("feature", "only_face", "weighted"))
    assert f"{feature} | – | 2.25 (-0.25 to 5.50) | -30.50 |\n{alone}" in text and weighted in text
    assert "| vote |" not in text


def another(run, key: str) -> Run:
    """A run named faces with one number."""
    other = Run(run.folder.with_name("faces"), "06_report", {})
    write(other, "c" * 40)
    other.write_json("summary.json", {key: number(0.87, 0.85, 0.89, unit="fraction", n=75, artifact=TABLE)})
    return other


def test_a_second_run_stands_beside_the_first(run, tmp_path):
    other = another(run, "facemask/single_face/heldout/detector/iou")
    for folder in (run.folder, other.folder, other.folder):
        readme.publish(folder)
    found = json.loads((tmp_path / "docs/results.json").read_text())
    assert len(found) == len(NUMBERS) + 1 and {entry["run"] for entry in found.values()} == {"real", "faces"}
    text = (tmp_path / "README.md").read_text()
    assert text.count(ROW) == 1 and "| ≥ 0.86 | 0.870 (0.850–0.890) | yes |" in text
    assert f"run `faces` at commit {'c' * 12}" in text and f"run `real` at commit {'a' * 12}" in text


def test_one_key_of_two_runs_is_refused(run):
    readme.publish(run.folder)
    key = min(NUMBERS)
    with pytest.raises(BadArtifact, match=f"{key} of run real, and .*faces has it too"):
        readme.publish(another(run, key).folder)


def test_two_networks_of_a_task_have_a_row_each_and_synthetic_ones_none():
    numbers = {f"a/b/c/{name}int8/uar": NUMBERS["emodb/emotion7/loso/float32/uar"] for name in ("", "n_")}
    numbers["synthetic/b/c/int8/uar"] = numbers["a/b/c/int8/uar"]
    numbers["a/b/c/n_int8_ratio/size"] = number(3.5, unit="ratio", n=1, artifact=TABLE)
    uar = "61.9 (54.1–69.3)"
    assert readme.rows(numbers) == [
        ["a/b/c", "–", uar, "–", "–", "–"],
        ["a/b/c/n", "–", uar, "–", "–", "3.50"],
    ]


def test_an_altered_summary_is_refused(run):
    (run.folder / "summary.json").write_text("{}")
    with pytest.raises(BadArtifact, match="summary.json"):
        readme.publish(run.folder)


@pytest.mark.parametrize("commit", ["", "b" * 40 + "+"])
def test_numbers_of_changed_files_are_not_published(run, commit):
    write(run, commit)
    with pytest.raises(BadArtifact, match="expected one commit without changed files"):
        readme.publish(run.folder)


def test_numbers_of_several_commits_are_not_published(run):
    run.read(TABLE)
    with run.write("tables/y.csv", commit="b" * 40) as path:
        path.write_text("y\n1\n")
    run.write_json("summary.json", {"a/b/c/d/e": number(1, unit="ratio", n=1, artifact="tables/y.csv")})
    with pytest.raises(BadArtifact, match="aaaa, bbbb"):
        readme.publish(run.folder)


def test_several_seeds_have_a_row_for_each_way_to_normalise():
    def share(value, *ends):
        return number(value, *ends, unit="fraction", n=8, artifact=TABLE)

    of = "a/b/c/heart_repeats_"
    numbers = {
        f"{of}subject/uar": share(0.6, 0.5, 0.7),
        f"{of}subject_gain/points": number(10, 1, 20, unit="points", n=8, artifact=TABLE),
        f"{of}train/uar": share(0.5, 0.4, 0.6),
        f"{of}train/uar_seeds_sd": share(0.02),
    }
    lines = readme.repeat_lines(numbers).splitlines()
    assert "| a/b/c/heart | subject | 60.0 (50.0–70.0) | – | – | – | 10.00 (1.00–20.00) |" in lines
    assert "| a/b/c/heart | train | 50.0 (40.0–60.0) | 2.0 | – | – | – |" in lines
    assert not readme.repeat_lines({})


@pytest.mark.parametrize(("low", "said"), [(0.0, True), (0.4, False)])
def test_a_gain_that_may_be_none_is_said_to_be_none(low, said):
    paired = "paired/arousal/loso"
    numbers = {
        f"{paired}/weighted/uar": number(0.89, 0.8, 0.97, unit="fraction", n=112, artifact=TABLE),
        f"{paired}/fusion_gain/points": number(1.9, low, 4.3, unit="points", n=112, artifact=TABLE),
    }
    line = readme.fusion_lines(numbers)
    assert "Optimistic" in line and "Synthetic" not in line and ("no gain is shown" in line) is said


@pytest.mark.parametrize(
    "unit, text",
    [
        ("percent", "88.9 %"),
        ("kB", "88.9 kB"),
        ("LSB", "89 LSB"),
        ("cycles", "89 cycles"),
        ("BOPs", "89 BOPs"),
    ],
)
def test_units_of_the_compression_lab_are_known(unit, text):
    assert readme.cell(number(88.9, unit=unit, n=1, artifact="x.csv")) == text
