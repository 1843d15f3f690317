"""A study of feature-level fusion: networks of several branches, trained and converted fold by fold.

`feature` is the seed's network (Rashid et al. 2022); `robust` the same, trained with branches dropped at random; `hybrid`
has logits of each branch beside the joint ones, which are fused like the scores of several networks; `alone` is one
branch without the others, the unimodal network that the seed compares with.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf

from emolib import models
from emolib.core.artifacts import Run
from emolib.core.errors import BadParameter, check_names
from emolib.core.experiment import Experiment, model_name
from emolib.datasets import joint, splits
from emolib.datasets.joint import JointSet, JointTrial
from emolib.datasets.splits import Fold
from emolib.models import crossval, tinym2net
from emolib.models.training import Trainer, Training
from emolib.quantization import conversion
from emolib.signals.frontend import FRONT_ENDS
from emolib.studies.early_fusion import joining

PAIRS = ("same_trials", "label_paired", "recordings")
NETWORKS = ("feature", "robust", "hybrid", "alone")
DROPPED = 0.3  # share of the branches that training drops
WIDTHS = np.arange(1, 33) / 8  # that `widest` tries


@dataclass(frozen=True)
class Network:
    """Branches, whether each has logits of its own, and the share of them that training drops."""

    branches: tuple[str, ...]
    heads: bool = False
    dropped: float = 0.0


def networks(branches: Sequence[str], names: Sequence[str]) -> dict[str, Network]:
    """The networks to train, by name; `alone` is one for each branch. Raises BadParameter for another name."""
    check_names(names, NETWORKS, "networks")
    every = tuple(branches)
    found = {
        "feature": Network(every),
        "robust": Network(every, dropped=DROPPED),
        "hybrid": Network(every, heads=True, dropped=DROPPED),
    }
    found = {name: network for name, network in found.items() if name in names}
    return found | ({f"only_{name}": Network((name,)) for name in branches} if "alone" in names else {})


@dataclass(frozen=True, eq=False)
class JointStudy:
    """Joint windows of several sources under one task, and their folds."""

    run: Run
    name: str
    sources: Mapping[str, Experiment]
    task: str
    pairs: str
    trials: Sequence[JointTrial]
    data: JointSet
    folds: Sequence[Fold]

    @classmethod
    def load(
        cls,
        run: Run,
        name: str,
        sources: Sequence[str],
        task: str,
        pairs: str,
        n_virtual: int,
        n_train: int,
        seed: int,
    ) -> "JointStudy":
        """Raises BadParameter for a number of sources or a name that does not fit, BadArtifact, BadSet."""
        named = branches_of([Experiment.parse(source) for source in sources], pairs)
        opened = {branch: _opened(run, source, task) for branch, source in named.items()}
        sets = {branch: data for branch, (data, _) in opened.items()}
        if pairs == "label_paired":
            trials = joining.label_paired(
                sets, {b: folds for b, (_, folds) in opened.items()}, n_virtual, n_train, seed
            )
            data = joint.joined(sets, trials)
            return cls(run, name, named, task, pairs, trials, data, joining.virtual_folds(data))
        if pairs == "recordings":
            trials = joining.recordings(next(iter(sets.values())), tuple(sets), seed)
        else:
            trials = joining.same_trials(sets)
        data = joint.joined(sets, trials)
        first = next(iter(named.values()))
        made = run.parameters_of(f"data/{first}-folds.npz")
        folds = splits.folds(data, first.protocol, seed=made["seed"], **made["fold_options"])
        return cls(run, name, named, task, pairs, trials, data, folds)

    @property
    def axes(self) -> dict[str, int | None]:
        """The axis of features of each branch."""
        return {branch: FRONT_ENDS[source.modality].feature_axis for branch, source in self.sources.items()}

    def artifact(self, network: str) -> str:
        """What stands for the name of a source in the artifacts of a network."""
        return f"{self.name}/{network}"

    def of(self, network: Network) -> tuple[JointSet, list[Fold]]:
        """The joint windows that have any of the network's branches, under its branches alone, and their folds."""
        data = self.data.only(network.branches)
        return data, [splits.within(fold, data.present.any(axis=1)) for fold in self.folds]


def branches_of(sources: Sequence[Experiment], pairs: str) -> dict[str, Experiment]:
    """The source of each branch: named by its modality, with a number where a modality has several.

    `recordings` takes one source twice. Raises BadParameter.
    """
    if pairs not in PAIRS:
        raise BadParameter(f"pairs: got {pairs!r}, expected one of {', '.join(PAIRS)}.")
    if pairs == "recordings" and len(sources) == 1:
        sources = [*sources, *sources]
    elif pairs == "recordings" or len(sources) < 2:
        wanted = "one, taken twice" if pairs == "recordings" else "two or more"
        raise BadParameter(f"sources: got {len(sources)} for {pairs}, expected {wanted}.")
    names = [source.modality for source in sources]
    several = {name for name in names if names.count(name) > 1}
    numbered = [
        f"{name}{names[: i + 1].count(name)}" if name in several else name for i, name in enumerate(names)
    ]
    return dict(zip(numbered, sources, strict=True))


def _opened(run: Run, source: Experiment, task: str):
    """The set of a source in the task, and its folds."""
    data, folds, _ = crossval.opened(run, source)
    rows, mapped = joint.in_task(data, source, task)
    kept = np.isin(np.arange(len(data.y)), rows)
    return mapped, [splits.within(fold, kept, np.cumsum(kept) - 1) for fold in folds]


def augmentation(modalities: Mapping[str, str], dropped: float):
    """Each branch augmented as its modality is, then dropped (0, the mean) with this probability, never all of them.

    A branch that is missing stays 0, and is not the one that is left.
    """
    augments = {branch: models.network(modality).augment for branch, modality in modalities.items()}

    def augmented(X, seed):
        seeds = [tf.random.experimental.stateless_fold_in(seed, i) for i in range(len(X) + 1)]
        left = _left(X, dropped, seeds.pop())
        own = zip(X, X.values(), seeds, strict=True)
        return {branch: augments[branch](x, key) * left[branch] for branch, x, key in own}

    return augmented


def _left(X, dropped: float, seed) -> dict:
    """By branch, 1 for windows (n, 1, 1, 1) that keep it, 0 for those that never had it or lose it now."""
    there = tf.stack([tf.reduce_any(x != 0, axis=(1, 2, 3)) for x in X.values()], axis=1)
    drawn = tf.where(there, tf.random.stateless_uniform(tf.shape(there), seed), -1.0)
    left = there & ((drawn >= dropped) | (drawn == tf.reduce_max(drawn, axis=1, keepdims=True)))
    columns = tf.unstack(tf.cast(left, tf.float32)[..., None, None, None], axis=1)
    return dict(zip(X, columns, strict=True))


@dataclass(frozen=True, eq=False)
class Design:
    """How the networks of a study look, by branch, and how they train."""

    layouts: Mapping[str, tinym2net.Branch]
    dense: Sequence[int]
    width: float
    options: Training

    def model(self, study: JointStudy, network: Network):
        """An untrained network. Raises BadParameter as `tinym2net.build`."""
        shapes = {branch: study.data.shapes[branch] for branch in network.branches}
        n_classes = len(study.data.classes)
        return tinym2net.build(shapes, n_classes, self.layouts, self.dense, network.heads, self.width)

    def trainer(self, study: JointStudy, network: Network) -> Trainer:
        modalities = {branch: study.sources[branch].modality for branch in network.branches}
        augment = augmentation(modalities, network.dropped)
        return Trainer(lambda: self.model(study, network), self.options, augment)


def design(
    study: JointStudy, branches: Mapping[str, Mapping], dense, width: float, options: Training
) -> Design:
    """`branches`: fields of tinym2net.Branch by branch. Raises BadParameter for a branch that there is not."""
    check_names(branches, list(study.sources), "branches")
    layouts = {
        name: tinym2net.branch(name, source.modality, branches.get(name, {}))
        for name, source in study.sources.items()
    }
    return Design(layouts, dense, width, options)


def widest(study: JointStudy, of: Design, network: Network, most_params: int) -> Design:
    """The design at the largest width at which the network has at most so many parameters.

    Raises BadParameter where none is that small.
    """
    designs = [replace(of, width=float(width)) for width in WIDTHS]
    n = bisect_right(designs, most_params, key=lambda one: one.model(study, network).count_params())
    if not n:
        raise BadParameter(
            f"No width from {WIDTHS[0]} on has at most {most_params} parameters: give fewer filters or dense units."
        )
    return designs[n - 1]


def source_params(study: JointStudy) -> int:
    """Parameters of the networks of all sources together."""
    models_of = (
        crossval.load_model(study.run, model_name(str(source), 0)) for source in study.sources.values()
    )
    return sum(model.count_params() for model in models_of)


def trained(study: JointStudy, of: Design, name: str, network: Network) -> list[dict]:
    """The history of every fold of one network."""
    data, folds = study.of(network)
    axis = {branch: study.axes[branch] for branch in network.branches}
    return crossval.train_folds(
        study.run, study.artifact(name), of.trainer(study, network), data, folds, axis
    )


def kits(
    study: JointStudy, name: str, network: Network, n_calibration: int, seed: int
) -> list[conversion.CalibrationData]:
    """What the converters see of each fold of one network."""
    data, folds = study.of(network)
    return conversion.calibration_data(study.run, study.artifact(name), data, folds, n_calibration, seed)
