"""emolib.signals side by side with librosa, NeuroKit2, SciPy and MNE: one process, one thread, in turns.

`python benchmarks/signals.py` prints the table; `--write` puts it into benchmarks/README.md.
"""

import argparse
from collections.abc import Callable

import librosa
import mne
import neurokit2 as nk
import numpy as np
import page
import scipy.signal
from threadpoolctl import threadpool_limits
from turns import ratio, side_by_side

from emolib.signals import mfcc as ours
from emolib.signals.beats import detect_beats
from emolib.signals.eeg import band_powers

SFREQ = 16000
SCIPY_RFFT = ours.rfft
PACKAGES = ("numpy", "scipy", "librosa", "neurokit2", "mne")
OPTIONS = {"n_fft": 512, "n_mels": 40}


def with_rfft(rfft: Callable, call: Callable) -> Callable:
    def run():
        ours.rfft = rfft
        return call()

    return run


def row(name: str, reference: str, other: np.ndarray, own: np.ndarray, agreement: str) -> tuple[str, ...]:
    """A row of the table."""
    return name, reference, ratio(other, own), agreement


def audio() -> np.ndarray:
    """Three seconds of a gliding harmonic tone in noise, (48000,) float32."""
    t = np.arange(3 * SFREQ) / SFREQ
    phase = 2 * np.pi * np.cumsum(120 + 40 * np.sin(3 * t)) / SFREQ
    tone = sum(np.sin(k * phase) / k for k in range(1, 20))
    return (0.1 * tone + np.random.default_rng(0).normal(0, 1e-3, len(t))).astype(np.float32)


def log_mel_rows():
    x = audio()

    def librosas():
        power = librosa.feature.melspectrogram(y=x, sr=SFREQ, hop_length=256, center=False, **OPTIONS)
        return librosa.power_to_db(power, top_db=None).T

    def own():
        return ours.log_mel(x, SFREQ, hop=256, **OPTIONS)

    with_scipy, with_numpy = with_rfft(SCIPY_RFFT, own), with_rfft(np.fft.rfft, own)
    other, scipy_s, numpy_s = side_by_side(librosas, with_scipy, with_numpy)
    for name, call, seconds in (("scipy.fft", with_scipy, scipy_s), ("numpy.fft", with_numpy, numpy_s)):
        worst = f"{np.abs(call() - librosas()).max():.0e} dB"
        yield row(f"log-mel, 3 s at 16 kHz, {name}", "librosa", other, seconds, worst)


def mfcc_row():
    x = audio()

    def librosas():
        power = librosa.feature.melspectrogram(y=x, sr=SFREQ, hop_length=256, center=False, **OPTIONS)
        return librosa.feature.mfcc(S=librosa.power_to_db(power, top_db=None), n_mfcc=13).T

    own = with_rfft(SCIPY_RFFT, lambda: ours.mfcc(ours.log_mel(x, SFREQ, hop=256, **OPTIONS), 13))
    worst = f"{np.abs(own() - librosas()).max():.0e} dB"
    return row("13 MFCC, 3 s at 16 kHz, scipy.fft", "librosa", *side_by_side(librosas, own), worst)


def ppg_row(sfreq: int = 64):
    x = nk.ppg_simulate(duration=60, sampling_rate=sfreq, heart_rate=72, motion_amplitude=0, random_state=0)

    def neurokits():
        cleaned = nk.ppg_clean(x, sampling_rate=sfreq)
        return nk.ppg_findpeaks(cleaned, sampling_rate=sfreq)["PPG_Peaks"]

    def own():
        return detect_beats(x, sfreq)[1]

    worst = max(np.abs(own() - peak).min() for peak in neurokits())
    name = "PPG beats, 60 s at 64 Hz"
    return row(name, "NeuroKit2", *side_by_side(neurokits, own), f"{worst} sample")


def band_power_rows(sfreq: int = 128):
    x = np.random.default_rng(0).normal(0, 10, (32, 60 * sfreq))

    def scipys():
        return scipy.signal.welch(x, sfreq, nperseg=sfreq)

    def mnes():
        return mne.time_frequency.psd_array_welch(
            x, sfreq, n_fft=sfreq, n_overlap=sfreq // 2, window="hann", verbose="error"
        )[::-1]

    def own():
        return band_powers(x, sfreq, [(8, 13)], 1.0)

    scipy_s, mne_s, own_s = side_by_side(scipys, mnes, own)
    for reference, call, seconds in (("SciPy", scipys, scipy_s), ("MNE", mnes, mne_s)):
        freqs, density = call()
        expected = density[:, (freqs >= 8) & (freqs < 13)].sum(axis=1, keepdims=True) * (freqs[1] - freqs[0])
        worst = f"{np.abs(own() / expected - 1).max():.0e} relative"
        yield row("Welch band power, 32 × 60 s at 128 Hz", reference, seconds, own_s, worst)


def table() -> str:
    rows = [*log_mel_rows(), mfcc_row(), ppg_row(), *band_power_rows()]
    return page.table(("what", "beside", "times as fast (quartiles)", "largest difference"), rows)


PART = """## Signals

`python benchmarks/signals.py --write`: both sides run in turns in one process on one thread; a ratio of 3 means that emolib
takes a third of the time.

{table}

Machine: {machine}.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    arguments = parser.parse_args()
    with threadpool_limits(1):
        found = table()
    print(found)
    if arguments.write:
        page.write("signals", PART.format(table=found, machine=page.machine(PACKAGES)))


if __name__ == "__main__":
    main()
