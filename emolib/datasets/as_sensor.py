"""A trial of any corpus as a source, read by the corpus's own loader: in the lab, where the loaders' packages are."""

from collections.abc import Iterator

import numpy as np

from emolib.core.errors import BadParameter
from emolib.datasets import load
from emolib.device.sensors.base import Chunk
from emolib.device.sensors.recordings import Recording, cut, pictures
from emolib.signals.readers import SignalInfo

FEW = 5  # names that an error lists


class CorpusTrial(Recording):
    """`where` is NAME/SUBJECT/TRIAL; band powers (n_chans, n_bands, n_times) are turned so that time is last, as in signals."""

    def read(self) -> tuple[SignalInfo, Iterator[Chunk]]:
        trial = self.trial()
        return SignalInfo(trial.sfreq, trial.kind, trial.channels), self.samples(trial)

    def samples(self, trial) -> Iterator[Chunk]:
        if trial.modality == "face":
            return pictures(trial.data, trial.sfreq) if trial.sfreq else iter([Chunk(0.0, trial.data)])
        data = np.moveaxis(trial.data, 0, -1) if trial.kind == "band_power" else trial.data
        return cut(data, trial.sfreq, chunk_s=self.chunk_s)

    def trial(self):
        """The emolib.datasets.base.Trial. Raises BadParameter, CorpusMissing, BadRecording."""
        corpus, _, wanted = self.where.partition("/")
        subjects, names = {}, {}
        for trial in load(corpus, self.modality):
            if wanted == f"{trial.subject}/{trial.trial}":  # a subject's name may have a / too
                return trial
            subjects[trial.subject] = None
            if f"{wanted}/".startswith(f"{trial.subject}/"):
                names[trial.trial] = None
        what, known = ("trials of this subject", names) if names else (f"subjects of {corpus}", subjects)
        raise BadParameter(
            f"{self.name}: no such trial, expected corpus:NAME/SUBJECT/TRIAL; {what}: {few(known)}."
        )


def few(names: dict[str, None]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - FEW
    return ", ".join(list(names)[:FEW]) + (f" and {more} more" if more > 0 else "")
