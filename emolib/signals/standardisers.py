"""Which standardiser windows take: one, one for each branch, or, where windows know their person, a prior."""

import numpy as np

from emolib.core.windows import Windows
from emolib.signals.owner import Heard, Prior
from emolib.signals.standardise import Standardiser


class ByBranch(dict[str, Standardiser]):
    """One Standardiser for each branch, for windows that are a dict by branch."""

    def __call__(self, X: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: self[name](x) for name, x in X.items()}

    def to_dict(self) -> dict:
        return {name: one.to_dict() for name, one in self.items()}


def fit(X: Windows | Heard, axis) -> Standardiser | ByBranch:
    """A standardiser fitted to X (n_windows, …), or one for each branch of it, with `axis` by branch. Raises BadSet."""
    if isinstance(X, dict):
        return ByBranch({name: fit(x, axis[name]) for name, x in X.items()})
    return Prior.fit(X, axis) if isinstance(X, Heard) else Standardiser.fit(X, axis)


def from_dict(record: dict) -> Standardiser | ByBranch:
    """The standardiser that `to_dict` of any of these classes described."""
    if "axis" not in record:
        return ByBranch({name: from_dict(one) for name, one in record.items()})
    return (Prior if "within" in record else Standardiser).from_dict(record)
