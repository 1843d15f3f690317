"""Energy above idle on traces whose energy is known by hand, and what must hold for every trace."""

import numpy as np
import pytest
from emolib.evaluation.energy.estimate import estimate, ratio
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import trapezoid

from emolib.core.errors import BadParameter, BadRecording
from emolib.device.markers import Marker, joined
from emolib.evaluation.energy.blocks import Block, measure
from emolib.evaluation.energy.generated import START_S, Bench
from emolib.evaluation.energy.trace import Trace


def stairs(n_blocks=4, idle_w=2.0, work_w=5.0, sfreq=10.0, block_s=4.0, pause_s=4.0):
    """A noiseless log, samples in the middle of tenths of a second, and its markers; 100 inferences a block."""
    time_s = (np.arange(round((n_blocks * (block_s + pause_s) + pause_s) * sfreq)) + 0.5) / sfreq
    at_work = (time_s % (block_s + pause_s)) >= pause_s
    starts = pause_s + np.arange(n_blocks) * (block_s + pause_s)
    markers = [Marker(s, s + block_s, 100, "face") for s in starts]
    return Trace(time_s, np.where(at_work, work_w, idle_w), "stairs"), markers


def test_a_block_by_hand():
    measured = measure(*stairs())
    for block in measured.blocks:
        assert (block.net_j, block.idle_w, block.peak_w) == pytest.approx((3.0 * 4, 2.0, 5.0))
    assert not measured.excluded
    assert estimate(measured.blocks, "energy_mj").value == pytest.approx(120)
    assert estimate(measured.blocks, "peak_energy_mj").value == pytest.approx(120)
    assert estimate(measured.blocks, "net_w").value == pytest.approx(3)


def test_peak_minus_idle_takes_the_highest_reading():
    trace, markers = stairs()
    power = trace.power_w.copy()
    power[np.searchsorted(trace.time_s, 5.0)] = 9.0  # in the first block of four
    blocks = measure(Trace(trace.time_s, power, "peak"), markers).blocks
    assert [b.peak_w for b in blocks] == [9, 5, 5, 5]
    assert estimate(blocks, "peak_net_w").value == pytest.approx((7 + 3 * 3) / 4)
    assert estimate(blocks, "peak_energy_mj").value == pytest.approx(1e3 * (7 + 9) * 4 / 400)
    assert estimate(blocks, "energy_mj").value == pytest.approx(1e3 * (4 * 12 + 0.1 * 4) / 400)


def test_a_drifting_idle_is_taken_off_beside_each_block():
    trace, markers = stairs()
    warming = Trace(trace.time_s, trace.power_w + 0.05 * trace.time_s, "warming")
    found = estimate(measure(warming, markers).blocks[1:-1], "energy_mj")
    assert found.value == pytest.approx(120, rel=1e-9)


def test_a_tail_after_work_is_no_idle_if_it_may_settle():
    trace, markers = stairs(pause_s=6.0)
    tail = (trace.time_s % 10.0 < 2.0) & (trace.time_s > 10.0)
    power = np.where(tail, 3.0, trace.power_w)
    settled = measure(Trace(trace.time_s, power, "tail"), markers, settle_s=2.0)
    assert [b.idle_w for b in settled.blocks] == pytest.approx([2.0] * 4)
    assert measure(Trace(trace.time_s, power, "tail"), markers).blocks[0].idle_w > 2.1


def test_gaps_are_left_out_and_counted():
    trace, markers = stairs()
    gone = ((trace.time_s > 5) & (trace.time_s < 6)) | ((trace.time_s > 12.5) & (trace.time_s < 15.5))
    log = Trace(trace.time_s[~gone], trace.power_w[~gone], "gaps")
    assert log.gaps_s() == pytest.approx([1.0, 3.0])
    measured = measure(log, markers)
    assert measured.excluded == {"more gap than log in it": 1} and len(measured.blocks) == 3
    assert measured.blocks[0].net_j == pytest.approx(12) and measured.blocks[0].missing_s == pytest.approx(
        1.0
    )


def test_blocks_that_cannot_be_used_say_why():
    trace, markers = stairs()
    far, blink = Marker(1e4, 1e4 + 5, 1, "face"), Marker(34.0, 34.1, 1, "face")
    measured = measure(trace, [*markers, far, blink])
    assert len(measured.blocks) == 4 and measured.excluded == {
        "outside the log": 1,
        "shorter than 3 samples of the meter: repeat the work for longer": 1,
    }
    with pytest.raises(BadParameter, match=r"stairs: no block of work can be used: outside the log \(1\)"):
        measure(trace, [far])
    with pytest.raises(BadParameter, match="no marker has n above 0"):
        measure(trace, [markers[0]._replace(n=0)])
    with pytest.raises(BadParameter, match="no idle beside it: leave pauses"):
        measure(trace, [Marker(-1.0, 40.0, 1, "face")])
    with pytest.raises(BadParameter, match="settle_s is -1"):
        measure(trace, markers, settle_s=-1)


def test_work_that_is_no_inference_is_neither_idle_nor_counted():
    trace, markers = stairs()
    marked = [m._replace(n=0) if k == 1 else m for k, m in enumerate(markers)]
    measured = measure(trace, marked)
    assert len(measured.blocks) == 3 and [b.idle_w for b in measured.blocks] == pytest.approx([2.0] * 3)


def test_markers_of_one_kind_that_follow_each_other_are_a_block():
    marks = [Marker(k, k + 0.9, 1, "a") for k in range(5)] + [
        Marker(10, 11, 1, "a"),
        Marker(11.05, 12, 1, "b"),
    ]
    assert joined(marks, 0.5) == [Marker(0, 4.9, 5, "a"), Marker(10, 11, 1, "a"), Marker(11.05, 12, 1, "b")]
    with pytest.raises(BadParameter, match="b starts at 10.500 s while a runs until 11.000"):
        joined([Marker(10, 11, 1, "a"), Marker(10.5, 12, 1, "b")], 0.5)


def test_energy_of_a_trace_is_scipys_integral():
    rng = np.random.default_rng(3)
    trace = Trace(np.arange(500) / 50, rng.uniform(1, 5, 500), "noise")
    whole = trapezoid(trace.power_w, trace.time_s)
    assert trace.energy_j(trace.time_s[0], trace.time_s[-1]) == pytest.approx(whole, rel=2e-3)
    assert trace.covered_s(1.0, 4.5) == pytest.approx(3.5)


@pytest.mark.parametrize(
    "time_s, power_w, message",
    [
        ([0.0], [1.0], "1 times and 1 powers"),
        ([0.0, 1.0], [1.0], "2 times and 1 powers"),
        ([0.0, 1.0, 0.5], [1.0, 1, 1], "from 1.000000 to 0.500000 s at sample 2"),
        ([0.0, 1.0], [1.0, np.nan], "power_w holds NaN"),
    ],
)
def test_what_is_no_trace_is_refused(time_s, power_w, message):
    with pytest.raises(BadRecording, match=message):
        Trace(time_s, power_w, "bad")


traces = st.integers(0, 2**32 - 1).map(
    lambda seed: (
        lambda rng: Trace(np.cumsum(rng.exponential(0.1, 200) + 1e-3), rng.uniform(0, 9, 200), "any")
    )(np.random.default_rng(seed))
)


@settings(max_examples=40, deadline=None)
@given(traces, st.lists(st.floats(-1, 25), min_size=3, max_size=6))
def test_energy_is_additive(trace, times):
    times = np.sort(times)
    parts = trace.energy_j(times[:-1], times[1:]).sum()
    assert parts == pytest.approx(float(trace.energy_j(times[0], times[-1])), abs=1e-9)
    assert trace.covered_s(times[0], times[-1]) <= times[-1] - times[0] + 1e-9


@settings(max_examples=20, deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(0.1, 10), st.integers(0, 1000))
def test_energy_is_the_same_whenever_it_was_and_grows_with_power(shift_s, factor, seed):
    trace, markers = Bench(n_blocks=4, offset_s=0, drift=0).run(seed)
    trace = Trace(trace.time_s + START_S, trace.power_w, "x")
    later = Trace(trace.time_s + shift_s, factor * trace.power_w, "later")
    moved = [m._replace(start_s=m.start_s + shift_s, end_s=m.end_s + shift_s) for m in markers]
    first, second = (measure(*pair).blocks for pair in ((trace, markers), (later, moved)))
    for name in ("energy_mj", "peak_energy_mj"):
        assert estimate(second, name).value == pytest.approx(factor * estimate(first, name).value, rel=1e-4)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 50))
def test_energy_is_the_same_however_its_inferences_are_marked(parts):
    trace, markers = stairs()
    split = []
    for m in markers:
        edges = np.linspace(m.start_s, m.end_s, parts + 1)
        split += [Marker(a, b, 2, "face") for a, b in zip(edges[:-1], edges[1:], strict=True)]
    blocks = measure(trace, split).blocks
    assert [b.net_j for b in blocks] == pytest.approx([b.net_j for b in measure(trace, markers).blocks])
    assert {b.n for b in blocks} == {2 * parts}


def blocks_of(nets, n=10):
    return [Block("x", 10 * k, 10 * k + 5, n, net, 1.0, 1 + net / 5, 0.0) for k, net in enumerate(nets)]


def test_ratio_of_two_devices_and_its_interval():
    rng = np.random.default_rng(0)
    gpu, npu = blocks_of(31.2 + rng.normal(0, 0.3, 12)), blocks_of(10 + rng.normal(0, 0.1, 12))
    found = ratio(gpu, npu, "energy_mj")
    assert found.low < 3.12 < found.high and found.high - found.low < 0.1
    assert found.value == pytest.approx(sum(b.net_j for b in gpu) / sum(b.net_j for b in npu))
    # the interval of a ratio of independent means, by the delta method
    cv = np.hypot(
        *(np.std([b.net_j for b in x], ddof=1) / np.mean([b.net_j for b in x]) / 12**0.5 for x in (gpu, npu))
    )
    assert found.high - found.low == pytest.approx(2 * 2.2 * cv * found.value, rel=0.2)  # t of 11: 2.2


def test_a_ratio_to_nothing_is_none():
    noise = blocks_of([0.1, -0.1, 0.05, -0.02])
    assert np.isnan(ratio(blocks_of([5, 5.1, 4.9]), noise, "energy_mj").value)
    one = ratio(blocks_of([5]), blocks_of([2]), "energy_mj")
    assert one.value == 2.5 and np.isnan(one.low)
    with pytest.raises(BadParameter, match="energy_mj: got no block"):
        estimate([], "energy_mj")


@pytest.mark.parametrize("bench", [Bench(n_blocks=6), Bench(n_blocks=12, noise_w=0.2, pause_s=3.0)])
def test_the_interval_holds_the_truth_as_often_as_it_says(bench):
    hits = []
    for seed in range(40):
        trace, markers = bench.run(seed)
        on_clock = Trace(START_S + (1 + bench.drift) * trace.time_s, trace.power_w, "x")
        on_clock = Trace(on_clock.time_s + _first(bench), on_clock.power_w, "x")
        found = estimate(measure(on_clock, markers).blocks, "energy_mj", seed)
        hits.append(found.low <= bench.energy_mj <= found.high)
    assert np.mean(hits) >= 0.85  # of 40 at 95 %, fewer than 34 come up three times in a thousand


def _first(bench: Bench) -> float:
    """Seconds of the device's clock after START_S at which the meter's first reading lies."""
    first = np.ceil(-bench.offset_s / (1 + bench.drift) * bench.sfreq) / bench.sfreq
    return bench.offset_s + (1 + bench.drift) * first
