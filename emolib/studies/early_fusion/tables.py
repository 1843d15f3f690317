"""Tables and summary numbers of a study of feature-level fusion: what its networks need, at which bits, and reach."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from emolib.core.experiment import INT8, model_name
from emolib.core.summary import ends, number
from emolib.evaluation.cost import cost
from emolib.models import crossval
from emolib.quantization import conversion, mixed_precision, ptq
from emolib.quantization.conversion import CalibrationData
from emolib.studies import mixed
from emolib.studies.early_fusion import levels
from emolib.studies.early_fusion.networks import JointStudy, Network
from emolib.studies.fusion.study import key_of
from emolib.studies.quantize import sizes

FLOAT32, FOUR = "float32", "int4"
PRECISIONS = (mixed.INT8, FOUR, mixed.ILP)


def counts(study: JointStudy) -> pd.DataFrame:
    """Joint windows that some fold tests, by class: trials, windows, and how many of them have each branch."""
    test = np.unique(np.concatenate([fold.test for fold in study.folds]))
    rows = []
    for c, name in enumerate(study.data.classes):
        of_class = test[study.data.y[test] == c]
        trials = len(set(zip(study.data.subject[of_class], study.data.trial[of_class], strict=True)))
        there = dict(zip(study.sources, study.data.present[of_class].sum(axis=0).tolist(), strict=True))
        rows.append({"class": name, "trials": trials, "windows": len(of_class), **there})
    return pd.DataFrame(rows)


def needs(study: JointStudy, found: levels.Methods, networks: Mapping[str, Network]) -> dict[str, dict]:
    """kind, bytes of int8 files (mean over folds) and MACs of every method: a rule needs all sources' networks."""
    single = {branch: _need(study, str(source), "single") for branch, source in study.sources.items()}
    every = {name: sum(each[name] for each in single.values()) for name in ("bytes", "macs")}
    of = {
        name: _need(study, study.artifact(name), "network" if len(network.branches) > 1 else "alone")
        for name, network in networks.items()
    }
    return {method: (single | of).get(method, {"kind": "fused", **every}) for method in found.scores}


def _need(study, artifact: str, kind: str) -> dict:
    model = crossval.load_model(study.run, model_name(artifact, 0))
    n_folds = len(list((study.run.folder / "models" / artifact).glob(f"fold*-{INT8}.tflite")))
    return {
        "kind": kind,
        "bytes": sizes(study.run, artifact, n_folds, (INT8,))[INT8],
        "macs": cost(model).macs,
    }


def precision(
    study: JointStudy, kits: Mapping[str, Sequence[CalibrationData]], n_samples: int, size_share: float
) -> pd.DataFrame:
    """One row per network and precision: weight and file bytes, MACs, BOPs, UAR with its interval, points over 8 bits.

    float32 is the Keras network's: its BOPs count 32 × 32 bits a MAC.
    """
    return pd.concat(
        [pd.DataFrame()] + [_precisions(study, name, of, n_samples, size_share) for name, of in kits.items()]
    )


def _precisions(study, name, kits, n_samples, size_share) -> pd.DataFrame:
    run, artifact = study.run, study.artifact(name)
    conversion.convert_folds(run, kits, {FLOAT32: ptq.converter(FLOAT32)})
    prepared = [mixed.prepare(kit, n_samples) for kit in tqdm(kits, desc=f"sensitivity of {name}")]
    limit = mixed_precision.Budget.shares(prepared[0].layers, size_share, None)
    chosen = [mixed.choices(fold.layers, limit) for fold in prepared]
    made = mixed.converters(prepared, chosen)
    scores = conversion.convert_folds(run, kits, {variant: made[variant] for variant in PRECISIONS})
    data, folds = kits[0].data, [kit.fold for kit in kits]
    scores |= {FLOAT32: crossval.keras_scores(run, artifact, data, folds)}
    columns = crossval.score_columns(data, folds)
    size = sizes(run, artifact, len(folds), (FLOAT32, *PRECISIONS))
    needed = {
        variant: mixed.needs(prepared, [bits[variant] for bits in chosen]) for variant in PRECISIONS
    } | {FLOAT32: _float32(prepared[0].layers)}
    table = mixed.variants_table(columns, _joint(scores), "trial", size, needed)
    table.insert(0, "network", name)
    return table


def _float32(layers: Sequence[mixed_precision.Layer]) -> dict[str, float]:
    weights, macs = (sum(getattr(layer, name) for layer in layers) for name in ("weights", "macs"))
    return {"weight_bytes": 4 * weights, "bops": macs * 32 * 32}


def _joint(scores: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Scores of the joint head of a network with several, first of them the one that others are compared with."""
    order = (mixed.INT8, *(name for name in scores if name != mixed.INT8))
    return {name: scores[name] if scores[name].ndim == 2 else scores[name][:, 0] for name in order}


def entry_key(study: JointStudy, variant: str, metric: str) -> str:
    """Key in summary.json: the variant begins with the branches."""
    first = next(iter(study.sources.values()))
    return key_of(study.pairs, first, study.task, f"{'+'.join(study.sources)}_{variant}", metric)


def numbers(
    study: JointStudy, table: pd.DataFrame, missing: pd.DataFrame, bits: pd.DataFrame
) -> dict[str, dict]:
    """Entries of summary.json from the study's tables."""
    found, named = {}, partial(entry_key, study)
    artifact = f"tables/{study.name}-levels.csv"
    for row in table.itertuples():
        entry = partial(number, n=row.n, artifact=artifact)
        found[named(row.rule, "uar")] = entry(row.uar, *ends(row.uar_low, row.uar_high), unit="fraction")
        found[named(row.rule, "bytes")] = entry(row.bytes, unit="bytes")
        found[named(row.rule, "macs")] = entry(row.macs, unit="MACs")
        if row.kind != "single":
            gain = (row.gain_points, *ends(row.gain_points_low, row.gain_points_high))
            found[named(row.rule, "gain_points")] = entry(*gain, unit="points")
    artifact = f"tables/{study.name}-losses.csv"
    for row in levels.worst(missing).to_dict("records"):
        found[named(f"{row['method']}_missing_one", "worst_points")] = crossval.gained_entry(row, artifact)
    artifact = f"tables/{study.name}-precision.csv"
    for row in bits.to_dict("records"):
        variant = f"{row['network']}_{row['variant']}"
        found[named(variant, "uar")] = crossval.uar_entry(row, artifact)
        found[named(variant, "weight_bytes")] = number(
            row["weight_bytes"], unit="bytes", n=1, artifact=artifact
        )
        if row["variant"] in (FOUR, mixed.ILP):
            found[named(f"{variant}_drop", "points")] = crossval.lost_entry(row, artifact)
        found[named(variant, "bops")] = number(row["bops"], unit="BOPs", n=1, artifact=artifact)
    return found
