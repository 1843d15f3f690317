"""Stress-Predict: 35 people, an Empatica E4 on the wrist, three stressful tasks with rest between them.

`Time_logs.xlsx` says when each phase began and ended, to the minute, by Irish time on a 12-hour clock; the
recordings start in UTC. The wearers also pressed the button between phases. Those presses are to the second,
and the dataset's own processed labels follow them, so an edge of the log moves to its press.
"""

from collections.abc import Iterator
from datetime import datetime, time
from functools import partial
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from emolib.datasets.archives import Tree, open_tree
from emolib.datasets.base import Corpus, Dropped, Trial, github_archive
from emolib.datasets.labels import AROUSAL, REST_STRESS, WORDS
from emolib.datasets.serialized import read_sheet
from emolib.datasets.tables import read_numbers
from emolib.signals.readers import SignalInfo, empatica, read_skin
from emolib.signals.skin import CHANNELS

FILES = {"heart": "BVP.csv", "skin": "EDA.csv"}
ABOUT = {"heart": SignalInfo(64.0, "ppg"), "skin": SignalInfo(4.0, "eda", CHANNELS)}
ZONE = ZoneInfo("Europe/Dublin")
HALF_DAY_S = 12 * 3600.0
PRESS_WITHIN_S = 180.0  # a press further from every edge of the log belongs to none
TASKS = ("stroop", "interview", "hyperventilation")
LABELS = {  # by heading, in the sheet's spelling
    **dict(zip(("Stroop Test", "Interview", "Hyperventilation"), TASKS, strict=True)),
    **dict.fromkeys(("Relax", "Relax/Baseline"), "rest"),
    **dict.fromkeys(("Baseline/Questionniare", "Questionniare"), "questionnaire"),
}
HEADINGS = {"S. ID.": 1, "Date": 1, **dict.fromkeys(LABELS, 1), "Relax": 3}


class Phase(NamedTuple):
    """A phase of a session. In the log its edges are in Unix time, each perhaps twelve hours early; once placed
    they are seconds after the recording's start.
    """

    label: str
    start_s: float
    end_s: float


def trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
    """One trial a phase, kind "ppg" or "eda", labels stroop, interview, hyperventilation, rest; S01-3-interview. Heart and skin
    of a phase have the same name."""
    tree, about = open_tree(root), ABOUT[modality]
    names = {Path(name).parts[-2]: name for name in tree.need(f"Raw_data/S*/{FILES[modality]}")}
    log = read_log(tree)
    absent = sorted(log.keys() - names)
    dropped += [Dropped(subject, "in Time_logs.xlsx, but not recorded") for subject in absent]
    for subject, name in names.items():
        if subject not in log:
            dropped.append(Dropped(subject, "no row in Time_logs.xlsx"))
            continue
        start_s, samples, sfreq = empatica(tree.read(name), tree.where(name), about.kind)
        if modality == "skin":
            samples = read_skin(tree.read(name), tree.where(name), beside=partial(tree.beside, name)).data
        if sfreq != about.sfreq:
            raise tree.damaged(name, f"has a rate of {sfreq}, expected {about.sfreq:g} Hz")
        phases = phases_of(tree, subject, log[subject], start_s, samples.shape[-1] / sfreq)
        for number, phase in enumerate(phases, start=1):
            trial = f"{subject}-{number}-{phase.label}"
            first, last = (round(max(edge_s, 0.0) * sfreq) for edge_s in phase[1:])
            data = samples[..., first:last]
            if phase.label == "questionnaire":
                dropped.append(Dropped(trial, "filling in questionnaires: neither a task nor rest"))
            elif data.size == 0:
                dropped.append(Dropped(trial, "no time of it lies in the recording"))
            else:
                of_trial = "stress_predict", modality, subject, trial
                yield Trial(*of_trial, data, label=phase.label, session_s=first / sfreq, **about._asdict())


def read_log(tree: Tree) -> dict[str, list[Phase]]:
    """Per subject the phases as logged: on the 12-hour clock, Irish time. Raises BadRecording."""
    name = tree.need("Processed_data/Time_logs.xlsx")[0]
    heads, _, *rows = read_sheet(tree, name) or [(), ()]
    for heading, count in HEADINGS.items():
        if heads.count(heading) != count:
            raise tree.damaged(name, f"has {heads.count(heading)} columns {heading!r}, expected {count}")
    columns = [column for column, heading in enumerate(heads) if heading in LABELS]
    log = {}
    for row in filter(lambda row: row[0], rows):
        subject, day = row[heads.index("S. ID.")], row[heads.index("Date")]
        if not all(isinstance(cell, time) for column in columns for cell in row[column : column + 2]):
            raise tree.damaged(name, f"lacks a time of {subject}")
        if not isinstance(day, datetime):
            raise tree.damaged(name, f"lacks the date of {subject}")
        log[subject] = []
        for column in columns:
            edges = (datetime.combine(day, cell, ZONE).timestamp() for cell in row[column : column + 2])
            log[subject].append(Phase(LABELS[heads[column]], *edges))
    return log


def phases_of(tree: Tree, subject: str, log: list[Phase], start_s: float, length_s: float) -> list[Phase]:
    """A session's phases on the recording's time, at the button presses inside of it, which may be 12 h early too."""

    def on_clock(unix_s: float) -> float:
        """Seconds after the start, or twelve hours more: whichever lies in the recording, or nearer to it."""
        after_s = unix_s - start_s
        return min((after_s, after_s + HALF_DAY_S), key=lambda s: max(-s, s - length_s, 0.0))

    placed = [Phase(phase.label, on_clock(phase.start_s), on_clock(phase.end_s)) for phase in log]
    presses = np.zeros(0)
    names = tree.names(f"Raw_data/{subject}/tags_{subject}.csv")
    if names and tree.read(names[0]).strip():
        unix_s = read_numbers(tree, names[0], ["press"], header=False)[:, 0]
        presses = np.array([on_clock(press) for press in unix_s])
        presses = presses[(presses >= 0) & (presses <= length_s)]
    return without_overlap(snap(placed, presses))


def snap(phases: list[Phase], presses: np.ndarray) -> list[Phase]:
    """Phases with every edge at the button press that belongs to it, if one does; presses (n_presses,) in seconds. The
    edges of tasks choose first, the others among the presses that are left."""
    moved = _pair(np.unique([phase[1:] for phase in phases if phase.label in TASKS]), presses)
    others = np.setdiff1d([phase[1:] for phase in phases], list(moved))
    moved |= _pair(others, np.setdiff1d(presses, list(moved.values())))
    return [Phase(label, moved[start_s], moved[end_s]) for label, start_s, end_s in phases]


def _pair(edges: np.ndarray, presses: np.ndarray) -> dict[float, float]:
    """Each edge's press, one to one with the least sum of distances, none over three minutes; else itself."""
    from scipy.optimize import linear_sum_assignment

    distances = np.abs(edges[:, None] - presses[None])
    alone = np.full((len(edges), len(edges)), PRESS_WITHIN_S)
    _, columns = linear_sum_assignment(np.hstack([distances, alone]))
    return {
        float(edge): float(presses[column] if column < len(presses) else edge)
        for edge, column in zip(edges, columns, strict=True)
    }


def without_overlap(phases: list[Phase]) -> list[Phase]:
    """Phases in order of time, all but tasks without the minutes that a task takes."""
    tasks = [phase for phase in phases if phase.label in TASKS]
    found = []
    for phase in phases:
        if phase.label not in TASKS:
            before = [task.end_s for task in tasks if task.start_s <= phase.start_s]
            after = [task.start_s for task in tasks if task.start_s > phase.start_s]
            phase = Phase(phase.label, max([phase.start_s, *before]), min([phase.end_s, *after]))
        found.append(phase)
    return sorted(found, key=lambda phase: phase.start_s)


STRESS_PREDICT = Corpus(
    name="stress_predict",
    title="Stress-Predict: wrist pulse and skin of 35 people under the Stroop test, an interview, hyperventilation",
    modalities=tuple(FILES),
    tasks={**REST_STRESS, **AROUSAL},
    labels=dict.fromkeys(TASKS, WORDS["stress"]) | {"rest": WORDS["rest"]},
    licence="MIT",
    cite="Iqbal et al. 2022, Stress Monitoring Using Wearable Sensors: A Pilot Study and Stress-Predict "
    "Dataset, Sensors 22(21):8135, doi:10.3390/s22218135",
    layout="Raw_data/S01…S35/{BVP.csv,EDA.csv,TEMP.csv,tags_S01.csv} and Processed_data/Time_logs.xlsx",
    where="https://github.com/italha-d/Stress-Predict-Dataset, Raw_data and Processed_data (Code, Download ZIP)",
    trials=trials,
    downloads=(github_archive("italha-d/Stress-Predict-Dataset", "refs/heads/main"),),
    reads=(
        *(f"Raw_data/S*/{name}.csv" for name in ("BVP", "EDA", "TEMP")),
        "Raw_data/S*/tags_S*.csv",
        "Processed_data/Time_logs.xlsx",
    ),
    fingerprint="7eca2b503838d4ee47a16af4b5ea5067b9f101e8d3de96dd30cedb6764db72a1",
)
