"""Bench files: of this machine, made from a run's models, and of devices, that a person brings along."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from emolib.core.child import run_module
from emolib.core.errors import BadArtifact, BadParameter
from emolib.core.paths import read_json
from emolib.device.bench import SCHEMA
from emolib.studies.latency import devices

HERE = "this machine"
FIELDS = {"machine", "bundle", "models", "front_ends", "engine", "stream", "fresh", "refused"}


def measured_here(
    bundle: Path, backends: Sequence[str], threads: Sequence[int], repeats: int, seconds: float
) -> dict:
    """What `emolib bench` says of a bundle, in a process of its own, as on a device. Raises BadParameter."""
    options = ["--json", f"--repeats={repeats}", f"--seconds={seconds}"]
    options += [f"--backend={name}" for name in backends] + [f"--threads={n}" for n in threads]
    done = run_module("emolib", "bench", str(bundle), *options, capture_output=True, text=True)
    if done.returncode:
        raise BadParameter(f"emolib bench: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    return json.loads(done.stdout)


def read(path: str | Path) -> dict:
    """A bench file. Raises BadArtifact where it is none, or of another emolib."""
    again = "on the device: `emolib bench BUNDLE --json > FILE`."
    try:
        record = read_json(Path(path))
        schema, missing = record.get("schema"), sorted(FIELDS - record.keys())
    except (OSError, ValueError, AttributeError) as error:
        raise BadArtifact(f"{path} cannot be read ({error}), expected a bench file; {again}") from error
    if schema != SCHEMA or missing:
        lacks = f"schema {schema}" if schema != SCHEMA else f"no {', '.join(missing)}"
        raise BadArtifact(
            f"{path} has {lacks}, expected schema {SCHEMA} with every field: measure again {again}"
        )
    try:
        for table in (devices.machines, devices.models, devices.streams, devices.hops):
            table({HERE: record})
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise BadArtifact(f"{path} is damaged ({reason}), expected a bench file; {again}") from error
    return record


def of_devices(here: dict, files: Sequence[str]) -> Mapping[str, dict]:
    """Records by device, this machine's first; a device is called as its file. Raises BadArtifact, BadParameter."""
    names = [HERE, *(Path(file).stem for file in files)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadParameter(f"files: {', '.join(twice)} twice, expected a name for each device: rename one.")
    return dict(zip(names, [here, *map(read, files)], strict=True))
