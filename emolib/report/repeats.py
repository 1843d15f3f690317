"""What the report says about trainings with several seeds."""

from collections.abc import Sequence

from emolib.core.experiment import Experiment
from emolib.report.page import Section, item

STEPS = {"repeats": "02e_seed_variability"}  # of a source, and its notebook
TEXT = (
    "The float32 network trained with several seeds. By train: standardised by training people alone. By subject: within "
    "each person first, without labels, which needs a recording of the person before the first answer."
)
ITEMS = (  # ending of the artifact's name, caption
    ("repeats", "UAR of each person: a dot for each seed."),
    ("repeats.csv", "Over all seeds: UAR, mean and standard deviation over people, and of the seeds' UARs; points over the first."),
    ("repeats-seeds.csv", "Every seed."),
)  # fmt: skip


def sections(names: Sequence[str]) -> list[Section]:
    """A section per source that was trained again."""
    return [
        Section(
            f"Repeated: {name}",
            f"{Experiment.parse(name).sentence()} {TEXT}",
            [item(name, *one) for one in ITEMS],
        )
        for name in names
    ]


def parts(sources: Sequence[str]) -> list[str]:
    """Names of the summaries that the notebook writes."""
    return [f"{name}-{step}" for name in sources for step in STEPS]
