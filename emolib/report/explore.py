"""One trial at a time: what was recorded, what the networks see, what they answer in float32 and in int8. The model that
answers is that of the fold that tests the trial's subject, so it has never seen that person."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice

import numpy as np
import pandas as pd
from IPython.display import Audio

from emolib import datasets
from emolib.core.artifacts import Caption, Run
from emolib.core.errors import BadArtifact
from emolib.core.experiment import Experiment, model_name
from emolib.datasets import labels, windowed
from emolib.datasets.base import Trial
from emolib.device.interpreter import Model
from emolib.fusion.scores import RULES, fuse, softmax
from emolib.report import plots
from emolib.signals.frontend import FRONT_ENDS, Windows, feature_names, front_end
from emolib.signals.standardise import Standardiser, by_subject

VARIANTS = ("float32", "int8")


class Explorer:
    """The sources of a run that share corpus, task, protocol and network: a group of `groups`."""

    def __init__(self, run: Run, group: str):
        self.run, self.group = run, group
        self.sources = {Experiment.parse(name).modality: name for name in groups(run)[group]}
        self.rows = {name: run.arrays(f"scores/{name}.npz") for name in self.sources.values()}
        self.weights = learned_weights(run, set(self.sources.values()))

    def subjects(self) -> list[str]:
        """The people who are tested in every modality."""
        tested = [rows["subject"][rows["part"] == "test"] for rows in self.rows.values()]
        return sorted(set.intersection(*(set(names.tolist()) for names in tested)))

    def trials(self, subject: str) -> list[str]:
        """The subject's trials that at least one modality was scored on."""
        found = [rows["trial"][rows["subject"] == subject] for rows in self.rows.values()]
        return sorted(set(np.concatenate(found).tolist()))

    def rules(self) -> list[str]:
        """The fusion rules. First come those whose weights a study of these sources learned."""
        return [*self.weights.rule.unique(), *(rule for rule in RULES if rule != "weighted")]

    @lru_cache(maxsize=8)  # noqa: B019 an explorer lives as long as its notebook
    def recordings(self, modality: str, subject: str) -> dict[str, Trial]:
        """The subject's recordings of one modality by trial, also those that were dropped."""
        name, wanted = self.sources[modality], set(self.trials(subject))
        options = self.run.parameters_of(f"data/{name}.npz")["corpus_options"]
        trials = datasets.load(Experiment.parse(name).corpus, modality, **options)
        theirs = (trial for trial in trials if trial.subject == subject and trial.trial in wanted)
        return {trial.trial: trial for trial in islice(theirs, len(wanted))}

    def fold(self, modality: str, subject: str) -> int:
        """Number of the fold that tests the subject."""
        rows = self.rows[self.sources[modality]]
        return int(rows["fold"][(rows["subject"] == subject) & (rows["part"] == "test")][0])

    def front(self, modality: str):
        """The front end that the modality's network was trained behind."""
        return front_end(modality, **self.run.parameters_of(f"data/{self.sources[modality]}.npz")["frontend"])

    def windows(self, trial: Trial) -> Windows:
        return self.front(trial.modality)(trial.data, trial.sfreq, trial.kind)

    def answer(self, trial: Trial, X: np.ndarray, variant: str) -> np.ndarray:
        """Scores (n_classes,) of a trial, the mean over its windows X."""
        name = self.sources[trial.modality]
        stem = model_name(name, self.fold(trial.modality, trial.subject))
        record = self.run.json(f"{stem}.json")
        if self.run.parameters_of(f"scores/{name}-keras.npz")["normalise"] == "subject":
            X = self.within_person(trial)
        with Model(self.run.read(f"{stem}-{variant}.tflite")) as model:
            return softmax(model.predict(Standardiser.from_dict(record["standardiser"])(X))).mean(axis=0)

    def within_person(self, trial: Trial) -> np.ndarray:
        """The trial's windows, standardised over all windows of the person, as in training."""
        data = windowed.from_arrays(self.run.arrays(f"data/{self.sources[trial.modality]}.npz"))
        of_person = data.part(np.flatnonzero((data.subject == trial.subject) & data.own))
        X = by_subject(of_person.X, of_person.subject, FRONT_ENDS[trial.modality].feature_axis)
        return X[of_person.trial == trial.trial]

    def table(self, trials: Sequence[Trial], rule: str) -> pd.DataFrame:
        """Scores of each modality and fused, in float32 and int8: modality, variant, and a column for each class. It is
        empty if no modality has a usable window."""
        rows, classes = [], self.rows[next(iter(self.sources.values()))]["classes"].tolist()
        heard = [(trial, found) for trial in trials if len(found := self.windows(trial).X)]
        for variant in VARIANTS if heard else ():
            scores = {trial.modality: self.answer(trial, X, variant) for trial, X in heard}
            rows += [(modality, variant, *shares) for modality, shares in scores.items()]
            rows.append(("fused", variant, *self.fused(scores, rule, heard[0][0].subject)))
        return pd.DataFrame(rows, columns=["modality", "variant", *classes])

    def fused(self, scores: dict[str, np.ndarray], rule: str, subject: str) -> np.ndarray:
        """Scores (n_classes,), fused by one of the `rules`, with the weights of the fold that tests the subject."""
        missing = np.full_like(next(iter(scores.values())), np.nan)
        stacked = np.stack([scores.get(modality, missing) for modality in self.sources])[:, None]
        if rule not in set(self.weights.rule):
            return fuse(stacked, rule)[0]
        fold = self.fold(next(iter(scores)), subject)
        learned = self.weights[(self.weights.rule == rule) & (self.weights.fold == fold)]
        return fuse(stacked, "weighted", learned.set_index("modality").weight[list(self.sources)])[0]

    def views(self, trials: Sequence[Trial], rule: str) -> Iterator:
        """What a notebook shows of one trial: the answer as picture and table, then each recording, its sound, and what
        the network gets of it."""
        table = self.table(trials, rule)
        if table.empty:
            yield Caption("Nothing is switched on, or nothing usable was recorded: there is no answer.")
        else:
            source = Experiment.parse(self.sources[trials[0].modality])
            label = labels.target(source.corpus, source.task, trials[0]) or "no class in this task"
            yield Caption(f"True class: {label}.")
            yield plots.scores(table)
            yield table
        for trial in trials:
            yield plots.trial(trial)
            front, windows = self.front(trial.modality), self.windows(trial)
            if trial.modality == "speech":
                yield Audio(trial.data, rate=int(trial.sfreq))
            if len(windows.X):
                names = feature_names(front, trial.kind)
                yield plots.window(windows.X[0], trial.modality, front.window_s, names)
            dropped = ", ".join(f"{n} for {reason}" for reason, n in windows.dropped.items()) or "none"
            yield Caption(f"{trial.modality}: {len(windows.X)} windows, dropped: {dropped}")


def learned_weights(run: Run, sources: set[str]) -> pd.DataFrame:
    """Columns rule, fold, modality, weight of the study of exactly these sources on the same people, if there is one."""
    for path in sorted((run.folder / "tables").glob("*-weights.csv")):
        name = f"tables/{path.name}"
        study = run.parameters_of(name)
        if set(study["sources"]) == sources and study["pairs"] == "same_trials":
            return pd.read_csv(run.read(name))
    return pd.DataFrame(columns=["rule", "fold", "modality", "weight"])


def groups(run: Run) -> dict[str, list[str]]:
    """Finished sources of a run by corpus, task, protocol and network. Raises BadArtifact if there is none."""
    found: dict[str, list[str]] = {}
    names = [path.name for path in (run.folder / "models").glob("*-*-*-*")]
    for name in sorted(name for name in names if (run.folder / f"rows/{name}-quantize.csv").exists()):
        source = Experiment.parse(name)
        if source.protocol == "leaky":
            continue  # its models have seen the person
        group = f"{source.corpus} {source.task} {source.protocol} {source.network}".rstrip()
        found.setdefault(group, []).append(name)
    if not found:
        raise BadArtifact(f"{run.folder} holds no finished source: `make reproduce` first.")
    return found
