"""Every figure of the compression notebooks draws what a notebook gives it."""

import numpy as np
import pandas as pd
import pytest

from emolib.report import plots

NAMES = ["uniform_int8", "int4", "mixed", "greedy", "random 1", "random 2"]
EFFECTS = pd.DataFrame(
    [("loss", "a", 0.6, 0.05), ("loss", "b", 0.5, 0.1), ("epochs", "3", 0.55, 0.1)],
    columns=["factor", "level", "uar", "uar_sd"],
)
CELLS = pd.DataFrame({"loss": ["a", "b"], "epochs": 3, "uar": [0.6, 0.5]})
QUALITY = pd.DataFrame(
    [(tensor, way, 40.0, 0.01) for tensor in ("serving_default_x:0", "relu") for way in ("max", "kl")],
    columns=["tensor", "method", "sqnr_db", "clipped"],
)
POINTS = pd.DataFrame(
    [("float32", 0.0, np.nan, np.nan), ("int8", -1.0, -3.0, 2.0)],
    columns=["variant", "points", "points_low", "points_high"],
)
LAYERS = pd.DataFrame(
    [("a", "Conv2D", 4, 1.0, 0.1), ("b", "DepthwiseConv2D", 8, 10.0, 0.2), ("a", "Conv2D", 8, 2.0, 0.3)],
    columns=["layer", "operator", "bits", "omega_4", "omega_8"],
)
PICKS = pd.DataFrame({"pick": NAMES, "kind": ["variant"] * 4 + ["random"] * 2, "uar": 0.5})
PICKS = PICKS.assign(weight_bytes=[120.0, 60, 80, 80, 79, 78], bops=[960.0, 480, 640, 640, 600, 500])
VELA = pd.DataFrame({"accelerator": ["one", "two"], "modelled_by": "vela 1", "npu_percent": [100.0, 80.0]})
VELA = VELA.assign(latency_ms=0.5, sram_kb=8.0, flash_kb=30.0)
KERNELS = pd.DataFrame(
    {"index": [0, 1], "operator": ["CONV_2D", "MEAN"], "alone_lsb": 1, "grown_lsb": [1, 4]}
)


@pytest.mark.parametrize(
    "drawn, shown",
    [
        (lambda: plots.main_effects(EFFECTS, CELLS), "epochs"),
        (
            lambda: plots.ranges(np.arange(50.0), {"max": (0, 49), "kl": (0, 40)}, "relu"),
            "activation of relu",
        ),
        (lambda: plots.sqnr(QUALITY), "clipped values (%)"),
        (lambda: plots.points(POINTS, "float32", -0.5), "points of UAR over float32"),
        (lambda: plots.sensitivity(LAYERS), "nats"),
        (lambda: plots.pareto(PICKS), "BOPs"),
        (lambda: plots.vela(VELA), "latency of one window (ms)"),
        (lambda: plots.rounding(KERNELS), ""),
    ],
)
def test_figures_are_drawn(drawn, shown, tmp_path):
    figure = drawn()
    figure.savefig(tmp_path / "figure.png")
    assert any(shown in ax.get_xlabel() and (ax.lines or ax.patches or ax.collections) for ax in figure.axes)


def test_modelled_numbers_are_called_so():
    assert plots.vela(VELA).get_suptitle() == "Modelled by vela 1, not measured"
    assert len(plots.vela(VELA).legends[0].get_texts()) == 2  # one accelerator leaves work to the CPU
