"""A corpus of ten times the memory that a process may have is windowed, standardised, trained on and answered."""

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
