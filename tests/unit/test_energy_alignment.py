"""The offset of a meter's clock, found on generated logs that know it; and refused where nothing stands out."""

import time

import numpy as np
import pytest
from emolib.evaluation.energy.estimate import estimate
from hypothesis import given, settings
from hypothesis import strategies as st

from emolib.core.errors import BadParameter, BadRecording
from emolib.device import markers
from emolib.device.markers import PATTERN, Marker, Recorder
from emolib.evaluation.energy import alignment
from emolib.evaluation.energy.blocks import measure
from emolib.evaluation.energy.generated import START_S, Bench
from emolib.evaluation.energy.trace import Trace


def off_s(bench: Bench, found: alignment.Alignment, trace: Trace) -> np.ndarray:
    """How far the aligned clock is from the true one, s, at the first and the last marked second."""
    first = np.ceil(-bench.offset_s / (1 + bench.drift) * bench.sfreq) / bench.sfreq
    true = START_S + bench.offset_s + (1 + bench.drift) * (first + trace.time_s)
    marked = bench.markers()
    inside = (true >= marked[0].start_s) & (true <= marked[-1].end_s)
    return (found.apply(trace).time_s - true)[inside][[0, -1]]


@pytest.mark.parametrize(
    "bench, max_drift, within_s",
    [
        (Bench(drift=0), 0.0, 0.01),
        (Bench(drift=0, offset_s=-212.34), 0.0, 0.01),
        (Bench(), 1e-3, 0.01),
        (Bench(drift=-3e-3), 5e-3, 0.01),
        (Bench(drift=0, unit_s=0), 0.0, 0.03),  # no pattern: its blocks alone
        (Bench(sfreq=1, block_s=20, pause_s=15, unit_s=4), 0.0, 0.1),  # an outlet meter
        (Bench(sfreq=500, block_s=0.6, pause_s=0.4, unit_s=0.2), 1e-3, 0.001),
        (Bench(gap_s=(60.0, 75.0)), 1e-3, 0.02),
        (Bench(noise_w=0.6), 1e-3, 0.1),  # half of what the work takes
        (Bench(quantum_w=0.5, drift=0), 0.0, 0.1),
    ],
)
def test_the_clock_is_found_and_the_energy_with_it(bench, max_drift, within_s):
    trace, marked = bench.run(1)
    found = alignment.find(trace, marked, max_drift=max_drift)
    assert np.abs(off_s(bench, found, trace)).max() < within_s
    assert found.correlation > found.runner_up + 0.02
    if max_drift:
        assert found.drift == pytest.approx(bench.drift, abs=2e-4)
    if bench.quantum_w < bench.noise_w:
        energy = estimate(measure(found.apply(trace), marked).blocks, "energy_mj")
        assert energy.value == pytest.approx(bench.energy_mj, rel=0.005 + 0.1 * bench.noise_w)


def test_the_offset_is_that_of_the_first_sample():
    found = alignment.Alignment(100.0, 0.01, 1.0, 0.0)
    moved = found.apply(Trace([5.0, 15.0], [1.0, 2.0], "x"))
    assert moved.time_s.tolist() == pytest.approx([105.0, 115.1])


def test_a_pattern_makes_equal_blocks_unambiguous():
    equal = Bench(n_blocks=120, block_s=2.0, pause_s=2.0, unit_s=0, drift=0, noise_w=0.3)
    with pytest.raises(
        BadRecording, match=r"offsets of .* s fit alike .* run a pattern before the work, or give"
    ):
        alignment.find(*equal.run(0))
    with_pattern = Bench(n_blocks=20, block_s=2.0, pause_s=2.0, unit_s=2.0, drift=0, noise_w=0.3)
    trace, marked = with_pattern.run(0)
    assert np.abs(off_s(with_pattern, alignment.find(trace, marked), trace)).max() < 0.05


def test_a_search_may_be_narrowed():
    equal = Bench(n_blocks=120, block_s=2.0, pause_s=2.0, unit_s=0, drift=0, noise_w=0.3)
    trace, marked = equal.run(0)
    found = alignment.find(trace, marked, search_s=(START_S - 1.0, START_S + 1.0))
    assert np.abs(off_s(equal, found, trace)).max() < 0.05
    with pytest.raises(BadRecording, match="at no offset does the log cover 80% of the marked work"):
        alignment.find(trace, marked, search_s=(0.0, 1.0))


@settings(max_examples=8, deadline=None)
@given(st.floats(-1e5, 1e5))
def test_a_meter_that_starts_later_has_another_offset_and_the_same_energy(shift_s):
    trace, marked = Bench(n_blocks=5).run(2)
    later = Trace(trace.time_s + shift_s, trace.power_w, "later")
    first, second = (alignment.find(log, marked) for log in (trace, later))
    assert second.offset_s == pytest.approx(first.offset_s - shift_s, abs=2e-3)
    energies = [
        estimate(measure(found.apply(log), marked).blocks, "energy_mj").value
        for found, log in ((first, trace), (second, later))
    ]
    assert energies[0] == pytest.approx(energies[1], rel=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_a_log_that_does_not_know_the_work_is_refused(seed):
    trace, marked = Bench(net_w=0.0).run(seed)
    with pytest.raises(BadRecording, match="generated log: power does not follow the marked work"):
        alignment.find(trace, marked)


def test_a_log_of_a_constant_or_of_less_than_the_work_is_refused():
    trace, marked = Bench().run(0)
    with pytest.raises(BadRecording, match="generated log"):
        alignment.find(Trace(trace.time_s, np.full(len(trace.time_s), 2.0), "generated log"), marked)
    short = Trace(trace.time_s[:300], trace.power_w[:300], "short")
    with pytest.raises(BadRecording, match="short: at no offset does the log cover 80%"):
        alignment.find(short, marked)
    with pytest.raises(BadParameter, match="max_drift is 0.5"):
        alignment.find(trace, marked, max_drift=0.5)


def test_a_given_offset_is_taken_and_its_correlation_told():
    bench = Bench(drift=0)
    trace, marked = bench.run(0)
    right, wrong = (alignment.given(trace, marked, offset) for offset in (START_S, START_S + 7))
    assert right.correlation > 0.9 > 0.5 > wrong.correlation and right.offset_s == START_S
    assert np.isnan(alignment.given(trace, marked, 0.0).correlation)


def test_the_pattern_is_like_none_of_its_shifts():
    code = np.array([1 if digit == "1" else -1 for digit in PATTERN])
    sides = np.correlate(code, code, mode="full")
    assert sides[12] == 13 and np.abs(np.delete(sides, 12)).max() <= 1  # Barker


def test_a_device_records_pattern_and_work(tmp_path, monkeypatch):
    path = tmp_path / "markers.csv"
    start_s = time.time()
    with Recorder(path) as recorder:
        markers.pattern(recorder, lambda: time.sleep(0.001), unit_s=0.01, lead_s=0.0)
        markers.repeat(recorder, "face", lambda: time.sleep(0.002), n_blocks=2, block_s=0.02, pause_s=0.01)
        with recorder.mark("load, then run", n=7):
            time.sleep(0.01)
    found = markers.read(path)
    assert len(found) == 9 + 2 + 1 and [m.n for m in found[:9]] == [0] * 9
    assert all(m.start_s < m.end_s for m in found) and abs(found[0].start_s - start_s) < 1
    blocks = [m for m in found if m.what == "face"]
    assert all(1 <= m.n <= 10 and m.end_s - m.start_s >= 0.02 for m in blocks)
    assert found[-1].n == 7 and found[-1].what == "load, then run"


def test_markers_are_written_where_the_work_fails(tmp_path):
    with pytest.raises(ZeroDivisionError), Recorder(tmp_path / "m.csv") as recorder:
        with recorder.mark("a"):
            time.sleep(0.001)
        with recorder.mark("b"):
            raise ZeroDivisionError
    assert [m.what for m in markers.read(tmp_path / "m.csv")] == ["a"]


@pytest.mark.parametrize(
    "text, message",
    [
        ("start_s,end_s,n,what\n1,2,1,a\n3,2,1,a\n", "row 3 is '3,2,1,a', expected start_s < end_s"),
        ("start_s,end_s,n,what\n1,x,1,a\n", "row 2 is '1,x,1,a'"),
        ("start_s,end_s,n,what\n1,2,1\n", "row 2 is '1,2,1'"),
        ("start_s,end_s,n,what\n1,inf,1,a\n", "expected start_s < end_s"),
        ("start_s,end_s,n,what\n", "no marker, expected one or more"),
        ("a,b\n", "row 1 is 'a,b', expected start_s,end_s,n,what"),
        ("", "row 1 is ''"),
    ],
)
def test_bad_markers_name_file_and_row(text, message, tmp_path):
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(BadRecording, match=message) as error:
        markers.read(tmp_path / "m.csv")
    assert "m.csv" in str(error.value)


def test_markers_that_are_not_there(tmp_path):
    with pytest.raises(BadRecording, match="none.csv"):
        markers.read(tmp_path / "none.csv")
    assert Marker(0, 1, 1, "x").what == "x"
