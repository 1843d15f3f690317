"""What a fusion study hands on to devices: weight, temperature and typical windows of each source, fold by fold."""

from emolib.core.artifacts import Run
from emolib.core.experiment import Experiment
from emolib.datasets import labels
from emolib.studies.fusion.pairing import learned_weights
from emolib.studies.fusion.study import Study
from emolib.studies.missing.bench import Channel


def record(run: Run, study: Study, variant: str) -> dict:
    """task, classes, and by source its modality, to_task (n_classes, n_to), and a dict a fold: weight, temperature,
    typicality, all learned on the fold's training and validation people. For JSON.

    Raises BadArtifact, BadSet.
    """
    weights = learned_weights(study.paired, "weighted")
    sources = {}
    for m, (name, found) in enumerate(zip(study.sources, study.found, strict=True)):
        source = Experiment.parse(name)
        experts = Channel.open(run, name, study.task, variant, found).experts
        folds = [
            {"weight": float(weights[k][m]), **expert.to_dict()}
            for k, expert in enumerate(experts)
            if k in weights
        ]
        to_task = labels.marginal(source.corpus, source.task, study.task)
        sources[name] = {"to_task": to_task.tolist(), "folds": folds}
    return {"task": study.task, "classes": list(study.paired.classes), "sources": sources}


def of_fold(record: dict, fold: int) -> dict:
    """The record as a bundle of one fold's models has it: of each source the dict of that fold, or of its last one."""
    sources = {
        name: {"to_task": found["to_task"], **found["folds"][min(fold, len(found["folds"]) - 1)]}
        for name, found in record["sources"].items()
    }
    return {**record, "sources": sources}
