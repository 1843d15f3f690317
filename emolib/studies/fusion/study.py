"""A fusion study: the scores of several sources paired on a common task, and every rule beside every source."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.errors import BadParameter
from emolib.core.experiment import Experiment
from emolib.core.summary import key, number
from emolib.datasets import labels
from emolib.evaluation import comparison, metrics
from emolib.studies.fusion import pairing
from emolib.studies.fusion.pairing import Paired, TrialScores

PAIRS = ("same_trials", "label_paired")
OPTIMISTIC = (
    "These trials are virtual: the corpora share no people, so trials of strangers were paired by label. That "
    "makes the errors of the modalities independent, which is when fusion gains most: the fused number is "
    "optimistic, and no system measured on the same people should expect it."
)


def trials_of(run: Run, name: str, task: str, variant: str) -> TrialScores:
    """A source's scores by trial and fold, its classes summed into those of `task`.

    Trials of a class that has no side in `task` are left out; so is a class's share of the scores, which are
    then normalised again. Raises BadParameter for a variant without scores, and for a task that the source's
    classes do not determine.
    """
    source, arrays = Experiment.parse(name), run.arrays(f"scores/{name}.npz")
    variants = [key for key in arrays if arrays[key].ndim == 2]
    if variant not in variants:
        raise BadParameter(f"variant: got {variant!r}, {name} has scores of {', '.join(variants)}.")
    to = labels.marginal(source.corpus, source.task, task)
    classes = labels.classes(source.corpus, task)
    kept = to[arrays["y"]].sum(axis=1) > 0
    columns = {k: arrays[k][kept] for k in pairing.COLUMNS} | {"y": to[arrays["y"][kept]].argmax(axis=1)}
    scores = arrays[variant][kept] @ to + 1e-7
    scores /= scores.sum(axis=1, keepdims=True)
    return pairing.by_trial(source.modality, classes, columns, scores.astype(np.float32))


def caution_of(pairs: str) -> str:
    """What must stand beside a number of trials paired in this way; "" for trials of the same people."""
    return OPTIMISTIC if pairs == "label_paired" else ""


def unit_of(pairs: str) -> str:
    """What tests over subjects are over: virtual ones are not people."""
    return comparison.VIRTUAL if pairs == "label_paired" else comparison.SUBJECT


def key_of(pairs: str, source: Experiment, task: str, variant: str, metric: str) -> str:
    """Key in summary.json of a study whose first source this is; on label-paired trials the corpus is `paired`."""
    corpus = "paired" if pairs == "label_paired" else source.corpus
    return key(corpus, task, source.protocol, variant, metric)


@dataclass(frozen=True)
class Study:
    """Paired scores of several sources, and what is reported of them; `rule` is the one fixed beforehand.

    `found` are the sources' scores before they were paired.
    """

    sources: tuple[str, ...]
    task: str
    pairs: str
    n_virtual: int
    found: tuple[TrialScores, ...]
    paired: Paired
    rule: str
    seed: int

    @classmethod
    def load(
        cls,
        run: Run,
        sources: Sequence[str],
        task: str,
        pairs: str,
        n_virtual: int,
        variant: str,
        rule: str,
        seed: int,
    ) -> "Study":
        """Raises BadParameter for less than two sources and for names that there are not, BadArtifact, BadSet."""
        if len(sources) < 2:
            raise BadParameter(f"sources: got {list(sources)}, expected two or more to fuse.")
        if rule not in pairing.FUSED:
            raise BadParameter(f"rule: got {rule!r}, expected one of {', '.join(pairing.FUSED)}.")
        if pairs not in PAIRS:
            raise BadParameter(f"pairs: got {pairs!r}, expected {' or '.join(PAIRS)}.")
        found = [trials_of(run, name, task, variant) for name in sources]
        paired = (
            pairing.same_trials(found)
            if pairs == "same_trials"
            else pairing.label_paired(found, n_virtual, seed)
        )
        return cls(tuple(sources), task, pairs, n_virtual, tuple(found), paired, rule, seed)

    @property
    def y(self) -> np.ndarray:
        return self.paired.y[self.paired.is_test]

    @property
    def subject(self) -> np.ndarray:
        return self.paired.subject[self.paired.is_test]

    @cached_property
    def scores(self) -> dict[str, np.ndarray]:
        """Test scores (n_test, n_classes) of each modality and each rule, as `pairing.evaluate_rules` gives them."""
        return pairing.evaluate_rules(self.paired)

    def counts(self) -> pd.DataFrame:
        """Test trials of each class, and how many of them each modality has."""
        test = self.paired.is_test
        table = pd.DataFrame({"class": self.paired.classes})
        table["trials"] = np.bincount(self.y, minlength=len(self.paired.classes))
        for modality, scores in zip(self.paired.modalities, self.paired.scores, strict=True):
            there = ~np.isnan(scores[test]).any(axis=1)
            table[modality] = np.bincount(self.y[there], minlength=len(self.paired.classes))
        return table

    def table(self) -> pd.DataFrame:
        """Columns rule, kind, n, uar, uar_low, uar_high, accuracy, macro_f1: single modalities first."""
        rows = []
        for rule, scores in self.scores.items():
            found = metrics.evaluate(self.y, scores, self.subject, seed=self.seed)
            uar = found["uar"]
            kind = "single" if rule in self.paired.modalities else "fused"
            rows.append(
                {
                    "rule": rule,
                    "kind": kind,
                    "n": len(self.y),
                    "uar": uar.value,
                    "uar_low": uar.low,
                    "uar_high": uar.high,
                }
                | {name: found[name].value for name in ("accuracy", "macro_f1")}
            )
        return pd.DataFrame(rows)

    def per_subject(self) -> pd.DataFrame:
        """UAR of each modality and each rule (columns) for each subject (index), who may be virtual."""
        return comparison.per_subject(self.y, self.scores, self.subject, unit_of(self.pairs))

    def best_single(self) -> str:
        """The modality with the highest test UAR."""
        return max(self.paired.modalities, key=lambda name: self.uar(self.scores[name]))

    def uar(self, scores: np.ndarray) -> float:
        """UAR of scores (n_test, n_classes)."""
        return float(metrics.uar(metrics.confusion(self.y, scores)))

    def gain(self, rule: str) -> dict[str, float]:
        """Points of UAR of a rule over the best single modality: gain_points with its interval, p."""
        single, fused = self.scores[self.best_single()], self.scores[rule]
        found = metrics.paired_gain(self.y, single, fused, self.subject, seed=self.seed)
        ends = {"gain_points": found.value, "gain_points_low": found.low, "gain_points_high": found.high}
        return {**ends, "p": found.p}

    def gains(self) -> pd.DataFrame:
        """Columns rule, best_single and those of `gain`, a row for each rule."""
        rules, best = [rule for rule in self.scores if rule not in self.paired.modalities], self.best_single()
        return pd.DataFrame([{"rule": rule, "best_single": best, **self.gain(rule)} for rule in rules])

    def without(self, modality: str) -> "Study":
        """The study of the other modalities, on the trials that have any of them."""
        m = self.paired.modalities.index(modality)
        sources, found, left = (
            each[:m] + each[m + 1 :] for each in (self.sources, self.found, self.paired.modalities)
        )
        paired = self.paired.only(left)
        return replace(self, sources=sources, found=found, paired=paired.part_of(paired.has_any))

    def missing_one(self) -> pd.DataFrame:
        """UAR of the reported rule with one modality gone beside the best of those left, in points of UAR."""
        rows = []
        for modality in self.paired.modalities:
            study = self.without(modality)
            rows.append(
                {
                    "missing": modality,
                    "n": len(study.y),
                    "uar": study.uar(study.scores[self.rule]),
                    "best_left": study.best_single(),
                    **study.gain(self.rule),
                }
            )
        return pd.DataFrame(rows)

    def weights(self, rules: Sequence[str]) -> pd.DataFrame:
        """Columns rule, fold, modality, weight of the rules that learn weights."""
        rows = [
            (rule, fold, modality, weight)
            for rule in rules
            for fold, of_fold in pairing.learned_weights(self.paired, rule).items()
            for modality, weight in zip(self.paired.modalities, of_fold, strict=True)
        ]
        return pd.DataFrame(rows, columns=["rule", "fold", "modality", "weight"])

    def arrays(self) -> dict[str, np.ndarray]:
        """Test trials for an .npz: y, subject, trial, classes and the scores of every rule."""
        found = {f"scores_{rule}": scores for rule, scores in self.scores.items()}
        trial = self.paired.trial[self.paired.is_test]
        return {
            "y": self.y,
            "subject": self.subject,
            "trial": trial,
            "classes": np.array(self.paired.classes),
        } | found

    def caution(self) -> str:
        """What must stand beside the number; "" for trials of the same people."""
        return caution_of(self.pairs)

    def key(self, variant: str, metric: str) -> str:
        """Key in summary.json; on label-paired trials the corpus is `paired`."""
        return key_of(self.pairs, Experiment.parse(self.sources[0]), self.task, variant, metric)

    def numbers(
        self, name: str, table: pd.DataFrame, gains: pd.DataFrame, missing: pd.DataFrame
    ) -> dict[str, dict]:
        """Entries of summary.json from the study's tables; single modalities where trials are paired by label,
        since otherwise the sources' own summaries have them."""
        found = {}
        for row in table.itertuples():
            if row.kind == "fused" or self.pairs == "label_paired":
                share = partial(number, unit="fraction", n=row.n, artifact=f"tables/{name}-fusion.csv")
                found[self.key(row.rule, "uar")] = share(row.uar, row.uar_low, row.uar_high)
                found[self.key(row.rule, "accuracy")] = share(row.accuracy)
                found[self.key(row.rule, "macro_f1")] = share(row.macro_f1)
        for row in gains.itertuples():
            found[self.key(row.rule, "gain_points")] = _gain(row, len(self.y), f"tables/{name}-gains.csv")
        found[self.key("fusion_gain", "points")] = found[self.key(self.rule, "gain_points")]
        artifact = f"tables/{name}-missing.csv"
        for row in missing.itertuples():
            without = f"without_{row.missing}"
            found[self.key(without, "uar")] = number(row.uar, unit="fraction", n=row.n, artifact=artifact)
            found[self.key(without, "gain_points")] = _gain(row, row.n, artifact)
        worst = missing.missing[missing.gain_points.idxmin()]
        found[self.key("missing_one", "worst_points")] = found[self.key(f"without_{worst}", "gain_points")]
        return found


def _gain(row, n: int, artifact: str) -> dict:
    ends = (row.gain_points, row.gain_points_low, row.gain_points_high)
    return number(*ends, unit="points", n=n, artifact=artifact)
