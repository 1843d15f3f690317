"""What the report says about faces: saliency, architecture reduction, detectors, detector and classifier as one."""

from collections.abc import Collection, Sequence

import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.experiment import INT8, Experiment
from emolib.core.notebook import SYNTHETIC, is_synthetic
from emolib.report.goals import Goal
from emolib.report.page import Card, Caution, Section, item
from emolib.report.tables import interval

STEPS = {
    "saliency": "02b_saliency",
    "reduction": "02c_reduction",
}  # of a face source, and the notebook of each
OURS = "resnet"  # the face network that the goals are about; the others are publications' and the demo's
GOALS = (
    Goal("seven classes: accuracy of int8", f"fer2013/emotion7/*{OURS}_{INT8}/accuracy", "≥", 0.68),
    Goal("seven classes: parameters", f"fer2013/emotion7/*{OURS}_float32/params", "≤", 100_000),
    Goal("seven classes: bytes of int8", f"fer2013/emotion7/*{OURS}_{INT8}/bytes", "≤", 150_000),
    Goal("four classes: accuracy of int8", f"fer2013/emotion4/*{OURS}_{INT8}/accuracy", "≥", 0.87),
    Goal("detector: IoU on pictures with one face", "*/single_face/heldout/detector/iou", "≥", 0.86),
    Goal("detector: bytes of int8", "*/single_face/heldout/detector/bytes", "≤", 300_000),
    Goal("reduction: times fewer FLOPs", "*/reduction/*/search/flops_ratio", "≥", 16),
    Goal("reduction: change of the AUC's margin", "*/reduction/*/search/margin_change_percent", "≥", -20),
    Goal("composite: times fewer MACs than the seed's tables", "*/composite/*/composite/macs_ratio", "≥", 10),
)
SALIENCY = (  # ending of the artifact's name, caption
    ("saliency", "Mean face and mean map per emotion: what speaks for the class that the network answers."),
    ("attention", "Density of each map on a region: its share of the map over its share of the picture."),
    ("attention.csv", "Share of each map on a region, beside the region's share of the picture."),
    ("sanity", "Sanity check: what is left of a map when weights are random, from the logits down."),
)
REDUCTION = (
    ("ways", "Augmentation in five ways, each alone and all together."),
    ("search", "The search: every trained network, what it costs and what it knows of validation people."),
    ("search.csv", "The search, in order of training."),
    ("reduction.csv", "The seed's table with ours below it; the runtime is modelled, at 0.46 MFLOP/s."),
)
NOISE = (
    ("noise", "What wrong training labels cost the picked network, on test people whose labels are right."),
    ("noise.csv", "What wrong training labels cost the picked network."),
)
DETECTOR = (
    ("detector.csv", "On held-out pictures; the least score was picked on validation pictures."),
    (
        "detections",
        "From the best to the worst held-out picture: annotated boxes, and found ones, dashed, with their score.",
    ),
    ("history", "Training."),
    ("layers.csv", "The network."),
)
COMPOSITE = (
    ("composite.csv", "The seed's results with ours below: another machine, so milliseconds do not compare."),
    ("work.csv", "MACs of a picture with one face, and of the two networks that the seed prints."),
    ("composite", "Awkward pictures, and what was found in them."),
)
HIDDEN = {
    "search.csv": ("architecture",),
    "detector.csv": ("hit", "hit_low", "hit_high"),
}  # the CSV alone has them
PATH = (
    "Detect, crop with a margin, resize, classify: one function that needs numpy and an interpreter. Milliseconds are "
    "measured on this machine, which is no Raspberry Pi."
)


def parts(
    saliency: Sequence[str], reduction: Sequence[str], detectors: Collection[str], composites: Collection[str]
) -> list[str]:
    """Names of the summaries that the notebooks of faces write."""
    names = {"saliency": saliency, "reduction": reduction, "detector": detectors, "composite": composites}
    return [f"{name}-{step}" for step, found in names.items() for name in found]


def cards(run: Run, detectors: Sequence[str]) -> list[Card]:
    """The overlap that the int8 file of each detector reaches."""
    return [_card(run, name) for name in detectors]


def _card(run: Run, name: str) -> Card:
    row = pd.read_csv(run.read(f"tables/{name}-detector.csv")).set_index("variant").loc[INT8]
    value = interval(row.iou, row.iou_low, row.iou_high, ".2f")
    return Card(f"{name}: face detector, int8, IoU", value, f"{row.bytes / 1000:.1f} kB")


def sections(
    run: Run,
    saliency: Sequence[str],
    reduction: Sequence[str],
    detectors: Sequence[str],
    composites: Sequence[str],
) -> list[Section]:
    """A section per analysis that the run has."""
    return [
        *(_of_source("Saliency", name, SALIENCY) for name in saliency),
        *(_of_source("Architecture reduction", name, _reduction(run, name)) for name in reduction),
        *(_detector(run, name) for name in detectors),
        *(Section(f"From picture to emotions: {name}", PATH, _items(name, COMPOSITE)) for name in composites),
    ]


def _items(name: str, endings: Sequence[tuple[str, str]]) -> list:
    return [item(name, *one, HIDDEN.get(one[0], ())) for one in endings]


def _of_source(what: str, name: str, endings: Sequence[tuple[str, str]]) -> Section:
    return Section(f"{what}: {name}", Experiment.parse(name).sentence(), _items(name, endings))


def _reduction(run: Run, name: str) -> tuple:
    noisy = run.parameters_of(f"scores/{name}-reduction-summary.json")["noises"]
    return REDUCTION + NOISE if noisy else REDUCTION


def _detector(run: Run, name: str) -> Section:
    made = run.parameters_of(f"scores/{name}-detector-summary.json")
    corpora = list(made["corpora"])
    text = f"Network {made['network']}, pictures of {' and '.join(corpora)}, {made['side']} pixels square."
    warned = [Caution(SYNTHETIC)] if is_synthetic(corpora) else []
    return Section(f"Face detector: {name}", text, [*warned, *_items(name, DETECTOR)])
