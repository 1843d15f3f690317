"""The smallest architecture that still does well enough, found by an A*-like search over trained models."""

from emolib.studies.reduction.search import Search, trace
from emolib.studies.reduction.store import Store, trained

__all__ = ["Search", "Store", "trace", "trained"]
