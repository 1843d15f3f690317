"""What explore shows of a finished run is what the pipeline scored."""

import numpy as np
import pytest

from emolib.artifacts import Run
from emolib.errors import BadArtifact
from emolib.explore import Explorer, groups
from emolib.paths import PROJECT

RUNS = [path.parent for path in (PROJECT / "results").glob("demo/summary.json")]


def test_no_run_is_one_line(tmp_path):
    with pytest.raises(BadArtifact, match="make reproduce"):
        groups(Run(tmp_path, "explore", {}))


def test_groups_are_finished_sources_and_part_by_network(tmp_path):
    names = [
        "synthetic-face-emotion-loso",
        "synthetic-face-emotion-loso-table2",
        "synthetic-eeg-emotion-loso",
    ]
    for name in [*names, "synthetic-heart-emotion-loso", "emodb-speech-emotion7-leaky"]:
        (tmp_path / "models" / name).mkdir(parents=True)
    (tmp_path / "scores").mkdir()
    for name in [*names, f"{names[0]}-ablation", "emodb-speech-emotion7-leaky", "some-study-of-mine", "cost"]:
        (tmp_path / f"scores/{name}-summary.json").write_text("{}")
    assert groups(Run(tmp_path, "explore", {})) == {
        "synthetic emotion loso": [names[2], names[0]],
        "synthetic emotion loso table2": [names[1]],
    }


@pytest.fixture(scope="module")
def seen():
    """An explorer of the demo run and one person's first trial in every modality."""
    if not RUNS:
        pytest.skip("no finished run below results: `make reproduce` first")
    run = Run(RUNS[0], "explore", {})
    explorer = Explorer(run, list(groups(run))[0])
    subject = explorer.subjects()[1]
    name = explorer.trials(subject)[0]
    return explorer, [explorer.recordings(modality, subject)[name] for modality in explorer.sources]


def test_answers_are_the_pipelines_scores(seen):
    explorer, trials = seen
    for trial in trials:
        rows = explorer.rows[explorer.sources[trial.modality]]
        asked = (rows["part"] == "test") & (rows["subject"] == trial.subject) & (rows["trial"] == trial.trial)
        expected = rows["static_wi8_ai8"][asked].mean(axis=0)
        found = explorer.answer(trial, explorer.windows(trial).X, "int8")
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("rule", ["weighted", "fitted", "mean", "product", "max", "vote"])
def test_fused_as_the_study_fused(seen, rule):
    explorer, trials = seen
    study = explorer.run.arrays("scores/synthetic-emotion-fusion.npz")
    row = (study["subject"] == trials[0].subject) & (study["trial"] == trials[0].trial)
    table = explorer.table(trials, rule).set_index(["modality", "variant"])
    assert rule in explorer.rules()
    np.testing.assert_allclose(table.loc[("fused", "int8")], study[f"scores_{rule}"][row][0], atol=1e-4)


@pytest.mark.parametrize("rule", ["weighted", "mean"])
def test_one_modality_left_is_the_fused_answer(seen, rule):
    explorer, trials = seen
    table = explorer.table(trials[1:2], rule).set_index(["modality", "variant"])
    left = table.loc[(trials[1].modality, "int8")]
    np.testing.assert_allclose(table.loc[("fused", "int8")], left, atol=1e-6)


def test_nothing_switched_on_is_an_empty_table(seen):
    assert seen[0].table([], "mean").empty
