"""What was recorded, and what the model sees of it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.mlab import specgram

from emolib.datasets.base import Trial
from emolib.report.plots import style

SHOWN_S = {"ppg": 30.0, "ecg": 10.0, "raw": 10.0}  # of longer recordings the first seconds
HEART_LABELS = {"ppg": "PPG (a.u.)", "ecg": "ECG (a.u.)", "bpm": "heart rate (bpm)"}
MAX_FRAMES = 8
MAPS = {  # of a window as a heat map: its rows, one of them, and what the colours are
    "eeg": ("features", "channel × band, then asymmetries", "differential entropy (nat)"),
    "speech": ("mel bands", "mel band", "log-mel energy (dB)"),
    "MFCC": ("MFCC", "coefficient", "value (dB), that of c0 beyond the scale"),
}


def trial(trial: Trial) -> style.Picture:
    """One trial as the corpus gives it; of long PPG, ECG and EEG the first seconds, which the title says."""
    rated = ", ".join(f"{name} {value:.3g}" for name, value in trial.ratings.items())
    title = f"{trial.corpus}, subject {trial.subject}, trial {trial.trial}: {trial.label or rated or 'no label'}"
    if trial.kind in SHOWN_S:
        shown_s, duration_s = SHOWN_S[trial.kind], trial.data.shape[-1] / trial.sfreq
        if shown_s < duration_s:
            trial = replace(trial, data=trial.data[..., : round(shown_s * trial.sfreq)])
            title += f" (first {shown_s:.0f} of {duration_s:.0f} s)"
    if trial.modality == "face":
        height, width = trial.data.shape[1:3] if trial.sfreq else trial.data.shape[:2]
        title += f" ({width} × {height} px)"
    draw = _band_power if trial.kind == "band_power" else DRAWINGS[trial.modality]
    figure = draw(trial)
    figure.suptitle(title, wrap=True)
    return figure


def _heart(trial: Trial) -> style.Picture:
    figure, ax = style.panel(2.8)
    ax.plot(np.arange(len(trial.data)) / trial.sfreq, trial.data, color=style.BLUE, linewidth=1.1)
    ax.set(xlabel="time (s)", ylabel=HEART_LABELS.get(trial.kind, "heart signal (a.u.)"))
    ax.margins(x=0)
    style.tidy(ax)
    return figure


def _skin(trial: Trial) -> style.Picture:
    """Electrodermal activity above skin temperature."""
    figure, axes = style.picture(4.0, 2, 1, sharex=True)
    labels = "EDA (µS)", "temperature (°C)"
    for ax, row, label in zip(axes[:, 0], trial.data, labels, strict=True):
        ax.plot(np.arange(len(row)) / trial.sfreq, row, color=style.BLUE, linewidth=1.1)
        ax.set_ylabel(label)
        ax.margins(x=0)
        style.tidy(ax)
    axes[-1, 0].set_xlabel("time (s)")
    return figure


def _eeg(trial: Trial) -> style.Picture:
    """Channels below each other, at a distance that the axis label gives."""
    centred = trial.data - np.nanmedian(trial.data, axis=1, keepdims=True)
    step_uv = float(f"{max(4 * np.nanmedian(np.nanstd(centred, axis=1)), 1e-6):.1g}")
    n_chans = len(centred)
    figure, ax = style.panel(1.2 + min(max(3.0, 0.16 * n_chans), 0.6 * n_chans))
    levels, times_s = -step_uv * np.arange(n_chans), np.arange(centred.shape[1]) / trial.sfreq
    noisy_first = np.argsort(np.argsort(-np.nanstd(centred, axis=1)))  # so that they hide no neighbour
    for index, (channel, level) in enumerate(zip(centred, levels, strict=True)):
        colour = (style.BLUE, style.BLACK)[index % 2]
        ax.plot(times_s, channel + level, color=colour, linewidth=0.6, zorder=2 + noisy_first[index])
    names = trial.channels or [f"channel {i + 1}" for i in range(n_chans)]
    ax.set_yticks(levels, names, fontsize=9 if n_chans <= 32 else 7)
    ax.set(xlabel="time (s)", ylabel=f"channels, {step_uv:g} µV apart", ylim=(levels[-1] - step_uv, step_uv))
    ax.margins(x=0)
    style.tidy(ax)
    return figure


def _band_power(trial: Trial) -> style.Picture:
    """One heat map of channel × time per band, on one scale."""
    n_steps, n_chans, n_bands = trial.data.shape
    power_db = 10 * np.log10(np.maximum(trial.data, np.finfo(np.float32).tiny))
    low, high = np.nanpercentile(power_db, [1, 99])
    figure, axes = style.picture(1.2 + max(0.13 * n_chans, 2.0), 1, n_bands, sharey=True)
    for band, ax in enumerate(axes[0]):
        extent = (0, n_steps / trial.sfreq, n_chans - 0.5, -0.5)
        options = {"aspect": "auto", "extent": extent, "vmin": low, "vmax": high, "interpolation": "nearest"}
        image = ax.imshow(power_db[:, :, band].T, cmap="viridis", **options)
        ax.set(xlabel="time (s)", title=f"band {band + 1}")
    names = trial.channels or range(1, n_chans + 1)
    axes[0, 0].set_yticks(range(n_chans), names, fontsize=9 if n_chans <= 20 else 7)
    axes[0, 0].set_ylabel("channel")
    figure.colorbar(image, ax=axes[0], label="band power (dB)")
    return figure


def _speech(trial: Trial) -> style.Picture:
    figure, axes = style.picture(4.4, 2, 1, sharex=True)
    wave, spectrum = axes[:, 0]
    wave.plot(np.arange(len(trial.data)) / trial.sfreq, trial.data, color=style.BLUE, linewidth=0.5)
    wave.set_ylabel("amplitude")
    style.tidy(wave)
    n_fft = 1 << int(np.ceil(np.log2(0.025 * trial.sfreq)))
    power, freqs, times_s = specgram(trial.data, NFFT=n_fft, Fs=trial.sfreq, noverlap=n_fft * 3 // 4)
    power_db = 10 * np.log10(np.maximum(power, 1e-20))
    options = {"cmap": "viridis", "vmin": power_db.max() - 80, "vmax": power_db.max()}
    image = spectrum.pcolormesh(times_s, freqs, power_db, **options)
    spectrum.set(xlabel="time (s)", ylabel="frequency (Hz)", xlim=(0, len(trial.data) / trial.sfreq))
    figure.colorbar(image, ax=spectrum, label="power (dB)")
    return figure


def _face(trial: Trial) -> style.Picture:
    """A still, or up to eight frames in equal distances."""
    frames = trial.data if trial.sfreq else trial.data[np.newaxis]
    chosen = np.unique(np.linspace(0, len(frames) - 1, MAX_FRAMES).round().astype(int))
    figure, axes = style.picture(3.2 if len(chosen) == 1 else 2.0, 1, len(chosen))
    for ax, index in zip(axes[0], chosen, strict=True):
        ax.imshow(frames[index], cmap="gray", vmin=0, vmax=255)
        ax.set_axis_off()
        if trial.sfreq:
            ax.set_title(f"{index / trial.sfreq:.2f} s", fontsize=10)
    return figure


DRAWINGS = {"heart": _heart, "eeg": _eeg, "speech": _speech, "face": _face, "skin": _skin}


def window(x: np.ndarray, modality: str, window_s: float | None, features: Sequence[str] = ()) -> style.Picture:
    """A model's input as the model gets it, without the batch axis: (n_steps, 1, n_features), (n_frames, n_mels, 1),
    (1, n_functionals, 1) or (h, w, 1). `window_s` is its length in seconds, None of a still."""
    if modality == "face":
        return _image(x[:, :, 0])
    if modality in ("heart", "skin"):
        return _series(x[:, 0, :], modality, window_s, features)
    if modality == "speech" and len(x) == 1:
        return _functionals(x[0, :, 0], window_s)
    return _map(x[:, 0, :] if modality == "eeg" else x[:, :, 0], modality, window_s, features)


def _series(plane: np.ndarray, modality: str, window_s: float, features: Sequence[str]) -> style.Picture:
    """(n_steps, n_features) as one small chart per feature."""
    n_steps, n_features = plane.shape
    figure, axes = style.picture(0.9 + 0.8 * n_features, n_features, 1, sharex=True)
    names = features or [f"feature {i + 1}" for i in range(n_features)]
    for ax, values, name in zip(axes[:, 0], plane.T, names, strict=True):
        ax.plot(np.arange(n_steps) * window_s / n_steps, values, ".-", color=style.BLUE, linewidth=1)
        ax.set_ylabel(name, rotation=0, ha="right", va="center")
        ax.margins(x=0.01, y=0.15)
        style.tidy(ax)
    axes[-1, 0].set_xlabel("time in window (s)")
    figure.suptitle(f"{modality}: the model's input, {n_steps} steps × {n_features} features")
    return figure


def _map(plane: np.ndarray, modality: str, window_s: float, features: Sequence[str]) -> style.Picture:
    """(n_steps, n_rows) as a heat map, time to the right; of speech low rows are below, and named ones are MFCC."""
    n_steps, n_rows = plane.shape
    mfcc = modality == "speech" and bool(features)
    rows, row, value = MAPS["MFCC" if mfcc else modality]
    coloured = plane[:, 1:] if mfcc and n_rows > 1 else plane  # c0 is the level, many times the others
    figure, ax = style.panel(3.6 if not features else 1.4 + max(0.16 * n_rows, 2.2))
    options = {"aspect": "auto", "origin": "lower", "extent": (0, window_s, -0.5, n_rows - 0.5)}
    options |= {"interpolation": "nearest", "vmin": coloured.min(), "vmax": coloured.max()}
    image = ax.imshow(plane.T, cmap="viridis", **options)
    ax.set(xlabel="time in window (s)", ylabel=row)
    if features:
        ax.set_yticks(range(n_rows), features, fontsize=9 if n_rows <= 20 else 7)
    figure.colorbar(image, ax=ax, label=value, extend="neither" if coloured is plane else "both")
    figure.suptitle(f"{modality}: the model's input, {n_steps} steps × {n_rows} {rows}")
    return figure


def _functionals(values: np.ndarray, window_s: float) -> style.Picture:
    """(n_functionals,) as dots, on an axis that is logarithmic but around zero: they have many units."""
    figure, ax = style.panel(3.0)
    ax.plot(values, ".", color=style.BLUE)
    ax.set_yscale("symlog", linthresh=1)
    ax.set(xlabel="functional", ylabel="value, each in its unit")
    style.tidy(ax)
    figure.suptitle(f"speech: the model's input, {len(values)} functionals of {window_s:g} s")
    return figure


def _image(plane: np.ndarray) -> style.Picture:
    figure, ax = style.panel(3.4)
    figure.set_size_inches(5, 3.4)
    image = ax.imshow(plane, cmap="gray")
    ax.set(xlabel="x (px)", ylabel="y (px)")
    figure.colorbar(image, ax=ax, label="value")
    figure.suptitle(f"face: the model's input, {plane.shape[1]} × {plane.shape[0]} px")
    return figure
