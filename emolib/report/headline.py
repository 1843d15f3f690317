"""The headline of a run: its cards, its banner, one line."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.experiment import INT8, Experiment
from emolib.core.notebook import GENERATED, SYNTHETIC
from emolib.report.cautions import NEAR_CHANCE
from emolib.report.page import Card
from emolib.report.results import cell, of_source, one, pick

INTRODUCTION = (
    "Recordings become windows, windows train one tiny network per modality, each network becomes an int8 "
    "file, and the files' scores are fused. Every number below is of test folds that trained nothing and picked "
    "nothing, and of unseen people unless it says otherwise.\n\n"
    "UAR is the mean recall over classes; intervals are 95 % by bootstrap over subjects."
)


def banner(results: pd.DataFrame) -> str:
    """The warning above everything where a corpus is generated."""
    corpora = {corpus for joined in results.corpus for corpus in joined.split("+")}
    return SYNTHETIC if corpora & set(GENERATED) else ""


def cards(run: Run, results: pd.DataFrame, concluded: Sequence[str]) -> list[Card]:
    """A card for each fusion study, each source's int8 model, each face detector."""
    made = {"fusion": _fused, "quantize": _model, "detector": _detector}
    found = []
    for rule, card in made.items():
        of_rule = [name.removesuffix(f"-{rule}") for name in concluded if name.endswith(f"-{rule}")]
        found += [card(run, results, name) for name in of_rule]
    return found


def _fused(run: Run, results: pd.DataFrame, study: str) -> Card:
    rule = run.parameters_of(f"rows/{study}-fusion.csv")["rule"]
    mine = pick(results, variant=rule, condition="", model="")
    gain = one(mine, artifact=f"tables/{study}-gains.csv", metric="uar_over_best_single")
    uar = one(mine, artifact=f"tables/{study}-fusion.csv", metric="uar")
    by_label = gain.pairing == "by label"
    return Card(
        f"{study}: int8 models fused, UAR",
        cell(uar),
        f"{cell(gain)} over the best single modality",
        "virtual trials, paired by label: optimistic" if by_label else "",
    )


def _model(run: Run, results: pd.DataFrame, name: str) -> Card:
    mine = of_source(results, name)
    warning = "leaky split: for comparison only" if Experiment.parse(name).protocol == "leaky" else ""
    if not warning and one(mine, metric="chance_p").value >= 0.05:
        warning = NEAR_CHANCE.partition(":")[0]
    uar, size = (one(mine, variant=INT8, metric=metric) for metric in ("uar", "bytes"))
    return Card(f"{name}: int8 UAR", cell(uar), cell(size), warning)


def _detector(run: Run, results: pd.DataFrame, name: str) -> Card:
    mine = pick(results, artifact=f"tables/{name}-detector.csv", variant=INT8)
    iou, size = one(mine, metric="iou", condition="one face"), one(mine, metric="bytes")
    return Card(f"{name}: face detector, int8, IoU", cell(iou, with_unit=False), cell(size))


def line(cards: Sequence[Card], results: pd.DataFrame, folder: Path) -> str:
    """One line: the first card, and where the report lies."""
    first, notice = cards[0], " (synthetic data: says nothing about people)" * bool(banner(results))
    return f"{first.label} {first.value}, {first.detail}{notice}. Report: {folder / 'report.html'}\n"
