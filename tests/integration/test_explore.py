"""What explore shows of a finished run is what the pipeline scored."""

import json
import re
import shutil
from collections import Counter
from itertools import chain

import numpy as np
import pytest

from emolib.core.artifacts import Run
from emolib.core.errors import BadArtifact
from emolib.core.experiment import Experiment, model_name
from emolib.core.notebook import run_in_place
from emolib.core.paths import PROJECT
from emolib.device.interpreter import Model
from emolib.fusion.scores import softmax
from emolib.models import crossval
from emolib.report.explore import Explorer, groups
from emolib.signals.frontend import front_end

DEMO = PROJECT / "results/demo"


def test_groups_are_finished_sources_and_part_by_network(tmp_path):
    with pytest.raises(BadArtifact, match="make reproduce"):
        groups(Run(tmp_path, "explore", {}))
    names = [f"synthetic-{name}" for name in ("face-emotion-loso", "face-emotion-loso-table2", "eeg-emotion-loso")]
    concluded = [f"{name}-quantize" for name in [*names, "emodb-speech-emotion7-leaky"]]
    concluded += [f"{names[0]}-ablation", "synthetic-heart-emotion-loso-train", "cost"]
    (tmp_path / "rows").mkdir()
    for name in concluded:
        (tmp_path / f"rows/{name}.csv").touch()
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


def test_answers_are_those_of_the_files_of_the_fold_that_tests_the_person(seen):
    """From the recording again: front end, standardiser, int8 file."""
    explorer, trials = seen
    table = explorer.table(trials, "mean").set_index(["modality", "variant"])
    for trial in trials:
        name = explorer.sources[trial.modality]
        fold = explorer.tested.set_index(["modality", "subject"]).fold[(trial.modality, trial.subject)].iloc[0]
        stem, options = model_name(name, fold), explorer.run.parameters_of(f"data/{name}.npz")["frontend"]
        data, _, _ = crossval.opened(explorer.run, Experiment.parse(name))
        X = data.X[(data.subject == trial.subject) & (data.trial == trial.trial)]  # EEG knows what was heard before
        recorded = front_end(trial.modality, **options)(trial.data, trial.sfreq, trial.kind).X
        np.testing.assert_allclose(np.asarray(X), recorded, rtol=1e-4, atol=1e-4)  # by any number of threads
        standardiser = crossval.load_standardiser(explorer.run, stem)
        with Model(explorer.run.read(f"{stem}-int8.tflite")) as model:
            expected = softmax(model.predict(standardiser(X))).mean(axis=0)
        np.testing.assert_allclose(table.loc[(trial.modality, "int8")], expected, atol=1e-5)


def test_fused_as_the_study_fused(seen):
    explorer, trials = seen
    if not (DEMO / "scores/synthetic-emotion-fusion.npz").exists():
        pytest.skip("the run has no fusion study")
    study = explorer.run.arrays("scores/synthetic-emotion-fusion.npz")
    row = (study["subject"] == trials[0].subject) & (study["trial"] == trials[0].trial)
    for rule in ("weighted", "fitted", "mean", "vote"):
        table = explorer.table(trials, rule).set_index(["modality", "variant"])
        assert rule in explorer.rules()
        np.testing.assert_allclose(table.loc[("fused", "int8")], study[f"scores_{rule}"][row][0], atol=1e-4)


def test_run_all_draws_the_first_trial(seen, tmp_path):
    """The answer as picture and table, then each recording with what the network gets of it, and the sound."""
    shutil.copy(PROJECT / "notebooks/explore.ipynb", tmp_path)
    run_in_place(tmp_path / "explore.ipynb")
    cells = json.loads((tmp_path / "explore.ipynb").read_text())["cells"]
    [outputs] = [cell["outputs"] for cell in cells if "display(widgets" in "".join(cell["source"])]
    shown = [output.get("data", {}) for output in outputs]
    kinds, text = Counter(chain(*shown)), "".join(chain(*(data.get("text/markdown", "") for data in shown)))
    n_windows = [int(n) for n in re.findall(r"(?:heart|eeg|speech|face): (\d+) windows", text)]
    assert len(n_windows) == len(seen[1]) and "True class: " in text
    assert kinds["image/png"] == 1 + len(n_windows) + sum(n > 0 for n in n_windows)
    assert kinds["text/html"] == 2
