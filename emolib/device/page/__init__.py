"""The live page: a bundle beside a browser's camera and microphone, on this machine alone."""

import json
import sys
import webbrowser
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from emolib.core.errors import BadParameter
from emolib.core.paths import private
from emolib.device.bundle import Bundle
from emolib.device.engine import Engine
from emolib.device.live import Live
from emolib.device.owner import Owner
from emolib.device.page.server import PAYLOADS, Server
from emolib.device.page.session import Session
from emolib.device.sensors import KINDS, Kind, parse
from emolib.device.sensors.base import SCENE, Pushed, Sensor
from emolib.signals.readers import SignalInfo

HOP_S = 0.5


def serve(
    folder: Path,
    sources: Sequence[str] = (),
    names: Sequence[str] = (),
    port: int = 0,
    open_browser: bool = True,
    keep: Path | None = None,
    kinds: Mapping[str, Kind] = KINDS,
    profile: str = "",
):
    """Serve a page of the bundle in `folder` until Ctrl-C; its address is printed.

    sources: sensors that the browser lacks ("heart=synthetic"), or that replace its own. names: which of several models.
    port 0: a free one. keep: a file that gets every result as a line of JSON, never sound or pictures. kinds: of sensors.
    profile: the name under which what is learned of the person is kept. Raises BadParameter, BadArtifact.
    """
    bundle = Bundle(folder)
    with open_keep_file(keep) as file, Owner(profile) as owner:
        engine = Engine(bundle, sensed_modalities(bundle, sources), names, HOP_S, owner=owner)
        others = [parse(text, engine.trained, kinds) for text in sources]
        taken = {sensor.modality for sensor in others}
        infos = engine.trained | {"face": SignalInfo(0.0, SCENE)}
        pushed = [
            Pushed(modality, f"{modality}=page", trained=infos[modality])
            for modality in engine.trained
            if modality in PAYLOADS and modality not in taken
        ]
        session = Session(engine, pushed)
        with (
            Live(engine, [*pushed, *others]) as live,
            Server(session, page_facts(engine, session, others, keep), port) as server,
            suppress(KeyboardInterrupt),
        ):
            print(f"{server.url}\nThis machine alone can open it. Ctrl-C ends it.", flush=True)
            if open_browser and not webbrowser.open(server.once()):
                print("No browser could be opened: open the address above.", file=sys.stderr)
            for result in live.results():
                session.publish(result.to_dict())
                if file:
                    now = datetime.now(UTC).isoformat(timespec="milliseconds")
                    print(json.dumps({"at": now, **result.to_dict()}), file=file, flush=True)


def sensed_modalities(bundle: Bundle, sources: Sequence[str]) -> list[str]:
    """Modalities of the bundle that have a sensor, those of a page first. Raises BadParameter where there is none."""
    asked = [text.partition("=")[0] for text in sources]
    if found := list(dict.fromkeys([*filter(bundle.sources_of, PAYLOADS), *asked])):
        return found
    have = ", ".join(sorted({entry["modality"] for entry in bundle.models.values()}))
    reason = "for which a browser has no sensor: add --source"
    raise BadParameter(f"{bundle.folder} has models of {have}, {reason}.")


def page_facts(engine: Engine, session: Session, others: Sequence[Sensor], keep: Path | None) -> dict:
    """What the page shows about the models and their sensors."""
    sensors = {sensor.modality: sensor.name for sensor in others}
    modalities = {
        name: {
            "source": pipeline.source,
            "classes": engine.classes(name),
            "sfreq": pipeline.trained.sfreq,
            "window_s": pipeline.front.window_s,
            "from_page": name in session.feeds,
            "sensor": sensors.get(name),
            "looks": name == "face" and engine.face_path is not None,
        }
        for name, pipeline in engine.pipelines.items()
    }
    return {
        "classes": engine.fusion and engine.fusion.classes,
        "hop_s": engine.hop_s,
        "corpora": sorted({pipeline.source.split("-")[0] for pipeline in engine.pipelines.values()}),
        "kept": keep and str(keep),
        "learns": any(pipeline.learns for pipeline in engine.pipelines.values()),
        "profile": engine.owner.folder and engine.owner.folder.name,
        "modalities": modalities,
    }


def open_keep_file(path: Path | None) -> AbstractContextManager[TextIO | None]:
    """The file that results are appended to, None without one. Raises BadParameter where it cannot be written."""
    try:
        return open(path, "a", encoding="utf-8", opener=private) if path else nullcontext()
    except OSError as error:
        raise BadParameter(f"--keep: {path} cannot be written ({error.strerror}): choose another.") from error
