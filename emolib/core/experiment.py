"""An experiment: one modality of one corpus, for one task, under one protocol, with one network. It names its artifacts."""

from dataclasses import astuple, dataclass

from emolib.core.errors import BadParameter

INT8 = "int8"  # the variant that goes on a device


@dataclass(frozen=True)
class Experiment:
    """Prints as <corpus>-<modality>-<task>-<protocol>[-<network>], for example emodb-speech-emotion7-loso.

    `network` is one of emolib.models.OTHERS or lda, "" the modality's own. In results, several corpora or modalities are
    joined by "+", and `network` may be a way of fusion.
    """

    corpus: str
    modality: str
    task: str
    protocol: str
    network: str = ""

    @classmethod
    def parse(cls, name: str) -> "Experiment":
        """The experiment of a name. Raises BadParameter."""
        parts = name.split("-")
        if len(parts) not in (4, 5) or "" in parts:
            form = "<corpus>-<modality>-<task>-<protocol>[-<network>]"
            raise BadParameter(f"source: got {name!r}, expected {form}.")
        return cls(*parts)

    @classmethod
    def joint(cls, sources: "list[Experiment]", task: str, network: str = "") -> "Experiment":
        """Several experiments fused: corpora and modalities joined by "+", in the order given, each once."""
        named = ("+".join(dict.fromkeys(getattr(one, name) for one in sources)) for name in ("corpus", "modality"))
        return cls(*named, task, sources[0].protocol, network)

    def __str__(self) -> str:
        return "-".join(part for part in astuple(self) if part)

    def sentence(self) -> str:
        """What the experiment is, for a report."""
        named = f", network {self.network}" if self.network else ""
        return f"{self.modality} of {self.corpus}, task {self.task}, protocol {self.protocol}{named}."


def model_name(source: str, k: int) -> str:
    """Stem of the artifacts of a source's fold k."""
    return f"models/{source}/fold{k:02d}"
