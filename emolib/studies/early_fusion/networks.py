"""Early fusion: networks of several branches, what they need, and what they reach beside late fusion on the same trials.

Each way answers with every branch there, or with some missing.

`feature` is the reference paper's network (Rashid et al. 2022). `robust` is the same, trained with branches dropped at random.
`hybrid` has logits of each branch beside the joint ones; they are fused like the scores of several networks. `alone` is
one branch without the others, the unimodal network that the reference paper compares with.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import tensorflow as tf

from emolib import models
from emolib.core.errors import BadParameter, BadSet, check_names
from emolib.core.experiment import INT8, model_name
from emolib.datasets.joint import JointSet
from emolib.datasets.splits import Fold
from emolib.device.interpreter import Model
from emolib.evaluation.cost import cost
from emolib.fusion.scores import softmax
from emolib.models import crossval, tinym2net
from emolib.models.training import Trainer, Training
from emolib.quantization import conversion, ptq
from emolib.signals.frontend import FRONT_ENDS
from emolib.studies import mixed
from emolib.studies.early_fusion.study import JointStudy
from emolib.studies.fusion.pairing import COLUMNS, Trials, same_trials
from emolib.studies.fusion.study import GAIN, LEARNED, rated, rule_scores, trials_of
from emolib.studies.quantize import sizes

KINDS = {"feature": {}, "robust": {"dropped": 0.3}, "hybrid": {"heads": True, "dropped": 0.3}}  # of Network
PRECISIONS = (mixed.INT8, "int4", mixed.ILP)
SIZE_SHARE = 0.666  # of the mixed ones: bytes of packed weights beside uniform 8 bits
Branches = tuple[str, ...]


@dataclass(frozen=True)
class Network:
    """Branches, whether each has logits of its own, and the share of them that training drops."""

    branches: Branches
    heads: bool = False
    dropped: float = 0.0


def networks(branches: Sequence[str], names: Sequence[str]) -> dict[str, Network]:
    """The networks to train, by name; `alone` is one for each branch. Raises BadParameter for another name."""
    check_names(names, [*KINDS, "alone"], "networks")
    found = {name: Network(tuple(branches), **kind) for name, kind in KINDS.items() if name in names}
    return found | ({f"only_{name}": Network((name,)) for name in branches} if "alone" in names else {})


def augmentation(modalities: Mapping[str, str], dropped: float):
    """Each branch augmented as its modality is, then dropped (set to 0) with this probability; never all that are there."""
    augments = {branch: models.network(modality).augment for branch, modality in modalities.items()}

    def augmented(X, seed):
        seeds = [tf.random.experimental.stateless_fold_in(seed, i) for i in range(len(X) + 1)]
        there = tf.stack([tf.reduce_any(x != 0, axis=(1, 2, 3)) for x in X.values()], axis=1)
        drawn = tf.where(there, tf.random.stateless_uniform(tf.shape(there), seeds.pop()), -1.0)
        left = there & ((drawn >= dropped) | (drawn == tf.reduce_max(drawn, axis=1, keepdims=True)))
        left = tf.unstack(tf.cast(left, tf.float32)[..., None, None, None], axis=1)
        given = zip(X.items(), seeds, left, strict=True)
        return {branch: augments[branch](x, key) * kept for (branch, x), key, kept in given}

    return augmented


@dataclass(frozen=True, eq=False)
class Design:
    """How wide the networks of a study are, and how they train."""

    study: JointStudy
    width: float
    options: Training

    def model(self, network: Network):
        """An untrained network. Raises BadParameter as `tinym2net.build`."""
        data, sources = self.study.data, self.study.sources
        shapes = {branch: data.shapes[branch] for branch in network.branches}
        layouts = {branch: tinym2net.BRANCHES[sources[branch].modality] for branch in shapes}
        return tinym2net.build(shapes, len(data.classes), layouts, heads=network.heads, width=self.width)

    def trained(self, name: str, network: Network) -> list[dict]:
        """The history of every fold of one network, which is then on disk."""
        study = self.study
        modalities = {branch: study.sources[branch].modality for branch in network.branches}
        augment = augmentation(modalities, network.dropped)
        trainer = Trainer(partial(self.model, network), self.options, augment)
        axes = {branch: FRONT_ENDS[modality].feature_axis for branch, modality in modalities.items()}
        data, folds = study.of(network.branches)
        return crossval.train_folds(study.run, study.artifact(name), trainer, data, folds, axes)


def widest(study: JointStudy, options: Training, network: Network, most_params: int) -> Design:
    """The Design of the largest width, of eighths up to 4, at which the network has at most so many parameters. Raises
    BadParameter for none."""
    designs = [Design(study, n / 8, options) for n in range(1, 33)]
    n = bisect_right(designs, most_params, key=lambda one: one.model(network).count_params())
    if not n:
        raise BadParameter(f"No width has at most {most_params} parameters: take larger networks of the sources.")
    return designs[n - 1]


def source_params(study: JointStudy) -> int:
    """Parameters of the networks of all sources of a study together."""
    models = [crossval.load_model(study.run, model_name(str(source), 0)) for source in study.sources.values()]
    return sum(model.count_params() for model in models)


def converted(study: JointStudy, chosen: Mapping, n_calibration: int, seed: int) -> tuple[dict, dict]:
    """By network the CalibrationData of each fold, and the scores of its int8 files, which are made here. Scores are
    in the order of `crossval.score_columns`."""
    run, calibration, scores = study.run, {}, {}
    for name, network in chosen.items():
        given = study.artifact(name), *study.of(network.branches)
        calibration[name] = conversion.calibration_data(run, *given, n_calibration, seed)
        converters = {INT8: ptq.converter(INT8)}
        scores[name] = conversion.convert_folds(run, calibration[name], converters)[INT8]
    return calibration, scores


def precision(study: JointStudy, name: str, calibration: list, n_samples: int):
    """One row per precision of a network: weight and file bytes, BOPs, UAR with its interval, points over 8 bits.
    float32 is the Keras network's: its BOPs count 32 × 32 bits a MAC."""
    run, artifact = study.run, study.artifact(name)
    data, folds = calibration[0].data, [one.fold for one in calibration]
    conversion.convert_folds(run, calibration, {"float32": ptq.converter("float32")})
    prepared, _ = mixed.prepared(calibration, n_samples, SIZE_SHARE, told=f"sensitivity of {name}")
    made = mixed.converters(prepared)
    scores = conversion.convert_folds(run, calibration, {variant: made[variant] for variant in PRECISIONS})
    scores |= {"float32": crossval.keras_scores(run, artifact, data, folds)}
    joint = {variant: of if of.ndim == 2 else of[:, 0] for variant, of in scores.items()}  # of several heads
    weights, macs = (sum(getattr(one, of) for one in prepared[0].layers) for of in ("weights", "macs"))
    float32 = {"weight_bytes": 4 * weights, "bops": macs * 32 * 32}
    size = sizes(run, artifact, len(folds), ("float32", *PRECISIONS))
    columns = crossval.score_columns(data, folds)
    table = mixed.variants_table(prepared, columns, joint, "trial", size, float32=float32)
    return table.assign(network=name)[["network", *table.columns]]


def source_scores(study: JointStudy, variant: str) -> list[Trials]:
    """The scores of each branch's own network (a source's) on the joint trials; on virtual people of fold v %
    n_folds. Raises BadSet where the study tests a trial in another fold than a source did."""
    of = {(one.subject, one.trial): one.keys for one in study.trials}
    columns = study.score_columns()
    places = list(dict.fromkeys(zip(*(columns[name].tolist() for name in COLUMNS), strict=True)))
    scores = []
    for branch, source in study.sources.items():
        given = trials_of(study.run, str(source), study.task, variant, study.by_window)
        at, n_folds, found = {key: i for i, key in enumerate(given.keys())}, given.fold.max() + 1, {}
        for place in places:
            (fold, part), key = place[:2], of[place[2:]].get(branch)
            if key and (fold % n_folds, part, *key) in at:
                found[place] = at[fold % n_folds, part, *key]
            elif key and part == "test":
                raise BadSet(
                    f"Trial {key[1]} of {key[0]} is tested in fold {fold} of {study.name}, but not of {source}: take "
                    "protocol loso, and sources that all have something of every person."
                )
        placed = dict(zip(COLUMNS, map(np.array, zip(*found, strict=True)), strict=True))
        scores.append(replace(given.part_of(list(found.values())), modalities=(branch,), **placed))
    return scores


@dataclass(frozen=True, eq=False)
class Answers:
    """What networks say of every validation and test window: scores (n_rows, n_classes), or (n_rows, n_heads, …)."""

    study: JointStudy
    name: str
    network: Network
    scores: np.ndarray

    @cached_property
    def given(self) -> tuple[JointSet, list[Fold]]:
        """The joint windows that are answered, and their folds."""
        return self.study.of(self.network.branches)

    @cached_property
    def columns(self) -> dict[str, np.ndarray]:
        return crossval.score_columns(*self.given)

    def without(self, missing: Branches) -> "Answers":
        """The same on test windows of which these branches are missing, by the int8 files."""
        data, folds = self.given
        data = data.without([branch for branch in missing if branch in self.network.branches])
        scores, run = self.scores.copy(), self.study.run
        for k, fold in enumerate(folds):
            name = model_name(self.study.artifact(self.name), k)
            X = data.part(fold.test, crossval.load_standardiser(run, name)).X
            rows = (self.columns["fold"] == k) & (self.columns["part"] == "test")
            with Model(run.read(f"{name}-{INT8}.tflite")) as model:
                scores[rows] = softmax(model.predict(X))
        return replace(self, scores=scores)

    @property
    def heads(self) -> list[str]:
        """The joint head and, where the network has them, that of each branch."""
        own = self.network.branches if self.network.heads else ()
        return [self.name, *(f"{self.name}/{branch}" for branch in own)]

    def trial_scores(self, missing: Branches = ()) -> list[Trials]:
        """Scores by trial of the joint head, and of each branch's own where it has one and the branch is there."""
        scores = self.scores if self.network.heads else self.scores[:, None]
        data, folds = self.given
        present = np.concatenate([data.present[np.concatenate([fold.val, fold.test])] for fold in folds])
        found = []
        for i, head in enumerate(self.heads):
            of_head = np.where(present[:, i - 1, None], scores[:, i], np.nan) if i else scores[:, 0]
            one = Trials.of_windows(head, data.classes, self.columns, of_head)
            found.append(_silent(one) if i and self.network.branches[i - 1] in missing else one)
        return found


def _silent(one: Trials) -> Trials:
    """The same, but a test trial has no scores: what is learned on validation people stays."""
    return replace(one, scores=np.where(one.is_test[:, None], np.nan, one.scores))


class Methods(NamedTuple):
    """Every way to answer the joint test trials: scores (n_test, n_classes) by method, `singles` among them."""

    y: np.ndarray
    subject: np.ndarray
    scores: Mapping[str, np.ndarray]
    singles: Branches


def methods(sources: list[Trials], answers: list[Answers], rule: str, missing: Branches = ()) -> Methods:
    """Single branches, rules over their scores, and networks, on the same test trials.

    Where branches are missing, their scores are gone and a network sees zeros; one that has no other branch is left out.
    Weights stay those learned with all branches. `rule` fuses the heads of hybrid; BadParameter if it learns no weights.
    """
    check_names([rule], list(LEARNED), "the rules that learn weights")
    answers = [each for each in answers if set(each.network.branches) - set(missing)]
    left = tuple(one.modality for one in sources if one.modality not in missing)
    of_sources = [_silent(one) if one.modality in missing else one for one in sources]
    asked = [each.without(missing) if missing else each for each in answers]
    of_networks = [one for each in asked for one in each.trial_scores(missing)]
    every, names = same_trials([*of_sources, *of_networks]), [one.modality for one in of_sources]
    every = every.part_of(every.only(names).has_any | ~every.is_test)
    found = rule_scores(every.only(names))
    found = {name: scores for name, scores in found.items() if name not in missing}
    for each in answers:
        own = each.heads if each.network.heads else [*names, each.name]  # no trial without anything
        answered = rule_scores(every.only(own))
        found[each.name] = answered[rule if each.network.heads else each.name]
    return Methods(every.y[every.is_test], every.subject[every.is_test], found, left)


def methods_table(study: JointStudy, found: Methods, chosen: Mapping, seed: int) -> pd.DataFrame:
    """One row per method: method, kind, bytes of int8 files (mean over folds) and MACs (a rule needs all sources' networks),
    n, uar with its interval, accuracy, macro_f1, best_single, and points over that with their interval and p."""

    def need(artifact: str, kind: str) -> dict:
        model = crossval.load_model(study.run, model_name(artifact, 0))
        n_folds = len(list((study.run.folder / "models" / artifact).glob(f"fold*-{INT8}.tflite")))
        n_bytes = sizes(study.run, artifact, n_folds, (INT8,))[INT8]
        return {"kind": kind, "bytes": n_bytes, "macs": cost(model).macs}

    of = {branch: need(str(source), "single") for branch, source in study.sources.items()}
    every = {"kind": "fused"} | {name: sum(each[name] for each in of.values()) for name in ("bytes", "macs")}
    for name, network in chosen.items():
        of[name] = need(study.artifact(name), "network" if len(network.branches) > 1 else "alone")
    needs = pd.DataFrame([of.get(method, every) for method in found.scores])
    table = rated(*found, seed).assign(kind=needs["kind"])
    table.insert(2, "bytes", needs["bytes"])
    table.insert(3, "macs", needs["macs"])
    table.loc[table.method == table.best_single, GAIN[1:]] = np.nan
    return table


def missing_table(by_missing: Mapping[Branches, Methods], seed: int) -> pd.DataFrame:
    """One row per loss and method: missing, method, n, uar, best_left, points over the best branch left, its interval."""
    parts = []
    for gone, found in by_missing.items():
        parts.append(rated(*found, seed).assign(missing=" + ".join(gone), n_missing=len(gone)))
    table = pd.concat(parts, ignore_index=True).rename(columns={"best_single": "best_left"})
    columns = ["missing", "n_missing", "method", "n", "uar", "best_left"]
    return table[[*columns, "points", "points_low", "points_high"]]
