"""White noise on the recordings of a study's sources, which then pass the source's own front end."""

import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from emolib import datasets
from emolib.core.artifacts import Run
from emolib.core.errors import BadArtifact
from emolib.core.experiment import Experiment
from emolib.datasets import windowed
from emolib.datasets.base import Trial
from emolib.datasets.joint import MISSING
from emolib.signals.frontend import FRONT_ENDS, Windows, front_end
from emolib.signals.standardise import Standardiser
from emolib.studies.missing.streams import Name, Streams

Noisy = Mapping[float, Mapping[Name, Windows]]  # of one modality, by SNR in dB and trial


def with_noise(trial: Trial, snr_db: float, seed: int = 0) -> np.ndarray:
    """The trial's data with white Gaussian noise at snr_db of its power around its mean, of the same shape.

    Power is by channel for EEG, of all pixels for faces, which are clipped to uint8. The noise is the trial's own: the same
    at every snr_db, but louder.
    """
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


def example(run: Run, name: str, snr_db: float, seed: int) -> Trial:
    """The first trial of a source, with noise."""
    trial = next(_trials(run, name))
    return replace(trial, data=with_noise(trial, snr_db, seed))


def noisy_windows(run: Run, streams: Streams, snrs_db: Sequence[float], seed: int) -> dict[str, Noisy]:
    """By modality the windows of its test trials at each SNR, as training saw windows before a fold's standardiser.

    A source of band powers has no recordings and is left out. People whose windows were standardised by their own
    recording keep the clean recording's mean and spread. Raises BadArtifact for trials that the corpus no longer has,
    and whatever its loader raises.
    """
    found = {}
    for modality, channel in streams.channels.items():
        if next(_trials(run, channel.source)).kind != "band_power":
            rows = np.concatenate([streams.found_rows(fold, modality) for fold in streams.order])
            names = {channel.name(row) for row in rows[rows != MISSING]}
            found[modality] = _noisy(run, channel.source, names, snrs_db, seed)
    return found


def _trials(run: Run, name: str) -> Iterator[Trial]:
    """A source's trials as 01_windows read them."""
    options = run.parameters_of(f"data/{name}.npz")
    return datasets.load(options["corpus"], options["modality"], None, **options["corpus_options"])


def _noisy(run: Run, name: str, wanted: Collection[Name], snrs_db: Sequence[float], seed: int) -> Noisy:
    source = Experiment.parse(name)
    front = front_end(source.modality, **run.parameters_of(f"data/{name}.npz")["frontend"])
    own, found = _own_standardisers(run, source), {snr: {} for snr in snrs_db}
    for trial in _trials(run, name):
        key = trial.subject, trial.trial
        for snr in snrs_db if key in wanted else ():
            made = front(with_noise(trial, snr, seed), trial.sfreq, trial.kind)
            found[snr][key] = replace(made, X=own.get(trial.subject, np.asarray)(made.X))
    lost = [key for of in found.values() for key in wanted if key not in of]
    if lost:
        raise BadArtifact(
            f"{source.corpus} has no trial {lost[0][1]} of data/{name}.npz: run 01_windows again."
        )
    return found


def _own_standardisers(run: Run, source: Experiment) -> dict[str, Standardiser]:
    """Of each person's clean windows, where training standardised within people; else none."""
    normalise = run.parameters_of(f"scores/{source}-keras.npz")["normalise"]
    if normalise == "train":
        return {}
    data = windowed.from_arrays(run.arrays(f"data/{source}.npz"))
    axis = FRONT_ENDS[source.modality].feature_axis
    return {
        name: Standardiser.fit(data.X[(data.subject == name) & data.own], axis)
        for name in np.unique(data.subject).tolist()
    }


def losses(noisy: Mapping[str, Noisy]) -> pd.DataFrame:
    """Columns modality, snr_db, trials, missing (no window is left of them), and windows dropped by reason."""
    rows = []
    for modality, of in noisy.items():
        for snr, windows in of.items():
            missing = sum(not len(made.X) for made in windows.values())
            row, dropped = {"modality": modality, "snr_db": snr, "trials": len(windows)}, Counter()
            for made in windows.values():
                dropped.update(made.dropped)
            rows.append(row | {"missing": missing} | dropped)
    counts = pd.DataFrame(rows, columns=None if rows else ["modality", "snr_db", "trials", "missing"])
    reasons = [name for name in counts.columns if name not in ("modality", "snr_db")]
    return counts.astype({"snr_db": float}).fillna(0).astype(dict.fromkeys(reasons, int))
