"""librosa compiles with numba, whose cache breaks, for good, where several processes write it: one per worker."""

import os

from emolib.paths import PROJECT

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "alone")
os.environ["NUMBA_CACHE_DIR"] = str(PROJECT / ".pytest_cache" / f"numba-{WORKER}")
