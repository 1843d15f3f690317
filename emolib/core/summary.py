"""summary.json: every number that a run's report shows, flat, for machines.

The key is corpus/task/protocol/variant/metric; the value says what it is, how sure, and where it comes from.
"""

import math
import re
from collections.abc import Iterable
from numbers import Integral

from emolib.core.errors import BadArtifact, BadParameter

PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
SIGNIFICANT = 6


def key(corpus: str, task: str, protocol: str, variant: str, metric: str) -> str:
    """corpus/task/protocol/variant/metric. Raises BadParameter for an empty part or other signs."""
    parts = {"corpus": corpus, "task": task, "protocol": protocol, "variant": variant, "metric": metric}
    for name, part in parts.items():
        if not PART.fullmatch(part):
            raise BadParameter(f"Summary key: {name} is {part!r}, expected letters, digits and _ . + - only.")
    return "/".join(parts.values())


def number(
    value: float, low: float | None = None, high: float | None = None, *, unit: str, n: int, artifact: str
) -> dict:
    """One entry: floats with six significant digits, integers whole; low, high: 95 % interval; n: sample.

    Raises BadParameter for NaN, infinity, or an interval upside down.
    """
    value, low, high = (None if x is None else _rounded(x, artifact) for x in (value, low, high))
    if low is not None and high is not None and low > high:
        raise BadParameter(f"Summary number of {artifact}: the interval {low} to {high} is upside down.")
    return {"value": value, "low": low, "high": high, "unit": unit, "n": int(n), "artifact": artifact}


def ends(low: float, high: float) -> tuple[float | None, float | None]:
    """low and high as `number` takes them: None where one subject alone left the interval NaN."""
    return (None, None) if math.isnan(low) else (low, high)


def _rounded(value: float, artifact: str) -> float:
    if not math.isfinite(value):
        raise BadParameter(f"Summary number of {artifact} is {value}, not finite: leave it out.")
    return int(value) if isinstance(value, Integral) else float(f"{value:.{SIGNIFICANT}g}")


def merge(parts: Iterable[dict[str, dict]]) -> dict[str, dict]:
    """One summary, sorted by key. Raises BadArtifact if two parts give different numbers for one key."""
    merged: dict[str, dict] = {}
    for part in parts:
        for name, entry in part.items():
            first = merged.setdefault(name, entry)
            if first != entry:
                raise BadArtifact(
                    f"{name} is {first['value']} in {first['artifact']} but {entry['value']} in "
                    f"{entry['artifact']}: delete the older artifact and run `make reproduce`."
                )
    return dict(sorted(merged.items()))
