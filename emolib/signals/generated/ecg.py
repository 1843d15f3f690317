"""ECG: the beats that the pulse shows too, from a lead on the chest."""

import numpy as np

from emolib.signals.generated import heart
from emolib.signals.generated.affect import Affect

SFREQ = 256.0
BREATHING = 0.08  # relative depth of what breathing does to the lead's height
PQRST = (  # delay in s (T: per √IBI), amplitude in mV, width in s
    (-0.17, 0.12, 0.022),
    (-0.030, -0.10, 0.009),
    (0.0, 1.0, 0.011),
    (0.030, -0.18, 0.009),
    (0.28, 0.28, 0.045),
)


def wave(beat_times: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Clean ECG in mV, (n_times,), R peaks on the beats; five Gaussians a beat (McSharry et al. 2003)."""
    stretch = np.sqrt(heart.intervals(beat_times))
    delays = [delay * stretch if delay > 0.1 else delay for delay, *_ in PQRST]
    waves = zip(delays, PQRST, strict=True)
    return sum(height * heart.bumps(t, beat_times + delay, width) for delay, (_, height, width) in waves)


def recording(affect: Affect) -> np.ndarray:
    """ECG of a trial at SFREQ, (n_times,) float32, in mV; the same beats as in the trial's PPG."""
    rng = affect.trial_rng("heart sensor")
    t = np.arange(round(affect.trial_s * SFREQ)) / SFREQ
    _, beat_times, resp_hz = heart.rhythm(affect)
    breath = 1 + BREATHING * np.sin(2 * np.pi * resp_hz * t + rng.uniform(0, 2 * np.pi))
    height = np.exp(rng.normal(0, 0.2))
    return heart.disturb(height * breath * wave(beat_times, t), rng, SFREQ).astype(np.float32)
