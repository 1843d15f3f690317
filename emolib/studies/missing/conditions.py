"""Conditions under which a study is scored: modalities that are gone, noisy, stuck, late or lost in mid-stream.

A condition changes what the modalities of a fold give and nothing else: networks, weights and temperatures stay as they
were. Noise is white, at a signal-to-noise ratio, on the recordings, which then pass the source's own front end.
"""

import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
import pandas as pd

from emolib import datasets
from emolib.core.artifacts import Run
from emolib.core.errors import BadArtifact, BadParameter
from emolib.core.experiment import Experiment
from emolib.datasets import windowed
from emolib.datasets.base import Trial
from emolib.signals.frontend import FRONT_ENDS, Windows, front_end
from emolib.signals.standardise import Standardiser
from emolib.studies.missing.streams import GONE, Change, Name, Sensed, Streams

POWERS = "band_power"  # a kind that is no recording


@dataclass(frozen=True)
class Condition:
    """What is changed. `name` is the condition in the table of results, `bad` the one modality concerned, snr_db its noise."""

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
            if len(gone) == 1:
                found.append(Condition(f"no {gone[0]}", only(left), gone[0]))
            else:
                found.append(Condition(f"only {' + '.join(left)}", only(left)))
    return found


Shown = Callable[[np.ndarray, Sensed], np.ndarray]  # of a person's trials in order of time, those to be shown


def stuck(trials: np.ndarray, sensed: Sensed) -> np.ndarray:
    """Every trial shows the person's first recording again: a frozen buffer."""
    there = trials[sensed.present[trials]]
    return np.full(len(trials), there[0] if len(there) else GONE)


def late(trials: np.ndarray, sensed: Sensed) -> np.ndarray:
    """Every trial shows the person's trial before; the first shows the last."""
    return np.roll(trials, 1)


def lost(trials: np.ndarray, sensed: Sensed) -> np.ndarray:
    """Nothing is shown from the middle of the person's stream on."""
    return np.where(np.arange(len(trials)) < len(trials) // 2, trials, GONE)


def shown(streams: Streams, show: Shown) -> list[Condition]:
    """One modality after the other shows other trials than it should: stuck, late or lost."""
    return [
        Condition(f"{name} {show.__name__}", _showing(streams, name, show), name) for name in streams.channels
    ]


def _showing(streams: Streams, modality: str, show: Shown) -> Change:
    def change(fold, given):
        sensed, which = given[modality], np.full(len(streams.order[fold]), GONE)
        for trials in streams.people(fold):
            which[trials] = show(trials, sensed)
        return {**given, modality: sensed.showing(which)}

    return change


def with_noise(trial: Trial, snr_db: float, seed: int = 0) -> np.ndarray:
    """The trial's data with white Gaussian noise at snr_db of its power around its mean, of the same shape.

    Power is by channel for EEG, of all pixels for faces, which are clipped to uint8. The noise is the trial's own: the same
    at every snr_db, but louder. Raises BadParameter for band powers.
    """
    if trial.kind == POWERS:
        raise BadParameter(
            f"{trial.corpus} {trial.modality} has band powers, no recording to add noise to: leave it out, or "
            "set snrs_db to []."
        )
    x = np.asarray(trial.data, np.float64)
    name = f"{trial.corpus}/{trial.modality}/{trial.subject}/{trial.trial}"
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    out = x + np.sqrt(_power(x, trial.modality) / 10 ** (snr_db / 10)) * rng.standard_normal(x.shape)
    if trial.data.dtype == np.uint8:
        out = np.clip(np.rint(out), 0, 255)
    return out.astype(trial.data.dtype)


def example_with_noise(run: Run, name: str, snr_db: float, seed: int) -> Trial:
    """The first trial of a source, with noise."""
    trial = next(_trials(run, name))
    return replace(trial, data=with_noise(trial, snr_db, seed))


def _power(x: np.ndarray, modality: str) -> np.ndarray:
    """Variance of the finite samples, (n_chans, 1) for EEG, else a number; 0 where there are none."""
    rows = x if modality == "eeg" else x.reshape(1, -1)
    power = np.array([[row[np.isfinite(row)].var() if np.isfinite(row).any() else 0.0] for row in rows])
    return power if modality == "eeg" else power[0, 0]


@dataclass
class Noisy:
    """Windows of each trial at each SNR in dB, as training saw windows before a fold's standardiser.

    `dropped` counts windows that the front end dropped, by SNR and reason; `missing` trials left without any.
    """

    windows: dict[float, dict[Name, Windows]]
    dropped: dict[float, Counter] = field(default_factory=dict)
    missing: Counter = field(default_factory=Counter)


def noisy_windows(run: Run, streams: Streams, snrs_db: Sequence[float], seed: int) -> dict[str, Noisy]:
    """By modality the windows of its test trials at each SNR. A source of band powers has no recordings and is left out.

    Raises as `noisy_windows_of`.
    """
    recorded = {
        modality: name
        for modality, name in streams.sources.items()
        if next(_trials(run, name)).kind != POWERS
    }
    return {
        modality: noisy_windows_of(run, name, streams.names(modality), snrs_db, seed)
        for modality, name in recorded.items()
    }


def _trials(run: Run, name: str) -> Iterator[Trial]:
    """A source's trials as 01_windows read them."""
    options = run.parameters_of(f"data/{name}.npz")
    return datasets.load(options["corpus"], options["modality"], None, **options["corpus_options"])


def noisy_windows_of(
    run: Run, name: str, wanted: Collection[Name], snrs_db: Sequence[float], seed: int
) -> Noisy:
    """Windows of the wanted trials of a source at each SNR, by the front end that made its clean ones.

    People whose windows were standardised by their own recording keep the clean recording's mean and spread.
    Raises BadArtifact for trials that the corpus no longer has, and whatever its loader raises.
    """
    source, options = Experiment.parse(name), run.parameters_of(f"data/{name}.npz")
    front = front_end(source.modality, **options["frontend"])
    own, wanted = _own_standardisers(run, source), set(wanted)
    found = Noisy({snr: {} for snr in snrs_db}, {snr: Counter() for snr in snrs_db})
    for trial in _trials(run, name):
        if (trial.subject, trial.trial) not in wanted:
            continue
        wanted.remove((trial.subject, trial.trial))
        for snr in snrs_db:
            made = front(with_noise(trial, snr, seed), trial.sfreq, trial.kind)
            X = own.get(trial.subject, np.asarray)(made.X)
            found.windows[snr][trial.subject, trial.trial] = replace(made, X=X)
            found.dropped[snr].update(made.dropped)
            found.missing[snr] += not len(made.X)
    if wanted:
        raise BadArtifact(
            f"{source.corpus} has no trial {min(wanted)[1]} ({len(wanted)} such) that data/{name}.npz has: run "
            "01_windows again, on the same files."
        )
    return found


def _own_standardisers(run: Run, source: Experiment) -> dict[str, Standardiser]:
    """Of each person's clean windows, where training standardised within people; else none."""
    normalise = run.parameters_of(f"scores/{source}-keras.npz")["normalise"]
    if normalise == "train":
        return {}
    if normalise != "subject":
        raise BadParameter(
            f"normalise: {source} was trained with {normalise!r}, noise needs train or subject."
        )
    data = windowed.from_arrays(run.arrays(f"data/{source}.npz"))
    axis = FRONT_ENDS[source.modality].feature_axis
    return {
        name: Standardiser.fit(data.X[(data.subject == name) & data.own], axis)
        for name in np.unique(data.subject).tolist()
    }


def noise_losses(noisy: Mapping[str, Noisy]) -> pd.DataFrame:
    """Columns modality, snr_db, trials, missing (no window is left of them), and windows dropped by reason."""
    rows = []
    for modality, of in noisy.items():
        for snr, windows in of.windows.items():
            row = {"modality": modality, "snr_db": snr, "trials": len(windows), "missing": of.missing[snr]}
            rows.append(row | of.dropped[snr])
    counts = pd.DataFrame(rows, columns=None if rows else ["modality", "snr_db", "trials", "missing"])
    reasons = [name for name in counts.columns if name not in ("modality", "snr_db")]
    return counts.astype({"snr_db": float}).fillna(0).astype(dict.fromkeys(reasons, int))


def in_noise(streams: Streams, noisy: Mapping[str, Noisy]) -> list[Condition]:
    """One modality's windows are those of its noisy recordings: a condition per modality and SNR."""
    return [
        Condition(f"{snr:g} dB noise on {name}", _replaced(streams, name, windows), name, snr)
        for name, of in noisy.items()
        for snr, windows in of.windows.items()
    ]


def _replaced(streams: Streams, modality: str, windows: Mapping[Name, Windows]) -> Change:
    m, channel = list(streams.channels).index(modality), streams.channels[modality]
    return lambda fold, given: {**given, modality: channel.sensed(streams.found_rows[fold][m], windows)}
