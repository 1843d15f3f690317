"""What the report of a run says: its cards, sections and warnings, all from artifacts."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.errors import BadParameter
from emolib.core.experiment import INT8, Experiment
from emolib.core.notebook import SYNTHETIC, is_synthetic
from emolib.evaluation.cost import SOURCE
from emolib.report import compression, faces, goals, repeats
from emolib.report import fusion as fusion_lab
from emolib.report import latency as reported
from emolib.report.goals import Goal
from emolib.report.page import Card, Caution, Figure, Note, Section, Table
from emolib.report.tables import interval

INTRODUCTION = (
    "Recordings become windows, windows train one tiny network per modality, each network becomes an int8 "
    "file, and the files' scores are fused. Every number below is of test folds that trained nothing and picked "
    "nothing, and of unseen people unless it says otherwise.\n\n"
    "UAR is the mean recall over classes; intervals are 95 % by bootstrap over subjects."
)
LEAKY = "A random split of windows: the same people train and test. Reported for comparison only."
BY_SUBJECT = "Windows were standardised within each person, without labels: a device needs a recording of the person first."
TUNED_ON = ("emodb", "synthetic")
TUNED = (
    "The default network, augmentation and training options were chosen while looking at grouped folds of this "
    "corpus. No fold picked its own epoch or weights, but the choice of defaults makes this number optimistic."
)
TESTED = {  # protocol: whom the test folds hold
    "loso": "unseen people",
    "grouped": "unseen people",
    "official": "the official test part",
    "leaky": "other windows of the people who trained",
}
GOALS = (
    Goal("EmoDB, unseen speakers: UAR of int8", f"emodb/emotion7/loso/lda_{INT8}/uar", "≥", 0.85),
    Goal("EmoDB: bytes of int8", f"emodb/emotion7/loso/lda_{INT8}/bytes", "≤", 250_000),
    Goal("EmoDB, random split: UAR of int8", f"emodb/emotion7/leaky/lda_{INT8}/uar", "≥", 0.94),
    Goal("Stress-Predict, unseen people: UAR of int8", f"stress_predict/stress/loso/{INT8}/uar", "≥", 0.75),
    Goal("Stress-Predict: bytes of int8", f"stress_predict/stress/loso/{INT8}/bytes", "≤", 60_000),
    *faces.GOALS,
    *fusion_lab.GOALS,
    *reported.GOALS,
)
NEAR_CHANCE = "not distinguishable from chance (p ≥ 0.05)"


def banner(sources: Sequence[str]) -> str:
    """The warning above everything: some source is synthetic."""
    return SYNTHETIC if is_synthetic(sources) else ""


def _percent(row: dict) -> str:
    return interval(*(100 * row[name] for name in ("uar", "uar_low", "uar_high"))) + " %"


def _table(run: Run, name: str) -> pd.DataFrame:
    return pd.read_csv(run.read(f"tables/{name}.csv"))


def _warning(run: Run, name: str) -> str:
    if Experiment.parse(name).protocol == "leaky":
        return "leaky split: for comparison only"
    return NEAR_CHANCE if _table(run, f"{name}-keras").chance_p[0] >= 0.05 else ""


def _gain(run: Run, study: str) -> dict:
    found = run.json(f"scores/{study}-summary.json")
    return next(entry for key, entry in found.items() if key.endswith("/fusion_gain/points"))


def cards(run: Run, sources: Sequence[str], studies: Sequence[str]) -> list[Card]:
    """The headline results: fusion first, then the int8 model of each source. Raises BadParameter for no source."""
    if not sources:
        raise BadParameter("sources: got none, expected one or more.")
    found = []
    for study in studies:
        gain, table = _gain(run, study), _table(run, f"{study}-fusion").set_index("rule")
        row = table.loc[fusion_lab.rule(run, study)].to_dict()
        found.append(
            Card(
                f"{study}: int8 models fused, UAR",
                _percent(row),
                f"{interval(gain['value'], gain['low'], gain['high'])} points over the best single modality",
                "virtual trials, paired by label: optimistic" if fusion_lab.is_virtual(run, study) else "",
            )
        )
    for name in sources:
        row = _table(run, f"{name}-variants").set_index("variant").loc[INT8].to_dict()
        found.append(
            Card(f"{name}: int8 UAR", _percent(row), f"{row['bytes'] / 1000:.1f} kB", _warning(run, name))
        )
    return found


def headline(found: Sequence[Card], sources: Sequence[str], folder: Path) -> str:
    """One line: the first card, and where the report lies."""
    first, notice = found[0], " (synthetic data: says nothing about people)" * is_synthetic(sources)
    return f"{first.label} {first.value}, {first.detail}{notice}. Report: {folder / 'report.html'}\n"


def sections(
    run: Run,
    sources: Sequence[str],
    repeated: Sequence[str],
    lab: Sequence[str],
    of_faces: Mapping[str, Sequence[str]],
    of_fusion: Mapping[str, Sequence[str]],
) -> list[Section]:
    """`of_faces`, `of_fusion`: names by analysis, as the sections of faces and of fusion_lab take them."""
    return [
        goals.section(),
        *(_source(run, name) for name in sources),
        *repeats.sections(repeated),
        *compression.sections(lab),
        *faces.sections(run, **of_faces),
        *fusion_lab.sections(run, **of_fusion),
        reported.section(run),
        _cost(run),
        _power(run),
        _published(),
    ]


def _source(run: Run, name: str) -> Section:
    source = Experiment.parse(name)
    tested = TESTED[source.protocol]
    row = _table(run, f"{name}-keras").to_dict("records")[0]
    text = (
        f"{source.sentence()} Keras model: UAR {_percent(row)} on {row['n']} answers of {tested}; always giving "
        "the most frequent class has "
        f"{100 * row['majority_uar']:.1f} %. Permutation test against chance: p = {row['chance_p']:.3g}."
    )
    notes = [Caution(LEAKY)] if source.protocol == "leaky" else []
    if not notes and _warning(run, name):
        notes = [
            Caution(f"This result is {NEAR_CHANCE}: no evidence that anything carries over to new people.")
        ]
    if run.parameters_of(f"scores/{name}-keras.npz")["normalise"] == "subject":
        notes.append(Note(BY_SUBJECT))
    if source.corpus in TUNED_ON:
        notes.append(Note(TUNED))
    items = [
        Figure(f"figures/{name}-trial.png", "One trial, as the corpus gives it."),
        Figure(f"figures/{name}-window.png", "One window, as the network gets it."),
        Table(f"tables/{name}-windows.csv", "Windows by subject and class."),
        Table(f"tables/{name}-dropped.csv", "What was kept, and what was dropped and why."),
        Figure(f"figures/{name}-folds.png", "Who is in which part of each fold."),
        Table(
            f"tables/{name}-leaks.csv",
            "Leak audit: a check with count 0 passed. Folds are trained and tested as the last state of them is.",
        ),
        Table(f"tables/{name}-layers.csv", "The network."),
        Figure(f"figures/{name}-history.png", "Training, a line per fold."),
        Figure(f"figures/{name}-subjects.png", f"By subject, on {tested}, float32."),
        Table(f"tables/{name}-subjects.csv", f"By subject, on {tested}, float32."),
        Figure(f"figures/{name}-confusion.png", f"Confusion on {tested}, float32."),
        Figure(f"figures/{name}-reliability.png", f"Calibration on {tested}, float32."),
        Table(
            f"tables/{name}-variants.csv", "Keras, and each .tflite file: mean size and accuracy over folds."
        ),
        Figure(f"figures/{name}-variants.png", "Size and UAR of each file."),
        Table(f"tables/{name}-operators.csv", "Operators of the int8 file: all integer, none custom."),
        Table(
            f"tables/{name}-backends.csv",
            "One fold's int8 file on each interpreter here: largest difference from litert in steps of the int8 "
            "output, and windows with another answer.",
        ),
    ]
    return Section(name, text, [*notes, *(item for item in items if (run.folder / item.artifact).exists())])


def _cost(run: Run) -> Section:
    text = "Modelled: a formula and published device data. Nothing here was measured but the files' sizes."
    items = [
        Figure("figures/cost.png", "What each model needs."),
        Table("tables/cost.csv", "What each model needs; bytes are of the int8 file."),
        Figure("figures/cost-modelled.png", "Modelled runtime on devices that were not measured."),
        Table("tables/cost-modelled.csv", "Modelled: runtime is MACs / rate, energy is runtime × power."),
        Table("tables/cost-devices.csv", "Rate and power that the model takes, and from where."),
        Table(
            "tables/cost-energy.csv",
            f"Modelled energy by technology ({SOURCE}): a lower bound.",
            ("modelled_by",),
        ),
    ]
    return Section("Cost", text, items)


def _power(run: Run) -> Section:
    """The method on a generated log, and whatever was measured."""
    text = (
        "Energy above idle, as meters measure it; clocks of log and device are aligned by a pattern of work."
    )
    items = [
        Caution(
            "The log of the first figure and table is generated: it shows how far the method can be trusted."
        ),
        Figure(
            "figures/power-generated.png", "A generated log of known energy: idle and work, clocks aligned."
        ),
        Table("tables/power-generated.csv", "Its energy by two ways of taking idle off, against the truth."),
    ]
    measured = [
        Table(
            "tables/power-measured.csv", "Measured: power above idle and energy of one inference, by device."
        ),
        Table("tables/power-measured-ratios.csv", "Measured: how many times more one device takes."),
        Table("tables/power-live.csv", "Measured on this machine."),
    ]
    known = [item for item in measured if (run.folder / item.artifact).exists()]
    return Section(
        "Power", text, [*items, *(known or [Note("No power meter was here, and no log was given.")])]
    )


def _published() -> Section:
    text = (
        "Numbers that others printed, or that their models reach on the same files, and ours where this run has one. "
        "The protocols differ; the last column says how."
    )
    return Section("Beside the numbers of others", text, [Table("tables/published.csv", "Theirs and ours.")])
