"""Ranges of activations by four methods (MAX, PERCENTILE, MAX-PERCENTILE, KL), and integer .tflite files on these ranges.

A method maps the values x of one tensor over n calibration windows, (n, size), to a range [low, high]. The range in the
file also holds 0, since padding must be exact. MAX and PERCENTILE are the methods of NPU compilers by those names.
MAX-PERCENTILE is our approximation: the vendors have not published theirs.
ai-edge-quantizer writes the file. Activations are asymmetric, per tensor. Weights are symmetric, per channel in
convolutions and per tensor in dense layers (older interpreters run other dense layers silently wrong).
"""

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from emolib.datasets.splits import evenly
from emolib.device.backends import native_silence
from emolib.quantization.conversion import CalibrationData, observed
from emolib.quantization.flatbuffer import activations, check_operators, graph, read, weighted, write

TOP_SHARE = 0.01  # of a window's values that MAX-PERCENTILE takes as its maxima
KL_BINS, KL_LEVELS, KL_STEP = 2048, 128, 32
CHANNEL_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": None}  # None: one scale for all
SAME_SCALE = ("AVERAGE_POOL_2D", "MAX_POOL_2D", "RESHAPE")  # their output keeps the scale of their input
Ranges = Mapping[str, tuple[float, float]]  # by tensor name


def maximum(x: np.ndarray, percentile: float = 100.0) -> tuple[float, float]:
    """MAX: the least and the largest value of all windows. `percentile` is not used."""
    return x.min(), x.max()


def percentile_of_all(x: np.ndarray, percentile: float) -> tuple[float, float]:
    """PERCENTILE: low = P_(100-p)(x), high = P_p(x), over all values of all windows."""
    return tuple(np.percentile(x, [100 - percentile, percentile]))


def percentile_of_maxima(x: np.ndarray, percentile: float) -> tuple[float, float]:
    """MAX-PERCENTILE: high = P_p(∪ᵢ Tᵢ), Tᵢ the largest ⌈0.01 · size⌉ values of window i; low alike from the smallest.
    p = 100 is MAX. With one value a window it is the percentile of the windows' maxima."""
    n = int(np.ceil(TOP_SHARE * x.shape[1]))
    ordered = np.sort(x, axis=1)
    return np.percentile(ordered[:, :n], 100 - percentile), np.percentile(ordered[:, -n:], percentile)


def kl(x: np.ndarray, percentile: float = 100.0) -> tuple[float, float]:
    """KL: the threshold t that minimises KL(P ‖ Q_t), range [max(min x, -t), min(max x, t)]. `percentile` is not used.

    P is the histogram of |x| up to t, whose last bin also counts what lies beyond. Q_t is P in 128 levels. Zeros are left
    out: they are exact under any range, and behind a ReLU they are most of x.
    Source: Migacz (2017), "8-bit inference with TensorRT".
    """
    from scipy.stats import entropy

    size = np.abs(x[x != 0])
    if not len(size):
        return 0.0, 0.0
    counts, edges = np.histogram(size, bins=KL_BINS, range=(0, float(size.max())))
    found = []
    for n in range(KL_LEVELS, KL_BINS + 1, KL_STEP):
        reference = counts[:n].astype(np.float64)
        reference[-1] += counts[n:].sum()
        found.append((entropy(reference, _coarse(counts[:n]) + 1e-12), edges[n]))
    threshold = float(min(found)[1])
    return max(float(x.min()), -threshold), min(float(x.max()), threshold)


def _coarse(counts: np.ndarray) -> np.ndarray:
    """Counts merged into KL_LEVELS bins and spread again over those that were not empty."""
    starts = np.arange(KL_LEVELS) * len(counts) // KL_LEVELS
    sums, filled = np.add.reduceat(counts, starts), np.add.reduceat(counts > 0, starts, dtype=np.int64)
    width = np.diff([*starts, len(counts)])
    return np.repeat(sums / np.maximum(filled, 1), width) * (counts > 0)


METHODS = {"max": maximum, "percentile": percentile_of_all, "max_percentile": percentile_of_maxima, "kl": kl}


def clip_weights(content: bytes, percentile: float) -> bytes:
    """The float32 file with each kernel cut, channel by channel, at this percentile of |w|. Batch norm is folded into
    these kernels, so their channels differ much in size."""
    if percentile == 100:
        return content
    model = read(content)
    for operator in weighted(content):
        tensor = operator.inputs[1]
        kernel = tensor.data.view(np.float32).reshape(tensor.shape)
        cut = clipped(kernel, CHANNEL_AXIS[operator.name], percentile)
        model.buffers[model.subgraphs[0].tensors[tensor.index].buffer].data = cut.view(np.uint8).ravel()
    return write(model)


def clipped(kernel: np.ndarray, axis: int | None, percentile: float) -> np.ndarray:
    """The kernel cut at this percentile of |w|, for each entry of `axis`, or as a whole where `axis` is None."""
    over = tuple(a for a in range(kernel.ndim) if a != axis)
    limit = np.percentile(np.abs(kernel), percentile, axis=over, keepdims=True)
    return np.clip(kernel, -limit, limit).astype(np.float32)


@dataclass(frozen=True)
class Clipping:
    """A way to choose ranges; called with the CalibrationData of a fold, it gives the int8 file on these ranges.

    `n_calibration` limits the calibration windows; None takes all. `weight_percentile` below 100 cuts the weights too.
    """

    method: str = "max"
    percentile: float = 100.0
    n_calibration: int | None = None
    weight_percentile: float = 100.0

    @property
    def name(self) -> str:
        """For example max, percentile_99.9, max_n32, max_w99.9."""
        parts = [self.method]
        parts += [f"{self.percentile:g}"] if self.percentile < 100 else []
        parts += [f"n{self.n_calibration}"] if self.n_calibration else []
        parts += [f"w{self.weight_percentile:g}"] if self.weight_percentile < 100 else []
        return "_".join(parts)

    def ranges(self, values: Mapping[str, np.ndarray]) -> Ranges:
        """The range of each tensor, 0 included; `values` as `observed` gives them."""
        found = {name: METHODS[self.method](x, self.percentile) for name, x in values.items()}
        return {name: (min(float(low), 0.0), max(float(high), 0.0)) for name, (low, high) in found.items()}

    def used(self, fold: CalibrationData) -> np.ndarray:
        """Which of the fold's calibration windows set the ranges, (n,) bool."""
        if not self.n_calibration:
            return np.ones(len(fold.rows), bool)
        return np.isin(fold.rows, evenly(fold.data.y, fold.fold.train, self.n_calibration, fold.seed))

    def __call__(self, fold: CalibrationData) -> bytes:
        used = self.used(fold)
        limits = self.ranges({name: x[used] for name, x in _values(fold).items()})
        return quantize(clip_weights(fold.float32, self.weight_percentile), limits)


@lru_cache(maxsize=1)
def _values(fold: CalibrationData) -> dict[str, np.ndarray]:
    return observed(fold.float32, fold.calibration)


def quantize(content: bytes, ranges: Ranges, weight_bits: Mapping[str, int] | None = None) -> bytes:
    """A float32 .tflite file as int8, its activations on `ranges` (least and largest value by tensor name).

    `weight_bits`: 4 or 8 by the name of an operator's output; 8 where nothing is said. Only CONV_2D and FULLY_CONNECTED
    have a kernel for int4 weights and int8 activations.
    """
    from ai_edge_quantizer import quantizer
    from ai_edge_quantizer.qtyping import QuantGranularity, TFLOperationName

    made, dense = quantizer.Quantizer(content), TFLOperationName.FULLY_CONNECTED
    # of two rules for one operator the later one wins
    made.add_static_config(".*", TFLOperationName.ALL_SUPPORTED, 8, 8)
    made.add_static_config(".*", dense, 8, 8, QuantGranularity.TENSORWISE)
    for name in (name for name, bits in (weight_bits or {}).items() if bits == 4):
        scope = f"^{re.escape(name)};?$"
        made.add_static_config(scope, TFLOperationName.CONV_2D, 8, 4)
        made.add_static_config(scope, dense, 8, 4, QuantGranularity.TENSORWISE)
    ranges, found = tied(content, ranges), {}
    for name in activations(content):
        low, high = np.reshape(np.float32(ranges[name]), (2, 1, 1))
        found[name] = {"min": low, "max": high}
    with native_silence(), warnings.catch_warnings(action="ignore"):
        result = bytes(made.quantize(found, enable_progress_report=False).quantized_model)
    check_operators(result, "static")
    return result


def tied(content: bytes, ranges: Ranges) -> Ranges:
    """The ranges, where an operator that keeps the scale of its input (pooling, reshape) has the range of its input."""
    found = dict(ranges)
    for operator in graph(content):
        if operator.name in SAME_SCALE:
            found[operator.outputs[0].name] = found[operator.inputs[0].name]
    return found
