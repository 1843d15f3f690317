"""What every test needs set first.

librosa compiles with numba, whose cache breaks, for good, where several processes write it: one per worker. Property
tests draw the same examples in every run: a failure is of the change at hand.
"""

import os

import pytest
from hypothesis import settings

from emolib.core.paths import PROJECT

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "alone")
os.environ["NUMBA_CACHE_DIR"] = str(PROJECT / ".pytest_cache" / f"numba-{WORKER}")

settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("same")


@pytest.fixture
def data(tmp_path, monkeypatch):
    """The folder of the corpora: empty, and of this test alone."""
    monkeypatch.setenv("EMOLIB_DATA", str(tmp_path))
    return tmp_path
