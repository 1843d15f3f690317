"""Networks of several branches: built within a budget, trained and converted fold by fold, and what they need.

`feature` is the reference paper's network (Rashid et al. 2022). `robust` is the same, trained with branches dropped at random.
`hybrid` has logits of each branch beside the joint ones; they are fused like the scores of several networks. `alone` is
one branch without the others, the unimodal network that the reference paper compares with.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import tensorflow as tf

from emolib import models
from emolib.core.bars import with_progress
from emolib.core.errors import BadParameter, check_names
from emolib.core.experiment import INT8, model_name
from emolib.evaluation.cost import cost
from emolib.models import crossval, tinym2net
from emolib.models.training import Trainer, Training
from emolib.quantization import conversion, mixed_precision, ptq
from emolib.quantization.conversion import CalibrationData
from emolib.studies import mixed
from emolib.studies.early_fusion.study import JointStudy
from emolib.studies.quantize import sizes

NETWORKS = ("feature", "robust", "hybrid", "alone")
DROPPED = 0.3  # share of the branches that training drops
WIDTHS = np.arange(1, 33) / 8  # that `widest` tries
PRECISIONS = (mixed.INT8, "int4", mixed.ILP)


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

    def trained(self, study: JointStudy, name: str, network: Network) -> list[dict]:
        """The history of every fold of one network, which is then on disk."""
        modalities = {branch: study.sources[branch].modality for branch in network.branches}
        trainer = Trainer(
            lambda: self.model(study, network), self.options, augmentation(modalities, network.dropped)
        )
        axes = {branch: study.axes[branch] for branch in network.branches}
        return crossval.train_folds(
            study.run, study.artifact(name), trainer, *study.of(network.branches), axes
        )


def design(
    study: JointStudy,
    branches: Mapping[str, Mapping],
    dense,
    width: float | None,
    options: Training,
    largest: Network,
) -> Design:
    """`branches`: fields of tinym2net.Branch by branch.

    `width` None is the largest at which `largest` has no more parameters than the networks of all sources together.
    Raises BadParameter for a branch that there is not, or where no width is small enough.
    """
    check_names(branches, list(study.sources), "branches")
    layouts = {
        name: tinym2net.branch(name, source.modality, branches.get(name, {}))
        for name, source in study.sources.items()
    }
    made = Design(layouts, dense, 1.0 if width is None else width, options)
    if width is not None:
        return made
    of_sources = (
        crossval.load_model(study.run, model_name(str(source), 0)) for source in study.sources.values()
    )
    return widest(study, made, largest, sum(model.count_params() for model in of_sources))


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


def calibration_kits(
    study: JointStudy, name: str, network: Network, n_calibration: int, seed: int
) -> list[CalibrationData]:
    """What the converters see of each fold of one network."""
    return conversion.calibration_data(
        study.run, study.artifact(name), *study.of(network.branches), n_calibration, seed
    )


def int8_scores(study: JointStudy, kits: Sequence[CalibrationData]) -> np.ndarray:
    """Scores of the int8 file of each fold, which is made here, in the order of `crossval.score_columns`."""
    return conversion.convert_folds(study.run, kits, {INT8: ptq.converter(INT8)})[INT8]


def needs(study: JointStudy, methods: Iterable[str], chosen: Mapping[str, Network]) -> dict[str, dict]:
    """kind, bytes of int8 files (mean over folds) and MACs of every method: a rule needs all sources' networks."""
    single = {branch: _need(study, str(source), "single") for branch, source in study.sources.items()}
    every = {name: sum(each[name] for each in single.values()) for name in ("bytes", "macs")}
    of = {
        name: _need(study, study.artifact(name), "network" if len(network.branches) > 1 else "alone")
        for name, network in chosen.items()
    }
    return {method: (single | of).get(method, {"kind": "fused", **every}) for method in methods}


def _need(study, artifact: str, kind: str) -> dict:
    model = crossval.load_model(study.run, model_name(artifact, 0))
    n_folds = len(list((study.run.folder / "models" / artifact).glob(f"fold*-{INT8}.tflite")))
    n_bytes = sizes(study.run, artifact, n_folds, (INT8,))[INT8]
    return {"kind": kind, "bytes": n_bytes, "macs": cost(model).macs}


def precision(
    study: JointStudy, kits: Mapping[str, Sequence[CalibrationData]], n_samples: int, size_share: float
) -> pd.DataFrame:
    """One row per network and precision: weight and file bytes, BOPs, UAR with its interval, points over 8 bits.

    float32 is the Keras network's: its BOPs count 32 × 32 bits a MAC. Empty without networks.
    """
    parts = [_precisions(study, name, of, n_samples, size_share) for name, of in kits.items()]
    return pd.concat([pd.DataFrame(), *parts])


def _precisions(study, name, kits, n_samples, size_share) -> pd.DataFrame:
    run, artifact = study.run, study.artifact(name)
    conversion.convert_folds(run, kits, {"float32": ptq.converter("float32")})
    prepared = [
        mixed.prepare(kit, n_samples) for kit in with_progress(kits, f"sensitivity of {name}", "folds")
    ]
    layers = prepared[0].layers
    limit = mixed_precision.Budget.shares(layers, size_share, None)
    chosen = [mixed.choices(fold.layers, limit) for fold in prepared]
    made = mixed.converters(prepared, chosen)
    scores = conversion.convert_folds(run, kits, {variant: made[variant] for variant in PRECISIONS})
    data, folds = kits[0].data, [kit.fold for kit in kits]
    scores |= {"float32": crossval.keras_scores(run, artifact, data, folds)}
    needed = {variant: mixed.needs(prepared, [bits[variant] for bits in chosen]) for variant in PRECISIONS}
    weights, macs = (sum(getattr(layer, what) for layer in layers) for what in ("weights", "macs"))
    needed["float32"] = {"weight_bytes": 4 * weights, "bops": macs * 32 * 32}
    size = sizes(run, artifact, len(folds), ("float32", *PRECISIONS))
    columns = crossval.score_columns(data, folds)
    table = mixed.variants_table(columns, _joint_head(scores), "trial", size, needed)
    table.insert(0, "network", name)
    return table


def _joint_head(scores: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Scores of the joint head of a network with several; first the precision that others are compared with."""
    order = (mixed.INT8, *(name for name in scores if name != mixed.INT8))
    return {name: scores[name] if scores[name].ndim == 2 else scores[name][:, 0] for name in order}
