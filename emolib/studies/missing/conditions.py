"""Conditions under which a study is scored: modalities that are gone, noisy, stuck, late or lost in mid-stream.

A condition changes what the modalities of a fold give and nothing else: networks, weights and temperatures stay as they
were. Noise is white, on the recordings, which then pass the source's own front end. Every method is asked in each.
"""

import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd

from emolib import datasets
from emolib.core.artifacts import Run
from emolib.core.errors import BadArtifact, check_names
from emolib.core.experiment import Experiment
from emolib.datasets import windowed
from emolib.datasets.base import Trial
from emolib.datasets.joint import MISSING
from emolib.evaluation import metrics
from emolib.signals.frontend import FRONT_ENDS, Windows, front_end
from emolib.signals.standardise import Standardiser
from emolib.studies.fusion.study import rated
from emolib.studies.missing.streams import Change, Methods, Sensed, Streams


@dataclass(frozen=True)
class Condition:
    """What is changed. `name` is that of the table of results, `bad` the one modality concerned, snr_db its noise."""

    name: str
    change: Change
    bad: str = ""
    snr_db: float = float("nan")


WHOLE = Condition("nothing missing", lambda fold, given: given)


def only(left: Sequence[str]) -> Change:
    """All other modalities are gone."""
    return lambda fold, given: {name: of if name in left else None for name, of in given.items()}


def subsets(modalities: Sequence[str]) -> list[Condition]:
    """Every subset of one modality or more that is left, 15 of four; `bad` is what is gone where that is one."""
    found = [WHOLE]
    for n in range(len(modalities) - 1, 0, -1):
        for left in combinations(modalities, n):
            gone = [name for name in modalities if name not in left]
            bad = gone[0] if len(gone) == 1 else ""
            found.append(Condition(f"no {bad}" if bad else f"only {' + '.join(left)}", only(left), bad))
    return found


def stuck(trials: np.ndarray, sensed: Sensed) -> np.ndarray:
    """Every trial shows the person's first recording again: a frozen buffer."""
    there = trials[sensed.present[trials]]
    return np.full(len(trials), there[0] if len(there) else MISSING)


def late(trials: np.ndarray, sensed: Sensed) -> np.ndarray:
    """Every trial shows the person's trial before; the first shows the last."""
    return np.roll(trials, 1)


def lost(trials: np.ndarray, sensed: Sensed) -> np.ndarray:
    """Nothing is shown from the middle of the person's stream on."""
    return np.where(np.arange(len(trials)) < len(trials) // 2, trials, MISSING)


def shown(streams: Streams, show: Callable) -> list[Condition]:
    """One modality after the other shows other trials of a person than it should: `show` is stuck, late or lost."""

    def change(fold, given, modality):
        sensed, which = given[modality], np.full(len(streams.order[fold]), MISSING)
        for trials in streams.people(fold):
            which[trials] = show(trials, sensed)
        return {**given, modality: sensed.showing(which)}

    how, names = show.__name__, streams.channels
    return [Condition(f"{name} {how}", partial(change, modality=name), name) for name in names]


Noisy = Mapping[float, Mapping[int, Windows]]  # of one modality, by SNR in dB and row of its scores


def with_noise(trial: Trial, snr_db: float, seed: int = 0) -> np.ndarray:
    """The trial's data with white Gaussian noise at snr_db of its power around its mean (by channel for EEG and skin). Faces
    are clipped to uint8. The noise is the trial's own: the same at every snr_db, but louder."""
    x = trial.data.astype(np.float64)
    x = x if trial.kind in ("raw", "eda") else x.reshape(1, -1)
    power = np.array([[row[np.isfinite(row)].var() if np.isfinite(row).any() else 0.0] for row in x])
    name = f"{trial.corpus}/{trial.modality}/{trial.subject}/{trial.trial}"
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    noisy = x + np.sqrt(power / 10 ** (snr_db / 10)) * rng.standard_normal(x.shape)
    if trial.data.dtype == np.uint8:
        noisy = np.clip(np.rint(noisy), 0, 255)
    return noisy.reshape(trial.data.shape).astype(trial.data.dtype)


def noisy_windows(run: Run, streams: Streams, snrs_db: Sequence[float], seed: int) -> dict[str, Noisy]:
    """By modality the windows of its test trials at each SNR, as training saw windows before a fold's standardiser.

    A source of band powers has no recordings and is left out. People standardised by their own recording keep the clean
    one's mean and spread. Raises BadArtifact for trials that the corpus no longer has.
    """
    found = {}
    for modality, channel in streams.channels.items():
        if next(trials_of(run, channel.source)).kind != "band_power":
            rows = np.concatenate([streams.found_rows(fold, modality) for fold in streams.order])
            rows = rows[rows != MISSING]
            names = channel.found.subject[rows].tolist(), channel.found.trial[rows].tolist()
            wanted = dict(zip(zip(*names, strict=True), rows.tolist(), strict=True))
            found[modality] = _noisy(run, channel.source, wanted, snrs_db, seed)
    return found


def trials_of(run: Run, name: str) -> Iterator[Trial]:
    """A source's trials as 01_windows read them."""
    options = run.parameters_of(f"data/{name}.npz")
    return datasets.load(options["corpus"], options["modality"], None, **options["corpus_options"])


def _noisy(run: Run, name: str, wanted: Mapping, snrs_db: Sequence[float], seed: int) -> Noisy:
    """Of a source's trials; `wanted`: by subject and trial the row of its scores."""
    source = Experiment.parse(name)
    front = front_end(source.modality, **run.parameters_of(f"data/{name}.npz")["frontend"])
    own, found = _own_standardisers(run, source), {snr: {} for snr in snrs_db}
    for trial in trials_of(run, name):
        row = wanted.get((trial.subject, trial.trial))
        for snr in snrs_db if row is not None else ():
            made = front(with_noise(trial, snr, seed), trial.sfreq, trial.kind)
            found[snr][row] = replace(made, X=own.get(trial.subject, np.asarray)(made.X))
    if gone := [key for key, row in wanted.items() for of in found.values() if row not in of]:
        raise BadArtifact(f"{source.corpus} has no trial {min(gone)[1]} of data/{name}.npz: run 01_windows.")
    return found


def _own_standardisers(run: Run, source: Experiment) -> dict[str, Standardiser]:
    """Of each person's clean windows, where training standardised within people; else none. A source that learns its owner
    answers here as if nothing had been heard."""
    if run.parameters_of(f"scores/{source}-keras.npz")["normalise"] != "subject":
        return {}
    data = windowed.from_arrays(run.arrays(f"data/{source}.npz"))
    axis = FRONT_ENDS[source.modality].feature_axis
    own = {name: (data.subject == name) & data.own for name in np.unique(data.subject).tolist()}
    return {name: Standardiser.fit(data.X[rows], axis) for name, rows in own.items()}


def noise_losses(noisy: Mapping[str, Noisy]) -> pd.DataFrame:
    """Columns modality, snr_db, trials, missing (no window is left of them), and windows dropped by reason."""
    rows = []
    for modality, of in noisy.items():
        for snr, windows in of.items():
            dropped = Counter(missing=sum(not len(made.X) for made in windows.values()))
            for made in windows.values():
                dropped.update(made.dropped)
            rows.append({"modality": modality, "snr_db": snr, "trials": len(windows), **dropped})
    counts = pd.DataFrame(rows, columns=None if rows else ["modality", "snr_db", "trials", "missing"])
    return counts.astype({"snr_db": float}).fillna(0).astype(dict.fromkeys(counts.columns[2:], int))


def in_noise(streams: Streams, noisy: Mapping[str, Noisy]) -> list[Condition]:
    """One modality's windows are those of its noisy recordings: a condition per modality and SNR."""

    def change(fold, given, modality, windows):
        rows = streams.found_rows(fold, modality)
        return {**given, modality: streams.channels[modality].sensed(rows, windows)}

    return [
        Condition(f"{snr:g} dB noise on {name}", partial(change, modality=name, windows=windows), name, snr)
        for name, of in noisy.items()
        for snr, windows in of.items()
    ]


Scored = Mapping[Condition, Mapping[str, np.ndarray]]  # scores (n, n_classes) of each method


def scored(streams: Streams, methods: Methods, conditions: Sequence[Condition]) -> Scored:
    """What every method answers in every condition, in the order of streams.trials. Raises BadSet."""
    return {condition: streams.scores(methods, condition.change) for condition in conditions}


def table(streams: Streams, found: Scored) -> pd.DataFrame:
    """A row per condition and method: condition, bad, snr_db (NaN without noise), and the columns of `study.rated`.
    The best single modality is the one of the highest UAR on the same test trials in the same condition."""
    parts = [_rated(streams, condition, scores, slice(None)) for condition, scores in found.items()]
    return pd.concat(parts, ignore_index=True)


def stream_table(streams: Streams, methods: Methods) -> pd.DataFrame:
    """`table` before and after the middle of each person's stream, from which on a modality is lost. Column part is
    before or after; with nothing lost there are rows of both."""
    halves = [np.arange(len(own)) >= len(own) // 2 for fold in streams.order for own in streams.people(fold)]
    after = np.concatenate(halves)
    parts = [_rated(streams, WHOLE, streams.scores(methods, WHOLE.change), ~after, part="before")]
    for condition, scores in scored(streams, methods, [WHOLE, *shown(streams, lost)]).items():
        parts.append(_rated(streams, condition, scores, after, part="after"))
    return pd.concat(parts, ignore_index=True)


def _rated(streams: Streams, condition: Condition, scores, kept, **part) -> pd.DataFrame:
    """The rows of one condition, on the trials `kept` of streams.trials."""
    scores, singles = {name: of_one[kept] for name, of_one in scores.items()}, list(streams.channels)
    of, fused = streams.trials.part_of(kept), set(scores) - set(singles)
    found = rated(of.y, of.subject, scores, singles, streams.study.seed, fused)
    about = {"condition": condition.name, "bad": condition.bad, "snr_db": condition.snr_db, **part}
    shown = found.drop(columns=["accuracy", "macro_f1"])
    return shown.assign(**about)[[*about, *shown.columns]]


def gains(streams: Streams, found: Scored, named: str, method: str, over: Sequence[str]) -> pd.DataFrame:
    """Points of UAR of a method over others wherever something is bad, last in all of this together, condition `named`.

    Columns condition, method, over, n, points, points_low, points_high, p. Raises BadParameter for an unknown method.
    """
    bad = {condition.name: scores for condition, scores in found.items() if condition.bad}
    names, rows = [method, *over], []
    check_names(names, list(next(iter(bad.values()))), "the methods of this study")
    bad[named] = {name: np.concatenate([scores[name] for scores in bad.values()]) for name in names}
    for condition, scores in bad.items():
        times = len(scores[method]) // len(streams.trials.y)
        y, subject = np.tile(streams.trials.y, times), np.tile(streams.trials.subject, times)
        for other in over:
            gain = metrics.paired_gain(y, scores[other], scores[method], subject, seed=streams.study.seed)
            about = {"condition": condition, "method": method, "over": other, "n": len(y)}
            rows.append(about | gain.columns())
    return pd.DataFrame(rows)
