"""Where to cut activations before they are quantized: MAX, PERCENTILE, MAX-PERCENTILE and KL ranges.

Each method maps the values x of one tensor over N calibration windows, (N, size), to a range [low, high]. The
range that is quantized also holds 0, since padding must be exact. MAX and PERCENTILE are the methods of NPU
compilers by those names. MAX-PERCENTILE is our approximation: the vendors have not published theirs.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from emolib.core.errors import BadParameter
from emolib.datasets.splits import calibration
from emolib.quantization.calibration import observed
from emolib.quantization.conversion import Kit
from emolib.quantization.flatbuffer import activations, graph, read, write
from emolib.quantization.quantizer import Ranges, quantize

TOP_SHARE = 0.01  # of a window's values that MAX-PERCENTILE takes as its maxima
KL_BINS, KL_LEVELS, KL_STEP = 2048, 128, 32
CHANNEL_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": None}  # None: one scale for all


def maximum(x: np.ndarray, percentile: float = 100.0) -> tuple[float, float]:
    """MAX: low = min x, high = max x, over all windows. `percentile` is not used."""
    return float(x.min()), float(x.max())


def percentile_of_all(x: np.ndarray, percentile: float) -> tuple[float, float]:
    """PERCENTILE: low = P_(100-p)(x), high = P_p(x), over all values of all windows."""
    low, high = np.percentile(x, [100 - percentile, percentile])
    return float(low), float(high)


def percentile_of_maxima(x: np.ndarray, percentile: float) -> tuple[float, float]:
    """MAX-PERCENTILE: high = P_p(∪ᵢ Tᵢ), Tᵢ the largest ⌈0.01 · size⌉ values of window i; low alike from the smallest.

    An approximation of the unpublished method of that name: p = 100 is MAX; with one value a window it is the
    percentile of the windows' maxima.
    """
    n = int(np.ceil(TOP_SHARE * x.shape[1]))
    ordered = np.sort(x, axis=1)
    low, high = np.percentile(ordered[:, :n], 100 - percentile), np.percentile(ordered[:, -n:], percentile)
    return float(low), float(high)


def kl(x: np.ndarray, percentile: float = 100.0) -> tuple[float, float]:
    """KL: the threshold t that minimises KL(P ‖ Q_t), range [max(min x, -t), min(max x, t)]. `percentile` is not used.

    P is the histogram of |x| with what lies beyond t in its last bin, Q_t the same in 128 levels (Migacz 2017,
    "8-bit inference with TensorRT"). Zeros are left out: they are exact under any range, and behind a ReLU they
    are most of x.
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


METHODS: dict[str, Callable] = {
    "max": maximum,
    "percentile": percentile_of_all,
    "max_percentile": percentile_of_maxima,
    "kl": kl,
}


def clip_weights(content: bytes, percentile: float) -> bytes:
    """The float32 file with each kernel cut, channel by channel, at the percentile of its size |w|.

    Batch norm is folded into the kernels of such a file, so their channels differ much in size.
    """
    model = read(content)
    for operator in graph(content):
        if operator.name in CHANNEL_AXIS:
            tensor, axis = operator.inputs[1], CHANNEL_AXIS[operator.name]
            buffer = model.buffers[model.subgraphs[0].tensors[tensor.index].buffer]
            kernel = np.asarray(buffer.data, np.uint8).view(np.float32).reshape(tensor.shape)
            buffer.data = clipped(kernel, axis, percentile).view(np.uint8).ravel()
    return write(model)


def clipped(kernel: np.ndarray, axis: int | None, percentile: float) -> np.ndarray:
    """The kernel cut at the percentile of its size |w|, by entry of `axis`, or as a whole where that is None."""
    over = tuple(a for a in range(kernel.ndim) if a != axis)
    limit = np.percentile(np.abs(kernel), percentile, axis=over, keepdims=True)
    return np.clip(kernel, -limit, limit).astype(np.float32)


@dataclass(frozen=True)
class Clipping:
    """A way to choose ranges, and as a converter the int8 file of one fold.

    `n_calibration`: how many of the kit's windows are looked at, all if None. Raises BadParameter.
    """

    method: str = "max"
    percentile: float = 100.0
    n_calibration: int | None = None
    weight_percentile: float = 100.0

    def __post_init__(self):
        if self.method not in METHODS:
            raise BadParameter(f"method: got {self.method!r}, expected one of {', '.join(METHODS)}.")
        for name in ("percentile", "weight_percentile"):
            if not 0 < getattr(self, name) <= 100:
                raise BadParameter(f"{name}: got {getattr(self, name)}, expected more than 0, at most 100.")

    @property
    def name(self) -> str:
        """For example max, percentile_99.9, max_n32, max_w99.9."""
        parts = [self.method]
        parts += [f"{self.percentile:g}"] if self.percentile < 100 else []
        parts += [f"n{self.n_calibration}"] if self.n_calibration else []
        parts += [f"w{self.weight_percentile:g}"] if self.weight_percentile < 100 else []
        return "_".join(parts)

    def ranges(self, values: Mapping[str, np.ndarray]) -> Ranges:
        """The range of each tensor that `observed` gave, 0 included."""
        found = {name: METHODS[self.method](x, self.percentile) for name, x in values.items()}
        return {name: (min(low, 0.0), max(high, 0.0)) for name, (low, high) in found.items()}

    def seen(self, kit: Kit) -> np.ndarray:
        """Which of the kit's calibration windows are looked at, (n,) bool."""
        if not self.n_calibration:
            return np.ones(len(kit.rows), bool)
        return np.isin(kit.rows, calibration(kit.data, kit.fold, self.n_calibration, kit.seed))

    def __call__(self, kit: Kit) -> bytes:
        seen = self.seen(kit)
        limits = self.ranges({name: x[seen] for name, x in _values(kit).items()})
        content = kit.float32
        if self.weight_percentile < 100:
            content = clip_weights(content, self.weight_percentile)
        return quantize(content, limits)


def sweep(
    percentiles: Iterable[float], sizes: Iterable[int], weight_percentiles: Iterable[float]
) -> dict[str, Clipping]:
    """Converters by name: every method at every percentile, MAX on fewer windows, and with clipped weights."""
    found = [Clipping("max"), Clipping("kl")]
    found += [Clipping(method, p) for method in ("percentile", "max_percentile") for p in percentiles]
    found += [Clipping(n_calibration=n) for n in sizes]
    found += [Clipping(weight_percentile=p) for p in weight_percentiles]
    return {clipping.name: clipping for clipping in found}


@lru_cache(maxsize=1)
def _values(kit: Kit) -> dict[str, np.ndarray]:
    return observed(kit.float32, kit.calibration, kit.calibration_y)


def quality(values: Mapping[str, np.ndarray], ways: Iterable[Clipping]) -> pd.DataFrame:
    """What 8 bits do to each tensor: tensor, method, low, high, sqnr_db, clipped (share of values).

    SQNR = 10 log10(Σ x² / Σ (x - Q(x))²), Q the rounding to 256 steps of [low, high]; NaN where x is 0 throughout.
    """
    rows = []
    for way in ways:
        for tensor, (low, high) in way.ranges(values).items():
            x = values[tensor].astype(np.float64)
            noise, signal = np.square(x - rounded(x, low, high)).sum(), np.square(x).sum()
            sqnr = 10 * np.log10(signal / noise) if signal and noise else np.nan
            outside = ((x < low) | (x > high)).mean()
            row = {"tensor": tensor, "method": way.name, "low": low, "high": high}
            rows.append(row | {"sqnr_db": sqnr, "clipped": outside})
    return pd.DataFrame(rows)


def rounded(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """x as int8 would hold it, in x's unit: scale (high - low) / 255, zero point rint(-128 - low / scale)."""
    scale = max(high - low, 1e-9) / 255
    zero_point = np.rint(-128 - low / scale)
    return (np.clip(np.rint(x / scale) + zero_point, -128, 127) - zero_point) * scale


def largest_deviation(content: bytes, limits: Ranges) -> float:
    """By how much a scale in a quantized file is off the one that `limits` asks for, as a share; the largest.

    The file may be compact: activation tensors are compared in order of execution.
    """
    tensors = activations(content).values()
    pairs = zip(tensors, limits.values(), strict=True)
    return max(abs(255 * float(t.scale[0]) / (high - low) - 1) for t, (low, high) in pairs if high > low)
