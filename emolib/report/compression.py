"""What the report says about the compression lab: a section per source, and its goals."""

from collections.abc import Sequence
from dataclasses import replace

from emolib.core.experiment import INT8, Experiment
from emolib.report.goals import Goal
from emolib.report.page import Note, Section, item

STEPS = {  # of the lab, and the notebook of each
    "ablation": "02a_ablation",
    "clipping": "03a_clipping",
    "mixed": "03b_mixed",
    "qat": "03c_qat",
    "npu": "03d_npu",
}
GOALS = (  # variant and metric of the summary's key for each source, as Goal
    Goal("int8 loses at most 0.5 points of UAR to float32", "int8_drop/points", "≤", 0.5),
    Goal("int8 with the picked ranges: at most 0.5 points", "clip_picked_drop/points", "≤", 0.5),
    Goal("int8 after QAT: at most 0.5 points", "qat_drop/points", "≤", 0.5),
    Goal("int8 file at least 3.5 times smaller than float32", "int8_ratio/size", "≥", 3.5),
    Goal("mixed 4/8 weights at least 1.5 times smaller than int8", "mixed_ratio/weights", "≥", 1.5),
    Goal("mixed 4/8 loses at most 1 point to int8", "mixed_drop/points", "≤", 1.0),
    Goal("ILP's pick no worse than the best random one", "mixed_over_random/points", "≥", 0.0),
    Goal(
        "all operators on Ethos-U55 (modelled)", f"{INT8}/modelled_vela_ethos-u55-128_npu_percent", "≥", 100
    ),
    Goal("tflite-micro within 2 LSB of litert's reference kernels", f"{INT8}/tflm_lsb_reference", "≤", 2),
)
HIDDEN = {"clipping.csv": ("n", "p", "val_accuracy")}  # columns of wide tables that the CSV alone has
INTRODUCTION = (
    "The same trained networks under every way of compression. Ranges, sensitivities and fine-tuning see training "
    "people alone, picks see inner validation people; every UAR is of test folds."
)
ITEMS = (  # of each source: ending of the artifact's name, caption
    (
        "ablation",
        "Ablation: validation UAR by level of each factor. Mean ± sd over cells, every cell, the best one.",
    ),
    (
        "ablation.csv",
        "Cells of the ablation, best first: UAR of single windows of validation people over seeds.",
    ),
    ("ablation-effects.csv", "Main effects: over the cells with that level."),
    ("ranges", "Clipping: where each way cuts one layer, first fold."),
    ("sqnr", "What 8 bits do to each layer, first fold."),
    (
        "clipping",
        "Points of UAR over float32. In a name: percentile; n, calibration windows; w, percentile of weights.",
    ),
    ("clipping.csv", "Every way of clipping. The efficiency is of validation people, and picks."),
    ("qdq.csv", "The picked way as ONNX QDQ beside its .tflite file, first fold."),
    (
        "sensitivity",
        "Mixed precision: what 4 and 8 bits do to the loss, layer by layer, as modelled from the Hessian.",
    ),
    ("pareto", "UAR against packed weights and against bit operations: variants and random choices."),
    ("mixed.csv", "Uniform and mixed bits: packed weights, file, BOPs, UAR, and points over uniform 8 bits."),
    ("mixed-layers.csv", "What each layer needs at 8 bits, and at least."),
    ("picks-best.csv", "The program's choice against the random one that is best with hindsight, paired."),
    ("qat", "Quantization-aware training beside post-training quantization: points of UAR over float32."),
    ("qat.csv", "Quantization-aware training beside post-training quantization."),
    (
        "fused.csv",
        "Layers of the trained network, after folding, and operators of the file: a ReLU has none of its own.",
    ),
    ("vela", "Modelled by Vela, not measured: latency, SRAM, flash and share of operators on each Ethos-U."),
    ("vela.csv", "Modelled by Vela, not measured."),
    ("tflm.csv", "tflite-micro, measured: arena, and largest difference of a logit from litert's kernels."),
    ("kernels", "Where two right sets of int8 kernels part: rounding adds up with depth."),
    ("onnx.csv", "The ONNX file's nodes against the operators that Mobilint's compiler takes."),
)
BUNDLE = (
    "npu/{}-mxq.zip in the run's folder holds what Mobilint's compiler needs. Nothing was compiled with it."
)


def parts(sources: Sequence[str]) -> list[str]:
    """Names of the summaries that the lab's notebooks write."""
    return [f"{name}-{step}" for name in sources for step in STEPS]


def goals(sources: Sequence[str]) -> list[Goal]:
    """The goals of each source, with whole keys."""
    named = [(Experiment.parse(name), goal) for name in sources for goal in GOALS]
    return [replace(goal, key=source.key(*goal.key.split("/"))) for source, goal in named]


def sections(sources: Sequence[str]) -> list[Section]:
    """A section per source that went through the lab."""
    return [_source(name) for name in sources]


def _source(name: str) -> Section:
    items = [item(name, *one, HIDDEN.get(one[0], ())) for one in ITEMS]
    text = f"{Experiment.parse(name).sentence()} {INTRODUCTION}"
    return Section(f"Compression: {name}", text, [*items, Note(BUNDLE.format(name))])
