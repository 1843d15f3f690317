"""What `emolib meter` does: record a sensor of this machine until Ctrl-C, as reader csv takes it."""

import time
from contextlib import suppress
from pathlib import Path

from emolib.core.errors import BadParameter
from emolib.evaluation.energy import csv_log, sensors


def record(path: Path, name: str, rate_hz: float, seconds: float):
    """Log the sensor of this name, "" the widest. Raises BadParameter with the sensors here, or why there is none."""
    known, reasons = sensors.found()
    sensor = next((sensor for sensor in known if name in ("", sensor.name)), None)
    if sensor is None:
        here = ", ".join(sensor.name for sensor in known) or f"none: {'; '.join(reasons)}"
        raise BadParameter(f"--sensor: got {name!r}; sensors here: {here}.")
    with sensors.Sampler(sensor, rate_hz) as sampler, suppress(KeyboardInterrupt):
        time.sleep(seconds)
    trace = sampler.trace()
    csv_log.write(trace, path)
    print(f"{path}: {len(trace.time_s)} readings of {trace.origin}")
