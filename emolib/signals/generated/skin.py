"""Skin: arousal makes responses more frequent and the tonic level higher, and cools the wrist; valence shows little."""

import numpy as np

from emolib.signals.generated.affect import Affect
from emolib.signals.generated.heart import burst, smooth_noise
from emolib.signals.skin import SFREQ

BEFORE_S = 20.0  # the trial, whose responses reach into it
RISE_S, DECAY_S = 0.75, 2.0  # of a response, Alexander et al. 2005, doi 10.1016/j.jneumeth.2005.02.001


def response(t: np.ndarray) -> np.ndarray:
    """A response at t seconds after its onset, (n_times,), 1 at its peak: a Bateman function."""
    peak_s = np.log(DECAY_S / RISE_S) / (1 / RISE_S - 1 / DECAY_S)
    wave, top = (np.exp(-s / DECAY_S) - np.exp(-s / RISE_S) for s in (t, peak_s))
    return wave / top


def recording(affect: Affect) -> np.ndarray:
    """EDA in µS and skin temperature in °C of a trial, (2, n_times) float32 at SFREQ Hz; in one of twenty the electrodes
    lose the skin, or samples are missing, for a part."""
    person, rng = affect.person_rng("skin"), affect.trial_rng("skin")
    n_times, n_before = round(affect.trial_s * SFREQ), round(BEFORE_S * SFREQ)
    t = np.arange(-n_before, n_times) / SFREQ
    _, arousal = affect.shown("skin", t)
    level, per_minute, warmth = np.exp(person.normal(1.0, 0.5)), person.uniform(3, 6), person.uniform(31, 35)
    onsets = rng.poisson(per_minute / 60 / SFREQ * np.exp(0.7 * arousal))
    driver = onsets * rng.lognormal(np.log(0.15 * level), 0.5, len(t))
    phasic = np.convolve(driver, response(np.arange(n_before) / SFREQ))[: len(t)]
    tonic = level * np.exp(0.25 * arousal + 0.02 * smooth_noise(rng, len(t), n_before))
    eda = tonic + phasic + rng.normal(0, 0.002, len(t))
    temp = warmth - 0.4 * arousal + 0.1 * smooth_noise(rng, len(t), n_before)
    data = np.stack([eda, temp.round(2)])[:, n_before:]
    if rng.uniform() < 0.05:
        data[0, burst(rng, n_times, 1.5, 4.0, SFREQ)] = rng.choice([0.0, np.nan])
    return data.astype(np.float32)
