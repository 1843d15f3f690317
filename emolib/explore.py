"""One trial at a time: what was recorded, what the networks see, what they answer in float32 and in int8.

The model asked is that of the fold that tests the trial's subject: it has never seen that person.
"""

import json
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pandas as pd

from emolib import datasets
from emolib.artifacts import Run
from emolib.datasets import labels
from emolib.datasets.base import Trial
from emolib.errors import BadArtifact
from emolib.fusion.scores import fuse, softmax
from emolib.runtime.interpreter import Model
from emolib.signals.frontend import FRONT_ENDS, Windows, front_end
from emolib.signals.standardise import Standardiser, by_subject
from emolib.sources import Source, model_name

VARIANTS = {"float32": "float32", "int8": "static_wi8_ai8"}


class Explorer:
    """The sources of a run that share corpus, task and protocol. Raises BadArtifact for a run without models."""

    def __init__(self, run: Run, group: str):
        self.run, self.group = run, group
        self.sources = {Source.parse(name).modality: name for name in groups(run)[group]}
        self.rows = {name: run.arrays(f"scores/{name}.npz") for name in self.sources.values()}

    def subjects(self) -> list[str]:
        """Everyone who is tested in every modality; the first 200 where every image has a name of its own."""
        tested = [rows["subject"][rows["part"] == "test"] for rows in self.rows.values()]
        return sorted(set.intersection(*(set(names.tolist()) for names in tested)))[:200]

    def trials(self, subject: str) -> list[str]:
        found = [rows["trial"][rows["subject"] == subject] for rows in self.rows.values()]
        return sorted(set(np.concatenate(found).tolist()))

    @lru_cache(maxsize=8)  # noqa: B019 one explorer lives as long as its notebook
    def recordings(self, modality: str, subject: str) -> dict[str, Trial]:
        """The subject's trials of one modality by name."""
        options = self.run.parameters_of(f"data/{self.sources[modality]}.npz")["corpus_options"]
        found = {}
        for trial in datasets.load(Source.parse(self.sources[modality]).corpus, modality, **options):
            if trial.subject == subject:
                found[trial.trial] = trial
            elif found:
                break  # loaders give one subject after the other
        return found

    def fold(self, modality: str, subject: str) -> int:
        """The fold that tests the subject."""
        rows = self.rows[self.sources[modality]]
        return int(rows["fold"][(rows["subject"] == subject) & (rows["part"] == "test")][0])

    def windows(self, trial: Trial) -> Windows:
        fields = self.run.parameters_of(f"data/{self.sources[trial.modality]}.npz")["frontend"]
        return front_end(trial.modality, **fields)(trial.data, trial.sfreq, trial.kind)

    def label(self, trial: Trial) -> str:
        source = Source.parse(self.sources[trial.modality])
        return labels.target(source.corpus, source.task, trial) or "no class in this task"

    def answer(self, trial: Trial, X: np.ndarray, variant: str) -> np.ndarray:
        """Scores (n_classes,), the mean over the windows X of a trial."""
        name = self.sources[trial.modality]
        stem = model_name(name, self.fold(trial.modality, trial.subject))
        record = json.loads(self.run.read(f"{stem}.json").read_text())
        if self.run.parameters_of(f"scores/{name}-keras.npz")["normalise"] == "subject":
            X = self.within_person(trial)
        with Model(self.run.read(f"{stem}-{VARIANTS[variant]}.tflite")) as model:
            return softmax(model.predict(Standardiser.from_dict(record["standardiser"])(X))).mean(axis=0)

    def within_person(self, trial: Trial) -> np.ndarray:
        """The trial's windows as training saw them: standardised over all windows of the person."""
        arrays = self.run.arrays(f"data/{self.sources[trial.modality]}.npz")
        of_person = arrays["subject"] == trial.subject
        X = by_subject(
            arrays["X"][of_person], arrays["subject"][of_person], FRONT_ENDS[trial.modality].feature_axis
        )
        return X[arrays["trial"][of_person] == trial.trial]

    def table(self, trials: Sequence[Trial]) -> pd.DataFrame:
        """Scores of each modality and their mean, float32 and int8: columns modality, variant, then classes."""
        rows, classes = [], self.rows[self.sources[next(iter(self.sources))]]["classes"].tolist()
        heard = [(trial, found) for trial in trials if len(found := self.windows(trial).X)]
        for variant in VARIANTS if heard else ():
            scores = np.array([self.answer(trial, X, variant) for trial, X in heard])
            rows += [(t.modality, variant, *s) for (t, _), s in zip(heard, scores, strict=True)]
            rows.append(("fused", variant, *fuse(scores[:, None], "mean")[0]))
        return pd.DataFrame(rows, columns=["modality", "variant", *classes])


def groups(run: Run) -> dict[str, list[str]]:
    """Sources of a run by corpus, task and protocol. Raises BadArtifact."""
    found: dict[str, list[str]] = {}
    for path in sorted((run.folder / "scores").glob("*-*-*-*-summary.json")):
        source = Source.parse(path.name.removesuffix("-summary.json"))
        if source.protocol == "leaky":
            continue  # its models have seen the person
        found.setdefault(f"{source.corpus} {source.task} {source.protocol}", []).append(str(source))
    if not found:
        raise BadArtifact(f"{run.folder} holds no finished source: `make reproduce` first.")
    return found
