"""Phases of a session written down by hand: set on the recording's time, and edged by its button presses."""

from dataclasses import dataclass, replace

import numpy as np

HALF_DAY_S = 12 * 3600.0
PRESS_WITHIN_S = 180.0  # a press further from every edge of the log belongs to none


@dataclass(frozen=True)
class Logged:
    """A phase as written; start_s and end_s in Unix time, each perhaps twelve hours early."""

    label: str
    is_task: bool
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Phase:
    """A phase; start_s and end_s in seconds after the recording's start.

    `added_s` is what its start in the log lacked: 0 or twelve hours.
    """

    label: str
    is_task: bool
    start_s: float
    end_s: float
    added_s: float = 0.0


def place(log: list[Logged], recording_start_s: float, length_s: float) -> list[Phase]:
    """The log on the recording's time: each of its times at the half of the day that the recording is in."""
    phases = []
    for logged in log:
        written = [edge_s - recording_start_s for edge_s in (logged.start_s, logged.end_s)]
        start_s, end_s = (on_clock(after_s, length_s) for after_s in written)
        phases.append(Phase(logged.label, logged.is_task, start_s, end_s, start_s - written[0]))
    return phases


def on_clock(after_s: float, length_s: float) -> float:
    """`after_s`, or twelve hours more: whichever lies in the recording, or nearer to it."""
    return min((after_s, after_s + HALF_DAY_S), key=lambda s: max(-s, s - length_s, 0.0))


def snap(phases: list[Phase], presses: np.ndarray) -> list[Phase]:
    """Phases with every edge at the button press that belongs to it, if one does; presses (n,) in seconds.

    The edges of tasks choose first, the others among the presses that are left.
    """
    moved = _pair(_edges([phase for phase in phases if phase.is_task]), presses)
    others = np.setdiff1d(_edges(phases), list(moved))
    moved |= _pair(others, np.setdiff1d(presses, list(moved.values())))
    return [replace(phase, start_s=moved[phase.start_s], end_s=moved[phase.end_s]) for phase in phases]


def _edges(phases: list[Phase]) -> np.ndarray:
    return np.unique([(phase.start_s, phase.end_s) for phase in phases])


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


def meet(phases: list[Phase]) -> list[Phase]:
    """Phases in order of time, the others without the minutes that a task takes."""
    tasks = [phase for phase in phases if phase.is_task]
    return sorted((_outside(phase, tasks) for phase in phases), key=lambda phase: phase.start_s)


def _outside(phase: Phase, tasks: list[Phase]) -> Phase:
    if phase.is_task:
        return phase
    start_s = max([phase.start_s] + [task.end_s for task in tasks if task.start_s <= phase.start_s])
    end_s = min([phase.end_s] + [task.start_s for task in tasks if task.start_s > phase.start_s])
    return replace(phase, start_s=start_s, end_s=end_s)
