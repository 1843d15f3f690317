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


@pytest.mark.skipif(not RUNS, reason="no finished run below results: `make reproduce` first")
def test_answers_are_the_pipelines_scores():
    run = Run(RUNS[0], "explore", {})
    explorer = Explorer(run, list(groups(run))[0])
    subject = explorer.subjects()[1]
    modality, name = next(iter(explorer.sources.items()))
    trial = explorer.recordings(modality, subject)[explorer.trials(subject)[0]]
    rows = explorer.rows[name]
    tested = (rows["part"] == "test") & (rows["subject"] == subject) & (rows["trial"] == trial.trial)
    expected = rows["static_wi8_ai8"][tested].mean(axis=0)
    np.testing.assert_allclose(explorer.answer(trial, explorer.windows(trial).X, "int8"), expected, atol=1e-5)
