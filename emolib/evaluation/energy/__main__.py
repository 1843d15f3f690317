"""`python -m emolib.evaluation.energy LOG.csv`: record a sensor of this machine until Ctrl-C, as reader csv takes it."""

import argparse
import sys
import time
from contextlib import suppress
from pathlib import Path

from emolib.core.errors import BadParameter, exit_status
from emolib.evaluation.energy import csv_log, sensors


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0, or 1 with one line on stderr for what a user can mend."""
    parser = argparse.ArgumentParser(prog="python -m emolib.evaluation.energy", description=__doc__)
    parser.add_argument("log", type=Path, help="the CSV to write")
    parser.add_argument("--sensor", default="", help="its name; by default the widest that answers")
    parser.add_argument("--rate", type=float, default=10.0, help="readings a second (default 10)")
    parser.add_argument("--seconds", type=float, default=86400.0, help="how long (default: a day)")
    options = parser.parse_args(arguments)
    return exit_status(lambda: record(options.log, options.sensor, options.rate, options.seconds))


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


if __name__ == "__main__":
    sys.exit(main())
