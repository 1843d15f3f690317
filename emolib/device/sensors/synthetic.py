"""A generated person as a source: SYNTHETIC, see emolib.signals.generated. numpy only."""

from collections.abc import Iterable, Iterator
from itertools import chain, count

import numpy as np

from emolib.core.errors import BadParameter
from emolib.device.sensors.base import Chunk
from emolib.device.sensors.recording import CHUNK_S, Recording, cut, pictures
from emolib.signals.readers import Trained

SECONDS = 600
PART_S = 20  # for which an emotion lasts


def course(emotions: tuple[str, ...], n_parts: int, seed: int) -> list[str]:
    """An emotion for each part, never the same twice in a row where there are several; the same for every modality."""
    rng, felt = np.random.default_rng(seed), []
    for _ in range(n_parts):
        others = [emotion for emotion in emotions if [emotion] != felt[-1:]]
        felt.append(others[rng.integers(len(others))] if others else emotions[0])
    return felt


class Synthetic(Recording):
    """`where` is "", EMOTION or EMOTION/SEED: `seconds` of one person, in parts of PART_S that are recorded one by one.

    Equal seeds give the same person and the same emotions in every modality.
    """

    def __init__(
        self,
        modality: str,
        name: str,
        where: str,
        trained: Trained,
        chunk_s: float = CHUNK_S,
        seconds: float = SECONDS,
    ):
        super().__init__(modality, name, where, trained, chunk_s)
        self.seconds = seconds

    def read(self) -> tuple[Trained, Iterator[Chunk]]:
        parts = (self.part(number) for number in range(int(np.ceil(self.seconds / PART_S))))
        first = next(parts)
        return Trained(first.sfreq, first.kind, first.channels), self.samples(chain([first], parts))

    def samples(self, parts: Iterable) -> Iterator[Chunk]:
        for start_s, part in zip(count(0.0, PART_S), parts):
            if self.modality == "face":
                yield from pictures(part.data, part.sfreq, start_s)
            else:
                yield from cut(part.data, part.sfreq, start_s, self.chunk_s)

    def part(self, number: int):
        """A recording of PART_S seconds. Raises BadParameter for an unknown emotion or seed."""
        from emolib.signals.generated import CARDIAC, recording
        from emolib.signals.generated.affect import QUADRANTS, Affect

        emotion, _, seed = self.where.partition("/")
        if emotion not in ("", *QUADRANTS) or not (seed or "0").isdecimal():
            raise BadParameter(
                f"{self.name}: expected synthetic[:EMOTION[/SEED]], one of {', '.join(QUADRANTS)} and a whole number."
            )
        seed = int(seed or 0)
        label = course((emotion,) if emotion else tuple(QUADRANTS), number + 1, seed)[number]
        cardiac = self.trained.kind if self.trained.kind in CARDIAC else "ppg"
        return recording(Affect(seed, 0, number, label, PART_S), self.modality, cardiac)
