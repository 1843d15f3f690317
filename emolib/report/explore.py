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
from emolib.core.experiment import Experiment
from emolib.datasets import labels
from emolib.datasets.base import Trial
from emolib.fusion.scores import RULES, fuse
from emolib.report import plots
from emolib.signals.frontend import feature_names, front_end

VARIANTS = ("float32", "int8")


class Explorer:
    """The sources of a run that share corpus, task, protocol and network: a group of `groups`."""

    def __init__(self, run: Run, group: str):
        self.run = run
        self.sources = {Experiment.parse(name).modality: name for name in groups(run)[group]}
        tested = []
        for modality, name in self.sources.items():
            scored = run.arrays(f"scores/{name}.npz")
            rows = {key: scored[key] for key in ("part", "subject", "trial", "fold")}
            rows |= {variant: list(scored[variant]) for variant in VARIANTS}
            tested.append(pd.DataFrame(rows).assign(modality=modality).query("part == 'test'"))
        self.tested, self.classes = pd.concat(tested), scored["classes"].tolist()  # a row a window
        self.weights = learned_weights(run, set(self.sources.values()))

    def subjects(self) -> list[str]:
        """The people who are tested in every modality."""
        return sorted(set.intersection(*self.tested.groupby("modality").subject.agg(set)))

    def trials(self, subject: str) -> list[str]:
        """The subject's trials that at least one modality was scored on."""
        return sorted(set(self.tested.trial[self.tested.subject == subject]))

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

    def table(self, trials: Sequence[Trial], rule: str) -> pd.DataFrame:
        """Scores of each modality, the mean over windows, and fused by one of the `rules`, in float32 and int8: modality,
        variant, and a column for each class. It is empty if no modality has a usable window."""
        rows, asked = [], [(trial.modality, trial.subject, trial.trial) for trial in trials]
        windows = self.tested[self.tested.set_index(["modality", "subject", "trial"]).index.isin(asked)]
        for variant in VARIANTS if len(windows) else ():
            by_modality = windows.groupby("modality", sort=False)[variant]
            scores = {modality: np.mean(np.stack(found), axis=0) for modality, found in by_modality}
            rows += [(modality, variant, *shares) for modality, shares in scores.items()]
            rows.append(("fused", variant, *self._fused(scores, rule, windows.fold.iloc[0])))
        return pd.DataFrame(rows, columns=["modality", "variant", *self.classes])

    def _fused(self, scores: dict[str, np.ndarray], rule: str, fold: int) -> np.ndarray:
        """Scores (n_classes,), with the weights that were learned in the fold that tests the subject."""
        missing = np.full_like(next(iter(scores.values())), np.nan)
        stacked = np.stack([scores.get(modality, missing) for modality in self.sources])[:, None]
        if rule not in set(self.weights.rule):
            return fuse(stacked, rule)[0]
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
            options = self.run.parameters_of(f"data/{self.sources[trial.modality]}.npz")["frontend"]
            front = front_end(trial.modality, **options)
            windows = front(trial.data, trial.sfreq, trial.kind)
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
    names = (path.name.removesuffix("-quantize.csv") for path in run.folder.glob("rows/*-*-*-*-quantize.csv"))
    for source in map(Experiment.parse, sorted(names)):
        if source.protocol != "leaky":  # its models have seen the person
            group = f"{source.corpus} {source.task} {source.protocol} {source.network}".rstrip()
            found.setdefault(group, []).append(str(source))
    if not found:
        raise BadArtifact(f"{run.folder} holds no finished source: `make reproduce` first.")
    return found
