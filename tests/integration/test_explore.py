"""What explore shows of a finished run is what the pipeline scored."""

import json
import shutil

import numpy as np
import pytest

from emolib.core.artifacts import Run
from emolib.core.errors import BadArtifact
from emolib.core.notebook import run_in_place
from emolib.core.paths import PROJECT
from emolib.report.explore import Explorer, groups

DEMO = PROJECT / "results/demo"


def test_groups_are_finished_sources_and_part_by_network(tmp_path):
    with pytest.raises(BadArtifact, match="make reproduce"):
        groups(Run(tmp_path, "explore", {}))
    names = [
        "synthetic-face-emotion-loso",
        "synthetic-face-emotion-loso-table2",
        "synthetic-eeg-emotion-loso",
    ]
    for name in [*names, "synthetic-heart-emotion-loso", "emodb-speech-emotion7-leaky"]:
        (tmp_path / "models" / name).mkdir(parents=True)
    (tmp_path / "rows").mkdir()
    concluded = [f"{name}-quantize" for name in [*names, "emodb-speech-emotion7-leaky"]]
    for name in [*concluded, f"{names[0]}-ablation", "synthetic-heart-emotion-loso-train", "cost"]:
        (tmp_path / f"rows/{name}.csv").write_text("")
    assert groups(Run(tmp_path, "explore", {})) == {
        "synthetic emotion loso": [names[2], names[0]],
        "synthetic emotion loso table2": [names[1]],
    }


@pytest.fixture(scope="module")
def seen():
    """An explorer of the demo run and one person's first trial in every modality."""
    if not (DEMO / "rows").exists():
        pytest.skip("no finished run below results: `make reproduce` first")
    run = Run(DEMO, "explore", {})
    explorer = Explorer(run, list(groups(run))[0])
    subject = explorer.subjects()[1]
    name = explorer.trials(subject)[0]
    return explorer, [explorer.recordings(modality, subject)[name] for modality in explorer.sources]


def test_answers_are_the_pipelines_scores(seen):
    explorer, trials = seen
    for trial in trials:
        rows = explorer.rows[explorer.sources[trial.modality]]
        asked = (rows["part"] == "test") & (rows["subject"] == trial.subject) & (rows["trial"] == trial.trial)
        expected = rows["int8"][asked].mean(axis=0)
        found = explorer.answer(trial, explorer.windows(trial).X, "int8")
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("rule", ["weighted", "fitted", "mean", "vote"])
def test_fused_as_the_study_fused(seen, rule):
    explorer, trials = seen
    if not (DEMO / "scores/synthetic-emotion-fusion.npz").exists():
        pytest.skip("the run has no fusion study")
    study = explorer.run.arrays("scores/synthetic-emotion-fusion.npz")
    row = (study["subject"] == trials[0].subject) & (study["trial"] == trials[0].trial)
    table = explorer.table(trials, rule).set_index(["modality", "variant"])
    assert rule in explorer.rules()
    np.testing.assert_allclose(table.loc[("fused", "int8")], study[f"scores_{rule}"][row][0], atol=1e-4)


def test_one_modality_left_is_the_fused_answer(seen):
    explorer, trials = seen
    assert explorer.table([], "mean").empty
    for rule in (explorer.rules()[0], "mean"):  # the first has learned weights, where a study has some
        table = explorer.table(trials[1:2], rule).set_index(["modality", "variant"])
        left = table.loc[(trials[1].modality, "int8")]
        np.testing.assert_allclose(table.loc[("fused", "int8")], left, atol=1e-6)


def drawn(path):
    """Types of what stands below the menus of a notebook, and what it says."""
    cells = json.loads(path.read_text())["cells"]
    [outputs] = [cell["outputs"] for cell in cells if "display(widgets" in "".join(cell["source"])]
    shown = [output.get("data", {}) for output in outputs]
    text = [line for data in shown for line in data.get("text/markdown", [])]
    return [kind for data in shown for kind in data if kind in ("image/png", "text/html")], "".join(text)


def test_run_all_draws_the_first_trial(seen, tmp_path):
    """The answer as picture and table, then each recording with what the network gets of it, and the sound."""
    explorer = seen[0]
    name = explorer.trials(explorer.subjects()[0])[0]
    trials = [explorer.recordings(modality, explorer.subjects()[0])[name] for modality in explorer.sources]
    pictures = {one.modality: 1 + (len(explorer.windows(one).X) > 0) for one in trials}
    shutil.copy(PROJECT / "notebooks/explore.ipynb", tmp_path)
    run_in_place(tmp_path / "explore.ipynb")
    kinds, text = drawn(tmp_path / "explore.ipynb")
    assert kinds.count("image/png") == 1 + sum(pictures.values())
    assert kinds.count("text/html") == 2 and "True class: " in text
    assert all(f"{one.modality}: " in text for one in trials)
