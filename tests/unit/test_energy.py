"""Offsets of a meter's clock, and energy above idle: on generated logs that know both, and on a log worked out by hand."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import trapezoid

from emolib.core.errors import BadParameter, BadRecording
from emolib.device import markers
from emolib.device.markers import Marker, Recorder
from emolib.evaluation.energy import alignment, marks
from emolib.evaluation.energy.blocks import Block, estimate, measure, ratio
from emolib.evaluation.energy.generated import START_S, Bench
from emolib.evaluation.energy.trace import Trace


def true_s(bench: Bench, trace: Trace) -> np.ndarray:
    """The readings on the device's clock."""
    first = np.ceil(-bench.offset_s / (1 + bench.drift) * bench.sfreq) / bench.sfreq
    return START_S + bench.offset_s + (1 + bench.drift) * (first + trace.time_s)


def worst_error_s(bench: Bench, found: alignment.Alignment, trace: Trace) -> float:
    """How far the aligned clock is from the true one, at the first and the last marked second."""
    true, marked = true_s(bench, trace), bench.markers()
    inside = (true >= marked[0].start_s) & (true <= marked[-1].end_s)
    return np.abs((found.apply(trace).time_s - true)[inside][[0, -1]]).max()


@pytest.mark.parametrize("bench, max_drift, within_s", [
    (Bench(drift=0, offset_s=-212.34), 0.0, 0.01),
    (Bench(drift=-3e-3), 5e-3, 0.01),
    (Bench(drift=0, unit_s=0), 0.0, 0.03),  # no pattern: its blocks alone
    (Bench(sfreq=1, block_s=20, pause_s=15, unit_s=4), 0.0, 0.1),  # an outlet meter
    (Bench(gap_s=(60.0, 75.0)), 1e-3, 0.02),
    (Bench(noise_w=0.6), 1e-3, 0.1),  # half of what the work takes
])  # fmt: skip
def test_the_clock_is_found_and_the_energy_with_it(bench, max_drift, within_s):
    trace, marked = bench.run(1)
    found = alignment.find(trace, marked, max_drift=max_drift)
    assert worst_error_s(bench, found, trace) < within_s
    assert found.correlation > found.runner_up + 0.02
    if max_drift:
        assert found.drift == pytest.approx(bench.drift, abs=2e-4)
    energy = estimate(measure(found.apply(trace), marked).blocks, "energy_mj")
    assert energy.value == pytest.approx(bench.energy_mj, rel=0.005 + 0.1 * bench.noise_w)


def test_an_offset_that_does_not_stand_out_is_refused():
    equal = Bench(n_blocks=120, block_s=2.0, pause_s=2.0, unit_s=0, drift=0, noise_w=0.3)
    trace, marked = equal.run(0)
    with pytest.raises(BadRecording, match=r"offsets of .* s fit alike .* run a pattern before the work, or"):
        alignment.find(trace, marked)
    found = alignment.find(trace, marked, search_s=(START_S - 1.0, START_S + 1.0))
    assert worst_error_s(equal, found, trace) < 0.05
    with pytest.raises(BadRecording, match="generated log: power does not follow the marked work"):
        alignment.find(*Bench(net_w=0.0).run(0))
    trace, marked = Bench().run(0)
    with pytest.raises(BadRecording, match="short: at no offset does the log cover 80% of the marked work"):
        alignment.find(Trace(trace.time_s[:300], trace.power_w[:300], "short"), marked)


def stairs(n_blocks=4, idle_w=2.0, work_w=5.0, sfreq=10.0, block_s=4.0, pause_s=4.0):
    """A noiseless log, samples in the middle of tenths of a second, and its markers; 100 inferences a block."""
    time_s = (np.arange(round((n_blocks * (block_s + pause_s) + pause_s) * sfreq)) + 0.5) / sfreq
    at_work = (time_s % (block_s + pause_s)) >= pause_s
    starts = pause_s + np.arange(n_blocks) * (block_s + pause_s)
    marked = [Marker(s, s + block_s, 100, "face") for s in starts]
    return Trace(time_s, np.where(at_work, work_w, idle_w), "stairs"), marked


def test_energy_by_hand_and_by_scipys_integral():
    noise = Trace(np.arange(500) / 50, np.random.default_rng(0).uniform(1, 5, 500), "noise")
    whole_j = trapezoid(noise.power_w, noise.time_s)
    assert noise.energy_j(noise.time_s[0], noise.time_s[-1]) == pytest.approx(whole_j, rel=5e-3)
    trace, marked = stairs()
    measured = measure(trace, marked)
    assert not measured.excluded
    found = [estimate(measured.blocks, name).value for name in ("energy_mj", "peak_energy_mj", "net_w")]
    assert found == pytest.approx([120, 120, 3])
    power_w = trace.power_w.copy()
    power_w[np.searchsorted(trace.time_s, 5.0)] = 9.0  # in the first block of four
    blocks = measure(Trace(trace.time_s, power_w, "peak"), marked).blocks
    assert estimate(blocks, "peak_net_w").value == pytest.approx((7 + 3 * 3) / 4)
    assert estimate(blocks, "peak_energy_mj").value == pytest.approx(1e3 * (7 + 9) * 4 / 400)
    assert estimate(blocks, "energy_mj").value == pytest.approx(1e3 * (4 * 12 + 0.1 * 4) / 400)


def test_idle_is_the_rest_beside_each_block():
    trace, marked = stairs()
    warming = Trace(trace.time_s, trace.power_w + 0.05 * trace.time_s, "warming")
    found = estimate(measure(warming, marked).blocks[1:-1], "energy_mj")
    assert found.value == pytest.approx(120, rel=1e-9)
    uncounted = [marked[0], marked[1]._replace(n=0), *marked[2:]]
    assert [b.idle_w for b in measure(trace, uncounted).blocks] == pytest.approx([2.0] * 3)
    trace, marked = stairs(pause_s=6.0)
    tail = (trace.time_s % 10.0 < 2.0) & (trace.time_s > 10.0)
    tailed = Trace(trace.time_s, np.where(tail, 3.0, trace.power_w), "tail")
    assert [b.idle_w for b in measure(tailed, marked, settle_s=2.0).blocks] == pytest.approx([2.0] * 4)
    assert measure(tailed, marked).blocks[0].idle_w > 2.1


def test_gaps_are_left_out_and_what_cannot_be_used_says_why():
    trace, marked = stairs()
    gone = ((trace.time_s > 5) & (trace.time_s < 6)) | ((trace.time_s > 12.5) & (trace.time_s < 15.5))
    log = Trace(trace.time_s[~gone], trace.power_w[~gone], "gaps")
    assert log.gaps_s() == pytest.approx([1.0, 3.0])
    measured = measure(log, marked)
    assert measured.excluded == {"more gap than log in it": 1} and len(measured.blocks) == 3
    assert (measured.blocks[0].net_j, measured.blocks[0].missing_s) == pytest.approx((12, 1.0))
    far, blink = Marker(1e4, 1e4 + 5, 1, "face"), Marker(34.0, 34.1, 1, "face")
    short, far_away = measure(trace, [*marked, far, blink]).excluded
    assert far_away == "outside the log" and short.startswith("shorter than 3 samples of the meter")
    with pytest.raises(BadParameter, match="no idle beside it: leave pauses"):
        measure(trace, [Marker(-1.0, 40.0, 1, "face")])


@settings(max_examples=20, deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(0.1, 10))
def test_energy_is_the_same_whenever_it_was_and_grows_with_power(shift_s, factor):
    trace, marked = Bench(n_blocks=4, offset_s=0, drift=0).run(0)
    moved = [m._replace(start_s=m.start_s + shift_s, end_s=m.end_s + shift_s) for m in marked]
    first = measure(Trace(trace.time_s + START_S, trace.power_w, "x"), marked).blocks
    later = measure(Trace(trace.time_s + START_S + shift_s, factor * trace.power_w, "x"), moved).blocks
    for name in ("energy_mj", "peak_energy_mj"):
        assert estimate(later, name).value == pytest.approx(factor * estimate(first, name).value, rel=1e-4)


def blocks_of(nets):
    return [Block("x", 10 * k, 10 * k + 5, 10, net, 1.0, 1 + net / 5, 0.0) for k, net in enumerate(nets)]


def test_ratio_of_two_devices_and_its_interval():
    rng = np.random.default_rng(0)
    gpu, npu = blocks_of(31.2 + rng.normal(0, 0.3, 12)), blocks_of(10 + rng.normal(0, 0.1, 12))
    found = ratio(gpu, npu, "energy_mj")
    assert found.value == pytest.approx(sum(b.net_j for b in gpu) / sum(b.net_j for b in npu))
    nets = ([b.net_j for b in blocks] for blocks in (gpu, npu))
    cv = np.hypot(*(np.std(x, ddof=1) / np.mean(x) / 12**0.5 for x in nets))  # the delta method
    assert found.high - found.low == pytest.approx(2 * 2.2 * cv * found.value, rel=0.2)  # t of 11: 2.2
    one = ratio(blocks_of([5]), blocks_of([2]), "energy_mj")
    assert one.value == 2.5 and np.isnan(one.low)
    assert np.isnan(ratio(blocks_of([5, 5.1, 4.9]), blocks_of([0.1, -0.1, 0.05, -0.02]), "energy_mj").value)


def test_a_device_records_pattern_and_work_also_where_work_fails(tmp_path):
    path, start_s = tmp_path / "markers.csv", time.time()
    with pytest.raises(ZeroDivisionError), Recorder(path) as recorder:
        markers.pattern(recorder, lambda: time.sleep(0.001), unit_s=0.01, lead_s=0.0)
        with recorder.mark("load, then run", n=7):
            time.sleep(0.01)
        with recorder.mark("fails"):
            raise ZeroDivisionError
    found = marks.read(path)
    assert len(found) == 9 + 1 and [m.n for m in found[:9]] == [0] * 9
    assert all(m.start_s < m.end_s for m in found) and abs(found[0].start_s - start_s) < 1
    assert (found[-1].n, found[-1].what) == (7, "load, then run")


def test_markers_of_one_kind_that_follow_each_other_are_a_block():
    marked = [Marker(k, k + 0.9, 1, "a") for k in range(5)]
    marked += [Marker(10, 11, 1, "a"), Marker(11.05, 12, 1, "b")]
    assert marks.joined(marked, 0.5) == [Marker(0, 4.9, 5, "a"), Marker(10, 11, 1, "a"), Marker(11.05, 12, 1, "b")]
    with pytest.raises(BadParameter, match="b starts at 10.500 s while a runs until 11.000"):
        marks.joined([Marker(10, 11, 1, "a"), Marker(10.5, 12, 1, "b")], 0.5)
