"""A bundle beside sensors: an answer every hop from what has arrived."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from emolib.core.errors import BadParameter
from emolib.device.bundle import Bundle, by_class
from emolib.device.owner import Owner
from emolib.device.sensors.base import Chunk
from emolib.device.stream import OK, WAITING, Pictures, Reading, Signal, Stream, failure
from emolib.fusion.weighing import Vote
from emolib.signals.readers import SignalInfo

HOP_S = 1.0


class Part(NamedTuple):
    """What one modality says at a hop. state: "ok", or why it has no scores. weight: its share of the fused answer.
    age_s: from its newest sample to the hop, NaN before the first. ms: of front end and network. box: x1 y1 x2 y2 of the
    face, in pixels. heard: windows of the owner before it, None where the model does not learn its owner. unfamiliar: the
    window is unlike those that the model was trained on, None where the bundle does not know."""

    state: str
    scores: dict[str, float] | None
    weight: float
    age_s: float
    ms: float
    box: tuple[float, ...] | None
    heard: int | None = None
    unfamiliar: bool | None = None


class Result(NamedTuple):
    """The answer of a hop. scores: fused, by class; None where no modality has scores, or the engine does not fuse.
    missed: hops that were left out before it."""

    time_s: float
    scores: dict[str, float] | None
    parts: dict[str, Part]
    ms: float
    missed: int = 0

    def to_dict(self) -> dict:
        """For JSON; NaN becomes None, numbers are rounded."""
        parts = {name: part._asdict() for name, part in self.parts.items()}
        for part in parts.values():
            part["age_s"] = None if np.isnan(part["age_s"]) else round(part["age_s"], 3)
            part["ms"] = round(part["ms"], 3)
        return self._asdict() | {"time_s": round(self.time_s, 3), "ms": round(self.ms, 3), "parts": parts}


class Engine:
    """One model of each modality, and the last samples of its sensor: `start`, `push` by any thread, `step` by one.

    modalities: some of the bundle's, all by default; names: which of several models or detectors. Where classes differ
    and no study maps them to each other, `fusion` is None and each model answers in its own classes. owner: whom models
    that learn people know already. Raises BadParameter for what the bundle does not have, or has twice.
    """

    def __init__(
        self,
        bundle: Bundle,
        modalities: Sequence[str] = (),
        names: Sequence[str] = (),
        hop_s: float = HOP_S,
        threads: int = 1,
        clock: Callable[[], float] = time.monotonic,
        owner: Owner | None = None,
    ):
        if not hop_s > 0:
            raise BadParameter(f"hop_s: got {hop_s}, expected more than 0.")
        self.hop_s, self.clock, self.began = hop_s, clock, clock()
        sources = bundle.sources(modalities, names)
        self.fusion = bundle.fusion(list(sources.values()))
        self.pipelines = {name: bundle.pipeline(of, threads) for name, of in sources.items()}
        self.face_path = bundle.face_path(self.pipelines["face"], names) if "face" in sources else None
        self.owner = owner or Owner()
        self.streams: dict[str, Stream] = {}
        self.gone: dict[str, str] = {}

    @property
    def trained(self) -> dict[str, SignalInfo]:
        return {modality: pipeline.trained for modality, pipeline in self.pipelines.items()}

    def now_s(self) -> float:
        return self.clock() - self.began

    def start(self, modality: str, about: SignalInfo, is_live: bool = False):
        """The sensor of a modality is there, for the first time or again. Raises BadParameter, BadRecording."""
        if modality not in self.pipelines:
            raise BadParameter(f"{modality}: the engine answers for {', '.join(self.pipelines)} alone.")
        known, sensor = self.streams.get(modality), (self.pipelines[modality], about, is_live)
        if known is None or (known.about, known.is_live) != (about, is_live):
            is_face = modality == "face"
            self.streams[modality] = Pictures(*sensor, self.face_path) if is_face else Signal(*sensor, self.owner)
        self.gone.pop(modality, None)

    def classes(self, modality: str) -> tuple[str, ...]:
        """What a modality's scores are of: the fusion's classes, without one its model's own."""
        return self.fusion.classes if self.fusion else self.pipelines[modality].classes

    def push(self, modality: str, chunk: Chunk):
        """Keep samples, stamped in seconds since the engine began. It never raises: what is no sample becomes the state."""
        self.streams[modality].push(chunk, self.now_s())

    def lost(self, modality: str, reason: str):
        self.gone[modality] = reason

    def step(self, time_s: float, missed: int = 0) -> Result:
        """The answer at time_s. A failing modality never raises and stops no other; its `Part.state` says why."""
        start, votes = time.perf_counter(), {}
        parts = {modality: self._ask(modality, time_s, votes) for modality in self.pipelines}
        fused, shares = self.fusion.fuse(votes) if self.fusion else (None, {})
        for modality, pipeline in self.pipelines.items():
            parts[modality] = parts[modality]._replace(weight=shares.get(pipeline.source, 0.0))
        scores = None if fused is None else by_class(self.fusion.classes, fused)
        return Result(time_s, scores, parts, 1e3 * (time.perf_counter() - start), missed)

    def _ask(self, modality: str, time_s: float, votes: dict[str, Vote]) -> Part:
        """What a modality says, not weighed yet; its vote in the fusion is added to those by source."""
        start, reading, scores, age_s = time.perf_counter(), Reading(WAITING), None, np.nan
        try:
            if stream := self.streams.get(modality):
                age_s = float(np.maximum(0.0, time_s - stream.newest_s(time_s)))
                reading = stream.answer(time_s)
            if reading.state == OK:
                pipeline = self.pipelines[modality]
                scores, source = pipeline.trust.told(reading.scores[0]), pipeline.source
                if self.fusion:
                    votes[source] = self.fusion.members[source].vote(reading.scores, reading.stats)
                    scores = votes[source].scores
        except Exception as error:  # interpreters raise what they like; the other modalities go on
            reading = Reading(failure(error))
        if reading.state != OK:
            reading, scores = Reading(self.gone.get(modality, reading.state)), None
        scores = None if scores is None else by_class(self.classes(modality), scores)
        box = None if reading.box is None else tuple(round(float(side), 1) for side in reading.box)
        ms, more = 1e3 * (time.perf_counter() - start), (box, reading.heard, reading.unfamiliar)
        return Part(reading.state, scores, 0.0, age_s, ms, *more)
