"""The smallest architecture that still does well enough, found by an A*-like search over trained models."""

from emolib.reduction.search import Search, trace
from emolib.reduction.store import Store, trained
from emolib.reduction.table import table

__all__ = ["Search", "Store", "table", "trace", "trained"]
