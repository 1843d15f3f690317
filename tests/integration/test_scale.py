"""A corpus of ten times the memory that a process may have is windowed, standardised, trained on and answered."""

import subprocess
import sys

import pytest

from emolib.core.paths import PROJECT

BENCHMARKS = PROJECT / "benchmarks"
sys.path.append(str(BENCHMARKS))
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits are read in /proc")
SHARE_MB = 60


def test_ten_times_the_memory():
    import scale

    found = scale.measured(10 * SHARE_MB * 2**20 // scale.BYTES + 1, SHARE_MB)
    assert found["corpus"] >= 10 * SHARE_MB > 10 * found["memory"]
    assert found["accuracy"] > 0.9  # the windows of two classes differ by a standard deviation


def test_in_memory_it_would_not_fit():
    code = f"""
import resource, numpy as np, scale
limit = int((scale.mb("VmData") + {SHARE_MB}) * 2**20)
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
X, *_ = scale.windows({SHARE_MB} * 2**20 * scale.N_WINDOWS // scale.BYTES)
print(len(X), flush=True)
np.array(X)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=BENCHMARKS)
    assert int(done.stdout) > 0 and "MemoryError" in done.stderr
