"""A source: one modality of one corpus, for one task, under one protocol. Its name is that of its artifacts."""

from dataclasses import dataclass

from emolib import datasets
from emolib.errors import BadParameter
from emolib.summary import key

INT8 = "static_wi8_ai8"  # the variant that goes on a device


@dataclass(frozen=True)
class Source:
    """Prints as <corpus>-<modality>-<task>-<protocol>, for example emodb-speech-emotion7-loso."""

    corpus: str
    modality: str
    task: str
    protocol: str

    @classmethod
    def parse(cls, name: str) -> "Source":
        """The source of a name. Raises BadParameter."""
        parts = name.split("-")
        if len(parts) != 4:
            raise BadParameter(f"source: got {name!r}, expected <corpus>-<modality>-<task>-<protocol>.")
        return cls(*parts)

    def __str__(self) -> str:
        return f"{self.corpus}-{self.modality}-{self.task}-{self.protocol}"

    def key(self, variant: str, metric: str) -> str:
        """Key in summary.json; the variant names the modality where the corpus has several."""
        several = len(datasets.get(self.corpus).modalities) > 1
        return key(
            self.corpus,
            self.task,
            self.protocol,
            f"{self.modality}_{variant}" if several else variant,
            metric,
        )


def model_name(source: str, k: int) -> str:
    """Stem of the artifacts of a source's fold k."""
    return f"models/{source}/fold{k:02d}"
