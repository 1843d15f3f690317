"""Recordings made bad: white noise at a signal-to-noise ratio, through the source's own front end."""

import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from emolib import datasets
from emolib.core.artifacts import Run
from emolib.core.errors import BadArtifact, BadParameter
from emolib.core.experiment import Experiment
from emolib.datasets import windowed
from emolib.datasets.base import Trial
from emolib.signals.frontend import FRONT_ENDS, Windows, front_end
from emolib.signals.standardise import Standardiser

POWERS = "band_power"  # a kind that is no recording
Name = tuple[str, str]  # subject and trial


def has_recordings(run: Run, name: str) -> bool:
    """Whether a source's trials are recordings, to which noise can be added, and not band powers."""
    return next(_trials(run, name)).kind != POWERS


def _trials(run: Run, name: str) -> Iterator[Trial]:
    """A source's trials as 01_windows read them."""
    options = run.parameters_of(f"data/{name}.npz")
    return datasets.load(options["corpus"], options["modality"], None, **options["corpus_options"])


def noisy(trial: Trial, snr_db: float, seed: int = 0) -> np.ndarray:
    """The trial's data with white Gaussian noise at snr_db of its power around its mean, of the same shape.

    Power by channel for EEG, of all pixels for faces, which are clipped to uint8. The noise is the trial's own:
    the same at every snr_db, but louder. Raises BadParameter for band powers.
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


def _power(x: np.ndarray, modality: str) -> np.ndarray:
    """Variance of the finite samples, (n_chans, 1) for EEG, else a number; 0 where there are none."""
    rows = x if modality == "eeg" else x.reshape(1, -1)
    power = np.array([[row[np.isfinite(row)].var() if np.isfinite(row).any() else 0.0] for row in rows])
    return power if modality == "eeg" else power[0, 0]


@dataclass
class Noisy:
    """Windows of each trial at each SNR, as training saw windows before a fold's standardiser.

    `dropped` counts windows that the front end dropped, by SNR and reason; `missing` trials left without any.
    """

    windows: dict[float, dict[Name, Windows]]
    dropped: dict[float, Counter] = field(default_factory=dict)
    missing: Counter = field(default_factory=Counter)


def noisy_windows(
    run: Run, name: str, wanted: Collection[Name], snrs_db: Sequence[float], seed: int
) -> Noisy:
    """Windows of the wanted trials of a source at each SNR in dB, by the front end that made its clean ones.

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
            made = front(noisy(trial, snr, seed), trial.sfreq, trial.kind)
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
