"""Each fold's network of a modality with what it learned of its people, and what a study hands on to devices."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emolib.core.artifacts import Run
from emolib.core.experiment import Experiment, model_name
from emolib.datasets import labels
from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import Fold
from emolib.device.interpreter import Model
from emolib.fusion import reliability
from emolib.fusion.reliability import Typicality
from emolib.fusion.scores import softmax
from emolib.models import crossval
from emolib.signals.standardise import Standardiser
from emolib.studies.fusion.pairing import TrialScores
from emolib.studies.fusion.study import Study, learned_weights


@dataclass(frozen=True, eq=False)
class Expert:
    """One fold's network of a modality, how sure its scores may be, and which windows are typical for it.

    `to_task` (n_classes, n_to) sums its classes into those of the study. `temperature` is fitted on the fold's val
    trials, `typicality` on its train windows.
    """

    file: Path
    standardiser: Standardiser
    to_task: np.ndarray
    temperature: float
    typicality: Typicality

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Scores (n_windows, n_to) of windows as training saw them before the standardiser."""
        with Model(self.file) as model:
            summed = softmax(model.predict(self.standardiser(X))) @ self.to_task + 1e-7  # as study.trials_of
        return summed / summed.sum(axis=1, keepdims=True)

    def statistics(self, X: np.ndarray) -> np.ndarray:
        """reliability.statistics of windows, (n_windows, 5)."""
        return reliability.statistics(self.standardiser(X))


def experts_of(
    run: Run, name: str, task: str, variant: str, found: TrialScores
) -> tuple[list[Expert], EmotionSet, list[Fold]]:
    """The expert of each fold of a source, whose scores `found` are; its windows and folds. Raises BadArtifact, BadSet."""
    source, experts = Experiment.parse(name), []
    data, folds, _ = crossval.opened(run, source)
    to_task = labels.marginal(source.corpus, source.task, task)
    for k, fold in enumerate(folds):
        stem = model_name(name, k)
        standardiser = crossval.load_standardiser(run, stem)
        typicality = Typicality.fit(reliability.statistics(standardiser(data.X[fold.train])))
        val = (found.fold == k) & (found.part == "val")
        temperature = reliability.temperature(found.scores[val], found.y[val])
        file = run.read(f"{stem}-{variant}.tflite")
        experts.append(Expert(file, standardiser, to_task, temperature, typicality))
    return experts, data, folds


def fusion_record(run: Run, study: Study, variant: str) -> dict:
    """What a device needs to fuse as the study does, for JSON: task, classes, sources.

    Each source has its to_task (n_classes, n_to) and a dict per fold: weight, temperature, typicality, all learned
    on the fold's training and validation people. Raises BadArtifact, BadSet.
    """
    sources, weights = {}, learned_weights(study.paired, "weighted")
    for m, (name, found) in enumerate(zip(study.sources, study.found, strict=True)):
        experts, _, _ = experts_of(run, name, study.task, variant, found)
        folds = []
        for k, expert in enumerate(experts):
            if k in weights:
                learned = {"temperature": expert.temperature, "typicality": expert.typicality.to_dict()}
                folds.append({"weight": float(weights[k][m]), **learned})
        sources[name] = {"to_task": experts[0].to_task.tolist(), "folds": folds}
    return {"task": study.task, "classes": list(study.paired.classes), "sources": sources}


def record_of_fold(record: dict, fold: int) -> dict:
    """The record as a bundle of one fold's models has it: of each source the dict of that fold, or of its last one."""
    sources = {
        name: {"to_task": found["to_task"], **found["folds"][min(fold, len(found["folds"]) - 1)]}
        for name, found in record["sources"].items()
    }
    return {**record, "sources": sources}
