"""A trial of any corpus as a sensor, read by the corpus's own loader: only where the loaders' packages are installed."""

from collections.abc import Iterator

import numpy as np

from emolib.core.errors import BadParameter
from emolib.datasets import load
from emolib.datasets.base import Trial
from emolib.device.sensors.base import Chunk
from emolib.device.sensors.recordings import Recording, cut, pictures
from emolib.signals.readers import SignalInfo


class CorpusTrial(Recording):
    """`where` is NAME/SUBJECT/TRIAL. Band powers become (n_chans, n_bands, n_times): time is last, as in signals."""

    def read(self) -> tuple[SignalInfo, Iterator[Chunk]]:
        trial = self.trial()
        if trial.modality == "face":
            chunks = pictures(trial.data, trial.sfreq) if trial.sfreq else iter([Chunk(0.0, trial.data)])
        else:
            data = np.moveaxis(trial.data, 0, -1) if trial.kind == "band_power" else trial.data
            chunks = cut(data, trial.sfreq)
        return SignalInfo(trial.sfreq, trial.kind, trial.channels), chunks

    def trial(self) -> Trial:
        """The Trial that `where` names. Raises BadParameter, CorpusMissing, BadRecording."""
        corpus, _, wanted = self.where.partition("/")
        subjects, names = {}, {}  # as ordered sets
        for trial in load(corpus, self.modality):
            if wanted == f"{trial.subject}/{trial.trial}":  # a subject's name may have a / too
                return trial
            subjects[trial.subject] = None
            if f"{wanted}/".startswith(f"{trial.subject}/"):
                names[trial.trial] = None
        what, known = ("trials of this subject", names) if names else (f"subjects of {corpus}", subjects)
        listed = ", ".join(list(known)[:5]) + (" …" if len(known) > 5 else "")
        raise BadParameter(f"{self.name} is no corpus:NAME/SUBJECT/TRIAL that there is; {what}: {listed}.")
