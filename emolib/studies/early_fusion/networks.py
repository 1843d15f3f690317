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
from emolib.signals.frontend import FRONT_ENDS
from emolib.studies import mixed
from emolib.studies.early_fusion.study import JointStudy
from emolib.studies.quantize import sizes

NETWORKS = ("feature", "robust", "hybrid", "alone")
DROPPED = 0.3  # share of the branches that training drops
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
        there = tf.stack([tf.reduce_any(x != 0, axis=(1, 2, 3)) for x in X.values()], axis=1)
        drawn = tf.where(there, tf.random.stateless_uniform(tf.shape(there), seeds.pop()), -1.0)
        left = there & ((drawn >= dropped) | (drawn == tf.reduce_max(drawn, axis=1, keepdims=True)))
        left = tf.unstack(tf.cast(left, tf.float32)[..., None, None, None], axis=1)
        given = zip(X.items(), seeds, left, strict=True)
        return {branch: augments[branch](x, key) * kept for (branch, x), key, kept in given}

    return augmented


@dataclass(frozen=True, eq=False)
class Design:
    """How the networks of a study look, by branch, and how they train."""

    study: JointStudy
    layouts: Mapping[str, tinym2net.Branch]
    dense: Sequence[int]
    width: float
    options: Training

    def model(self, network: Network):
        """An untrained network. Raises BadParameter as `tinym2net.build`."""
        data = self.study.data
        shapes = {branch: data.shapes[branch] for branch in network.branches}
        return tinym2net.build(shapes, len(data.classes), self.layouts, self.dense, network.heads, self.width)

    def trained(self, name: str, network: Network) -> list[dict]:
        """The history of every fold of one network, which is then on disk."""
        study = self.study
        modalities = {branch: study.sources[branch].modality for branch in network.branches}
        augment = augmentation(modalities, network.dropped)
        trainer = Trainer(lambda: self.model(network), self.options, augment)
        axes = {branch: FRONT_ENDS[modality].feature_axis for branch, modality in modalities.items()}
        return crossval.train_folds(
            study.run, study.artifact(name), trainer, *study.of(network.branches), axes
        )


def design(
    study: JointStudy, branches: Mapping[str, Mapping], dense, width, options: Training, largest: Network
):
    """The Design of a study; `branches`: fields of tinym2net.Branch by branch.

    `width` None is the largest at which `largest` has no more parameters than the networks of all sources together.
    Raises BadParameter for a branch that there is not, or where no width is small enough.
    """
    check_names(branches, list(study.sources), "branches")
    layouts = {
        name: tinym2net.branch(name, source.modality, branches.get(name, {}))
        for name, source in study.sources.items()
    }
    if width is not None:
        return Design(study, layouts, dense, width, options)
    of_sources = [crossval.load_model(study.run, model_name(str(one), 0)) for one in study.sources.values()]
    most_params = sum(model.count_params() for model in of_sources)
    return widest(Design(study, layouts, dense, 1.0, options), largest, most_params)


def widest(of: Design, network: Network, most_params: int) -> Design:
    """The design at the largest width, of eighths up to 4, at which the network has at most so many parameters.

    Raises BadParameter where none is that small.
    """
    designs = [replace(of, width=n / 8) for n in range(1, 33)]
    n = bisect_right(designs, most_params, key=lambda one: one.model(network).count_params())
    if not n:
        raise BadParameter(
            f"No width from 0.125 on has at most {most_params} parameters: give fewer filters or dense units."
        )
    return designs[n - 1]


def converted(
    study: JointStudy, chosen: Mapping[str, Network], n_calibration: int, seed: int
) -> tuple[dict[str, list[CalibrationData]], dict[str, np.ndarray]]:
    """By network what the converters see of each fold, and the scores of its int8 files, which are made here.

    Scores are in the order of `crossval.score_columns`.
    """
    run, calibration, scores = study.run, {}, {}
    for name, network in chosen.items():
        given = study.of(network.branches)
        made = conversion.calibration_data(run, study.artifact(name), *given, n_calibration, seed)
        calibration[name] = made
        scores[name] = conversion.convert_folds(run, made, {INT8: ptq.converter(INT8)})[INT8]
    return calibration, scores


def needs(study: JointStudy, methods: Iterable[str], chosen: Mapping[str, Network]) -> pd.DataFrame:
    """kind, bytes of int8 files (mean over folds) and MACs of every method: a rule needs all sources' networks."""
    of = {branch: _need(study, str(source), "single") for branch, source in study.sources.items()}
    every = {"kind": "fused"} | {name: sum(each[name] for each in of.values()) for name in ("bytes", "macs")}
    for name, network in chosen.items():
        kind = "network" if len(network.branches) > 1 else "alone"
        of[name] = _need(study, study.artifact(name), kind)
    return pd.DataFrame([of.get(method, every) for method in methods])


def _need(study, artifact: str, kind: str) -> dict:
    model = crossval.load_model(study.run, model_name(artifact, 0))
    n_folds = len(list((study.run.folder / "models" / artifact).glob(f"fold*-{INT8}.tflite")))
    n_bytes = sizes(study.run, artifact, n_folds, (INT8,))[INT8]
    return {"kind": kind, "bytes": n_bytes, "macs": cost(model).macs}


def precision(
    study: JointStudy, name: str, calibration: Sequence[CalibrationData], n_samples: int, size_share: float
) -> pd.DataFrame:
    """One row per precision of a network: weight and file bytes, BOPs, UAR with its interval, points over 8 bits.

    float32 is the Keras network's: its BOPs count 32 × 32 bits a MAC.
    """
    run, artifact = study.run, study.artifact(name)
    data, folds = calibration[0].data, [one.fold for one in calibration]
    conversion.convert_folds(run, calibration, {"float32": ptq.converter("float32")})
    bar = with_progress(calibration, f"sensitivity of {name}", "folds")
    prepared = [mixed.prepare(one, n_samples) for one in bar]
    layers = prepared[0].layers
    limit = mixed_precision.Budget.shares(layers, size_share, None)
    chosen = [mixed.choices(fold.layers, limit) for fold in prepared]
    made = mixed.converters(prepared, chosen)
    scores = conversion.convert_folds(run, calibration, {variant: made[variant] for variant in PRECISIONS})
    scores |= {"float32": crossval.keras_scores(run, artifact, data, folds)}
    joint = {variant: of if of.ndim == 2 else of[:, 0] for variant, of in scores.items()}  # of several heads
    needed = {variant: mixed.needs(prepared, [bits[variant] for bits in chosen]) for variant in PRECISIONS}
    weights, macs = (sum(getattr(layer, what) for layer in layers) for what in ("weights", "macs"))
    needed["float32"] = {"weight_bytes": 4 * weights, "bops": macs * 32 * 32}
    size = sizes(run, artifact, len(folds), ("float32", *PRECISIONS))
    table = mixed.variants_table(crossval.score_columns(data, folds), joint, "trial", size, needed)
    return table.assign(network=name)[["network", *table.columns]]
