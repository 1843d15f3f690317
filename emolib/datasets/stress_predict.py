"""Stress-Predict: 35 people, an Empatica E4 on the wrist, three stressful tasks with rest between them.

`Time_logs.xlsx` says when each phase began and ended, to the minute, by Irish time on a 12-hour clock; the
recordings start in UTC. The wearers also pressed the button between phases: those presses are to the second,
and the dataset's own processed labels follow them, so an edge of the log moves to its press.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from emolib.core.errors import BadRecording
from emolib.datasets.archives import Tree, open_tree
from emolib.datasets.base import Corpus, Dropped, Trial
from emolib.datasets.labels import tasks
from emolib.datasets.session_log import Logged, Phase, meet, on_clock, place, snap
from emolib.datasets.tables import read_table, whole_numbers
from emolib.datasets.workbook import read_sheet

SFREQ = 64.0
ZONE = ZoneInfo("Europe/Dublin")
TASKS = {"Stroop Test": "stroop", "Interview": "interview", "Hyperventilation": "hyperventilation"}
PAPERWORK = ("Baseline/Questionniare", "Questionniare")  # the sheet's spelling
LABELS = {
    **TASKS,
    **dict.fromkeys(("Relax", "Relax/Baseline"), "rest"),
    **dict.fromkeys(PAPERWORK, "questionnaire"),
}
HEADINGS = {"S. ID.": 1, "Date": 1, **dict.fromkeys(LABELS, 1), "Relax": 3}


@dataclass(frozen=True)
class Recording:
    """The blood volume pulse, (n_times,) float32 at 64 Hz, from start_s (Unix time) on."""

    bvp: np.ndarray
    start_s: float

    @property
    def length_s(self) -> float:
        return len(self.bvp) / SFREQ


def trials(root: Path, modality: str, dropped: list[Dropped]) -> Iterator[Trial]:
    """One trial a phase, kind "ppg", labels stroop, interview, hyperventilation, rest; S01-3-interview."""
    tree = open_tree(root)
    names = {Path(name).parts[-2]: name for name in tree.need("Raw_data/S*/BVP.csv")}
    log = read_log(tree)
    dropped += [
        Dropped(subject, "in Time_logs.xlsx, but not recorded") for subject in sorted(log.keys() - names)
    ]
    for subject, name in names.items():
        if subject not in log:
            dropped.append(Dropped(subject, "no row in Time_logs.xlsx"))
            continue
        recording = read_bvp(tree, name)
        phases = place(log[subject], recording.start_s, recording.length_s)
        phases = meet(snap(phases, read_presses(tree, subject, recording)))
        yield from _cut(subject, recording, phases, dropped)


def read_log(tree: Tree) -> dict[str, list[Logged]]:
    """Per subject the phases as logged: on the 12-hour clock, Irish time.

    Raises BadRecording for a workbook or a column that is missing.
    """
    name = tree.need("Processed_data/Time_logs.xlsx")[0]
    heads, _, *rows = read_sheet(tree, name) or [(), ()]
    for heading, count in HEADINGS.items():
        if heads.count(heading) != count:
            raise BadRecording(
                f"{tree.where(name)} has {heads.count(heading)} columns {heading!r}, expected {count}: "
                "fetch it again."
            )
    return {row[heads.index("S. ID.")]: _logged(heads, row, tree.where(name)) for row in rows if row[0]}


def _logged(heads: tuple, row: tuple, where: str) -> list[Logged]:
    day = row[heads.index("Date")]
    columns = [column for column, heading in enumerate(heads) if heading in LABELS]
    cells = [row[column + end] for column in columns for end in (0, 1)]
    if not isinstance(day, datetime) or not all(isinstance(cell, time) for cell in cells):
        raise BadRecording(f"{where} lacks a time or the date of {row[0]}: fetch it again.")
    unix_s = [datetime.combine(day, cell, ZONE).timestamp() for cell in cells]
    headings = [heads[column] for column in columns]
    return [
        Logged(LABELS[heading], heading in TASKS, start, end)
        for heading, start, end in zip(headings, unix_s[::2], unix_s[1::2], strict=True)
    ]


def read_bvp(tree: Tree, name: str) -> Recording:
    """An E4's BVP.csv: start in Unix time, rate, samples. Raises BadRecording for another rate than 64 Hz."""
    values = whole_numbers(read_table(tree, name, ["bvp"], header=False), tree.where(name))[:, 0]
    if len(values) < 3 or values[1] != SFREQ:
        got = values[1] if len(values) > 1 else "nothing"
        raise BadRecording(
            f"{tree.where(name)}: rate is {got}, expected {SFREQ:g} Hz and samples: fetch it again."
        )
    return Recording(values[2:].astype(np.float32), values[0])


def read_presses(tree: Tree, subject: str, recording: Recording) -> np.ndarray:
    """Button presses inside the recording, (n_presses,) seconds after its start; some files lag by 12 h."""
    names = tree.names(f"Raw_data/{subject}/tags_{subject}.csv")
    if not names or not tree.read(names[0]).strip():
        return np.zeros(0)
    unix_s = whole_numbers(read_table(tree, names[0], ["press"], header=False), tree.where(names[0]))[:, 0]
    after_s = np.array([on_clock(press - recording.start_s, recording.length_s) for press in unix_s])
    return after_s[(after_s >= 0) & (after_s <= recording.length_s)]


def _cut(subject: str, recording: Recording, phases: list[Phase], dropped: list[Dropped]) -> Iterator[Trial]:
    for number, phase in enumerate(phases, start=1):
        trial = f"{subject}-{number}-{phase.label}"
        first, last = (round(max(edge_s, 0.0) * SFREQ) for edge_s in (phase.start_s, phase.end_s))
        data = recording.bvp[first:last]
        if phase.label == "questionnaire":
            dropped.append(Dropped(trial, "filling in questionnaires: neither a task nor rest"))
        elif len(data) == 0:
            dropped.append(Dropped(trial, "no time of it lies in the recording"))
        else:
            yield Trial("stress_predict", "heart", subject, trial, data, SFREQ, phase.label, "ppg")


CORPUS = Corpus(
    name="stress_predict",
    title="Stress-Predict: wrist pulse of 35 people under the Stroop test, an interview, hyperventilation",
    modalities=("heart",),
    tasks=tasks("stress_predict"),
    licence="MIT",
    cite="Iqbal et al. 2022, Stress Monitoring Using Wearable Sensors: A Pilot Study and Stress-Predict "
    "Dataset, Sensors 22(21):8135, doi:10.3390/s22218135",
    layout="Raw_data/S01…S35/{BVP.csv,tags_S01.csv} and Processed_data/Time_logs.xlsx",
    where="https://github.com/italha-d/Stress-Predict-Dataset, Raw_data and Processed_data (Code, Download ZIP)",
    trials=trials,
    downloads=(
        (
            "https://github.com/italha-d/Stress-Predict-Dataset/archive/refs/heads/main.zip",
            None,
            "Stress-Predict-Dataset.zip",
        ),
    ),
    reads=("Raw_data/S*/BVP.csv", "Raw_data/S*/tags_S*.csv", "Processed_data/Time_logs.xlsx"),
    fingerprint="329d1072ec9c212dc2a1426dee6c46c8494ae301486cdd0de2addacaebfbdb15",
)
