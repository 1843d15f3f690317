"""Figures of the NPU notebook say what was drawn."""

import pandas as pd

from emolib.report.plots import npu


def test_vela_marks_accelerators_that_leave_work_to_the_cpu():
    table = pd.DataFrame(
        {
            "accelerator": ["one", "two"],
            "modelled_by": "vela 1",
            "latency_ms": [0.5, 0.25],
            "sram_kb": [8.0, 9.0],
            "flash_kb": [30.0, 31.0],
            "npu_percent": [100.0, 80.0],
        }
    )
    figure = npu.vela(table)
    assert figure.get_suptitle() == "Modelled by vela 1, not measured"
    first = figure.axes[0]
    assert [bar.get_width() for bar in first.patches] == [0.5, 0.25]
    assert first.patches[0].get_facecolor() != first.patches[1].get_facecolor()
    assert first.get_xlabel() == "latency of one window (ms)"
    assert [text.get_text() for text in first.get_yticklabels()] == ["one", "two"]
    assert len(figure.legends[0].get_texts()) == 2
    assert len(npu.vela(table[:1]).legends[0].get_texts()) == 1


def test_rounding_has_a_line_for_each_question():
    table = pd.DataFrame(
        {"index": [0, 1], "operator": ["CONV_2D", "MEAN"], "alone_lsb": [1, 0], "grown_lsb": [1, 4]}
    )
    [axes] = npu.rounding(table).axes
    assert [line.get_ydata().tolist() for line in axes.lines] == [[1, 4], [1, 0]]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["conv 2d", "mean"]
    assert axes.get_ylabel() == "largest difference (LSB)"
