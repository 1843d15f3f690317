"""What 4-bit weights cost and save over the folds of a source: files, tables, and the numbers of the summary."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from emolib.core.experiment import Experiment
from emolib.core.summary import ends, number
from emolib.device.interpreter import Model
from emolib.evaluation import metrics
from emolib.fusion.scores import softmax
from emolib.models import crossval
from emolib.quantization import mixed_precision as mp
from emolib.quantization.calibration import observed
from emolib.quantization.clipping import Clipping
from emolib.quantization.conversion import Kit
from emolib.quantization.quantizer import Ranges, quantize

INT8 = "uniform_int8"  # what the others are compared with, made the same way
ILP = "mixed"
VARIANTS = (INT8, "int4", ILP, "greedy")
Scores = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Prepared:
    """What every choice of bits of one fold shares: its layers with their sensitivities, and activation ranges.

    `outputs`: by layer, the name of its operator's output in the float32 file.
    """

    kit: Kit
    layers: list[mp.Layer]
    outputs: dict[str, str]
    ranges: Ranges

    def file(self, bits: mp.Bits) -> bytes:
        """The fold's .tflite with these bits. Raises BadParameter, naming the layer, as `check_bits` does."""
        mp.check_bits(self.layers, bits)
        named = {self.outputs[layer]: width for layer, width in bits.items()}
        return quantize(self.kit.float32, self.ranges, named)


def prepare(kit: Kit, n_samples: int) -> Prepared:
    """Sensitivities and ranges (least to largest value) of one fold, both from its calibration windows.

    Raises BadArtifact where the float32 file is not of the fold's network.
    """
    from emolib.quantization.folding import folded, weighted_layers
    from emolib.quantization.hessian import sensitivities

    X, y = kit.calibration, kit.calibration_y
    layers = sensitivities(kit.model, X, y, n_samples, kit.seed)
    kernels = {layer.name: np.asarray(layer.kernel) for layer in weighted_layers(folded(kit.model))}
    outputs = mp.outputs(kit.float32, kernels)
    return Prepared(kit, layers, outputs, Clipping("max").ranges(observed(kit.float32, X, y)))


def choices(layers: Sequence[mp.Layer], budget: mp.Budget) -> dict[str, mp.Bits]:
    """The bits of each variant. Raises OverBudget."""
    made = (
        mp.uniform(layers, 8),
        mp.uniform(layers, 4),
        mp.choose(layers, budget),
        mp.greedy(layers, budget),
    )
    return dict(zip(VARIANTS, made, strict=True))


def converters(
    of_folds: Sequence[Prepared], chosen: Sequence[dict[str, mp.Bits]]
) -> dict[str, Callable[[Kit], bytes]]:
    """For `conversion.convert_folds`: each variant's file from the bits that were chosen for that fold."""
    both = {fold.kit.name: (fold, bits) for fold, bits in zip(of_folds, chosen, strict=True)}

    def convert(kit: Kit, variant: str) -> bytes:
        fold, bits = both[kit.name]
        return fold.file(bits[variant])

    return {variant: partial(convert, variant=variant) for variant in VARIANTS}


def sensitivity_table(of_folds: Sequence[Prepared], chosen: Sequence[dict[str, mp.Bits]]) -> pd.DataFrame:
    """One row per fold and layer: trace, perturbations (nats), and the bits that the program chose."""
    rows = [
        {
            **{"fold": fold.kit.fold.name, "layer": layer.name, "operator": layer.operator},
            **{"weights": layer.weights, "macs": layer.macs, "trace": layer.trace},
            **{"trace_error": layer.trace_error, "bits": bits[ILP][layer.name]},
            **{f"omega_{width}": layer.perturbation(width) for width in mp.WIDTHS},
        }
        for fold, bits in zip(of_folds, chosen, strict=True)
        for layer in fold.layers
    ]
    return pd.DataFrame(rows)


def layer_table(layers: Sequence[mp.Layer]) -> pd.DataFrame:
    """What each layer needs at 8 bits, and what is left at 4 where it has a kernel for them."""
    rows = [
        {
            **{"layer": layer.name, "operator": layer.operator, "weights": layer.weights, "macs": layer.macs},
            **{"bytes at 8": layer.bytes(8), "bytes at least": layer.bytes(min(layer.widths))},
            **{"BOPs at 8": layer.bops(8), "BOPs at least": layer.bops(min(layer.widths))},
        }
        for layer in layers
    ]
    return pd.DataFrame(rows)


def needs(of_folds: Sequence[Prepared], picks: Sequence[mp.Bits]) -> dict[str, float]:
    """weight_bytes, bops and perturbation (nats) of one choice per fold, means over the folds."""
    totals = [mp.total(fold.layers, bits) for fold, bits in zip(of_folds, picks, strict=True)]
    names = {"weight_bytes": "bytes", "bops": "bops", "perturbation": "perturbation"}
    return {name: np.mean([getattr(each, field) for each in totals]) for name, field in names.items()}


def variants_table(
    columns: Scores, scores: Scores, level: str, size: dict[str, int], needed: dict[str, dict]
) -> pd.DataFrame:
    """One row per variant: bytes of weights and file, BOPs, UAR with its interval, points over uniform 8 bits."""
    found = crossval.compared(columns, scores, level, INT8)
    found.insert(1, "weight_bytes", [needed[variant]["weight_bytes"] for variant in found.variant])
    found.insert(2, "file_bytes", found.variant.map(size))
    found.insert(3, "bops", [needed[variant]["bops"] for variant in found.variant])
    return found


def picks(
    chosen: Sequence[dict[str, mp.Bits]], random: Sequence[mp.Bits]
) -> dict[str, tuple[str, list[mp.Bits]]]:
    """Kind (variant | random) and bits per fold of all choices by name; a random one is the same in every fold."""
    named = {variant: ("variant", [bits[variant] for bits in chosen]) for variant in VARIANTS}
    return named | {f"random {i}": ("random", [bits] * len(chosen)) for i, bits in enumerate(random, start=1)}


def pick_scores(of_folds: Sequence[Prepared], bits: Sequence[mp.Bits]) -> np.ndarray:
    """Scores (n_rows, n_classes) of one choice per fold on litert, in the order of `crossval.score_columns`."""
    logits = []
    for fold, of_fold in zip(of_folds, bits, strict=True):
        with Model(fold.file(of_fold)) as model:
            logits.append(model.predict(fold.kit.scored))
    return softmax(np.concatenate(logits))


def judged(columns: Scores, scores: np.ndarray, level: str) -> dict[str, float]:
    """Of one choice: val_loss, the cross-entropy (nats, mean over classes) of validation people, and UAR of test people."""
    val, test = (crossval.answers(columns, scores, level, part) for part in ("val", "test"))
    uar = metrics.uar(metrics.confusion(test["y"], test["scores"]))
    return {"val_loss": metrics.cross_entropy(val["y"], np.log(val["scores"])), "uar": float(uar)}


def picks_table(
    of_folds: Sequence[Prepared],
    made: dict[str, tuple[str, list[mp.Bits]]],
    scores: Scores,
    columns: Scores,
    level: str,
) -> pd.DataFrame:
    """One row per choice: pick, kind, weight_bytes, bops, perturbation (modelled), val_loss, uar (measured)."""
    return pd.DataFrame(
        {"pick": name, "kind": kind, **needs(of_folds, bits), **judged(columns, scores[name], level)}
        for name, (kind, bits) in made.items()
    )


def against_best(picked: pd.DataFrame, scores: Scores, columns: Scores, level: str) -> pd.DataFrame:
    """The program's choice compared, as `crossval.compared` does, with the random one that is best with hindsight."""
    random = picked[picked.kind == "random"]
    best = random.loc[random.uar.idxmax(), "pick"]
    return crossval.compared(columns, {best: scores[best], ILP: scores[ILP]}, level, best)


def is_optimal(
    of_folds: Sequence[Prepared], chosen: Sequence[dict[str, mp.Bits]], budget: mp.Budget
) -> np.ndarray:
    """Per fold, whether the program's total Ω is the least of every choice there is. Raises BadParameter."""
    pairs = [
        (mp.total(fold.layers, bits[ILP]), mp.total(fold.layers, mp.exhaustive(fold.layers, budget)))
        for fold, bits in zip(of_folds, chosen, strict=True)
    ]
    return np.array([np.isclose(a.perturbation, b.perturbation, rtol=1e-9) for a, b in pairs])


def numbers(
    source: str, table: pd.DataFrame, picked: pd.DataFrame, against: pd.DataFrame, optimal: np.ndarray
) -> dict[str, dict]:
    """Entries of summary.json of one source, from the tables above and what `is_optimal` found."""
    named, artifact, found = Experiment.parse(source), f"tables/{source}-mixed.csv", {}
    entry = partial(number, artifact=artifact, n=1)
    rows = table.set_index("variant")
    for variant, row in rows.iterrows():
        found[named.key(variant, "uar")] = crossval.uar_entry(row, artifact)
        for metric in ("weight_bytes", "file_bytes"):
            found[named.key(variant, metric)] = entry(row[metric], unit="bytes")
        found[named.key(variant, "bops")] = entry(row.bops, unit="BOPs")
        if variant != INT8:
            found[named.key(f"{variant}_drop", "points")] = crossval.lost_entry(row, artifact)
            ratio = rows.weight_bytes[INT8] / row.weight_bytes
            found[named.key(f"{variant}_ratio", "weights")] = entry(ratio, unit="ratio")
    random, ilp = picked[picked.kind == "random"], picked.set_index("pick").loc[ILP]
    entry = partial(number, **{"artifact": f"tables/{source}-picks.csv", "n": len(random)})
    found[named.key(ILP, "rank")] = entry(1 + int((random.uar > ilp.uar).sum()), unit="")
    found[named.key(ILP, "val_rank")] = entry(1 + int((random.val_loss < ilp.val_loss).sum()), unit="")
    found[named.key(ILP, "optimal")] = entry(optimal.mean(), unit="fraction of folds", n=len(optimal))
    row = against.set_index("variant").loc[ILP]
    gain = (row.points, *ends(row.points_low, row.points_high))
    found[named.key(f"{ILP}_over_random", "points")] = entry(*gain, unit="points")
    return found
