"""Mixed precision over the folds of a source: choices of bits, their files, and what 4-bit weights cost and save."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from emolib.core.bars import with_progress
from emolib.device.interpreter import Model
from emolib.evaluation import metrics
from emolib.fusion.scores import softmax
from emolib.models import crossval
from emolib.quantization import mixed_precision as mp
from emolib.quantization.clipping import Clipping, Ranges, quantize
from emolib.quantization.conversion import CalibrationData, observed
from emolib.quantization.folding import folded, weighted_layers

INT8 = "uniform_int8"  # the baseline, made in the same way
ILP = "mixed"  # bits picked by the integer linear program
VARIANTS = (INT8, "int4", ILP, "greedy")
Scores = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Prepared:
    """One fold: its layers with their sensitivities, the ranges of its activations, and the bits of each variant.
    `outputs` names the output of each layer's operator in the float32 file."""

    calibration: CalibrationData
    layers: list[mp.Layer]
    outputs: dict[str, str]
    ranges: Ranges
    bits: dict[str, mp.Bits]

    def file(self, bits: mp.Bits) -> bytes:
        """The fold's .tflite with these bits."""
        named = {self.outputs[layer]: width for layer, width in bits.items()}
        return quantize(self.calibration.float32, self.ranges, named)


def prepared(
    calibrations: Sequence[CalibrationData], n_samples: int, share: float, told: str = "sensitivity"
) -> tuple[list[Prepared], float]:
    """Sensitivities, ranges (least to largest value) and bits of each fold, from its calibration windows; and the budget,
    a share of the first fold's bytes of weights at 8 bits. Raises OverBudget, and BadArtifact for a file of another network."""
    found, budget = [], 0.0
    for calibration in with_progress(calibrations, told, "folds"):
        X, y, float32 = calibration.calibration, calibration.calibration_y, calibration.float32
        layers = mp.sensitivities(calibration.model, X, y, n_samples, calibration.seed)
        budget = budget or share * mp.total(layers, mp.uniform(layers, 8)).bytes
        kernels = {one.name: np.asarray(one.kernel) for one in weighted_layers(folded(calibration.model))}
        outputs, ranges = mp.outputs(float32, kernels), Clipping("max").ranges(observed(float32, X))
        found.append(Prepared(calibration, layers, outputs, ranges, choices(layers, budget)))
    return found, budget


def choices(layers: Sequence[mp.Layer], budget: float) -> dict[str, mp.Bits]:
    """The bits of each variant. Raises OverBudget."""
    both = mp.uniform(layers, 8), mp.uniform(layers, 4)
    return dict(zip(VARIANTS, (*both, mp.choose(layers, budget), mp.greedy(layers, budget)), strict=True))


def converters(folds: Sequence[Prepared]) -> dict[str, Callable[[CalibrationData], bytes]]:
    """For `conversion.convert_folds`: each variant's file, from the bits that were chosen for the fold."""
    by_name = {fold.calibration.name: fold for fold in folds}

    def convert(calibration: CalibrationData, variant: str) -> bytes:
        fold = by_name[calibration.name]
        return fold.file(fold.bits[variant])

    return {variant: partial(convert, variant=variant) for variant in VARIANTS}


def sensitivity_table(folds: Sequence[Prepared]) -> pd.DataFrame:
    """One row per fold and layer: trace, perturbations (nats), and the bits that the program chose."""
    rows = []
    for fold in folds:
        for layer in fold.layers:
            row = {"fold": fold.calibration.fold.name, **_about(layer), "trace": layer.trace}
            row |= {"trace_error": layer.trace_error, "bits": fold.bits[ILP][layer.name]}
            rows.append(row | {f"omega_{width}": layer.perturbation(width) for width in mp.WIDTHS})
    return pd.DataFrame(rows)


def layer_table(layers: Sequence[mp.Layer]) -> pd.DataFrame:
    """What each layer needs at 8 bits, and at least: at 4 bits where it has a kernel for them."""
    rows = []
    for layer in layers:
        least = 4 if layer.four_bit else 8
        needed = {"bytes at 8": layer.bytes(8), "bytes at least": layer.bytes(least)}
        rows.append(_about(layer) | needed | {"BOPs at 8": layer.bops(8), "BOPs at least": layer.bops(least)})
    return pd.DataFrame(rows)


def _about(layer: mp.Layer) -> dict:
    return {"layer": layer.name, "operator": layer.operator, "weights": layer.weights, "macs": layer.macs}


def needs(folds: Sequence[Prepared], picks: Sequence[mp.Bits]) -> dict[str, float]:
    """weight_bytes, bops and perturbation (nats) of one choice per fold, means over the folds."""
    totals = [mp.total(fold.layers, bits) for fold, bits in zip(folds, picks, strict=True)]
    names = {"weight_bytes": "bytes", "bops": "bops", "perturbation": "perturbation"}
    return {name: np.mean([getattr(each, field) for each in totals]) for name, field in names.items()}


def variants_table(
    folds: Sequence[Prepared], columns: Scores, scores: Scores, level: str, size: dict, **more: dict
) -> pd.DataFrame:
    """One row per variant: bytes of weights and file, BOPs, UAR with its interval, points over uniform 8 bits. `more`: what
    variants that are not of VARIANTS need."""
    found, needed = crossval.compared(columns, scores, level, INT8), dict(more)
    for variant in set(scores) - set(more):
        needed[variant] = needs(folds, [fold.bits[variant] for fold in folds])
    found.insert(1, "weight_bytes", [needed[variant]["weight_bytes"] for variant in found.variant])
    found.insert(2, "file_bytes", found.variant.map(size))
    found.insert(3, "bops", [needed[variant]["bops"] for variant in found.variant])
    return found


def picks(folds: Sequence[Prepared], random: Sequence[mp.Bits]) -> dict[str, tuple[str, list[mp.Bits]]]:
    """All choices by name: their kind (variant | random) and their bits in each fold. A random one is the same in all."""
    named = {variant: ("variant", [fold.bits[variant] for fold in folds]) for variant in VARIANTS}
    return named | {f"random {i}": ("random", [bits] * len(folds)) for i, bits in enumerate(random, start=1)}


def pick_scores(folds: Sequence[Prepared], bits: Sequence[mp.Bits]) -> np.ndarray:
    """Scores (n_rows, n_classes) on litert of the bits of each fold, in the order of `crossval.score_columns`."""
    logits = []
    for fold, fold_bits in zip(folds, bits, strict=True):
        with Model(fold.file(fold_bits)) as model:
            logits.append(model.predict(fold.calibration.scored))
    return softmax(np.concatenate(logits))


def picks_table(
    folds: Sequence[Prepared], made: dict[str, tuple], scores: Scores, columns: Scores, level: str
) -> pd.DataFrame:
    """One row per choice of `picks`: pick, kind, weight_bytes, bops, perturbation (modelled), val_loss, uar (measured).
    val_loss is the cross-entropy (nats, mean over classes) of validation people; uar is that of test people."""
    rows = []
    for name, (kind, bits) in made.items():
        val, test = (crossval.answers(columns, scores[name], level, part) for part in ("val", "test"))
        loss = metrics.cross_entropy(val["y"], np.log(val["scores"]))
        uar = float(metrics.uar(metrics.confusion(test["y"], test["scores"])))
        rows.append({"pick": name, "kind": kind, **needs(folds, bits), "val_loss": loss, "uar": uar})
    return pd.DataFrame(rows)


def is_optimal(folds: Sequence[Prepared], budget: float) -> np.ndarray:
    """Whether the program's total Ω is the least of all choices, (n_folds,) bool. Raises BadParameter."""
    ours = [mp.total(fold.layers, fold.bits[ILP]).perturbation for fold in folds]
    least = [mp.total(fold.layers, mp.exhaustive(fold.layers, budget)).perturbation for fold in folds]
    return np.isclose(ours, least, rtol=1e-9)
