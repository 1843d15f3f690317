"""`python -m emolib.evaluation.energy LOG.csv`: record a sensor of this machine until Ctrl-C, as reader csv takes it."""

import argparse
import sys
import time
from contextlib import suppress
from pathlib import Path

from emolib.core.errors import BadParameter, exit_status
from emolib.evaluation.energy import csv_log, sensors
from emolib.evaluation.energy.sampler import Sampler, Sensor


def chosen(name: str) -> Sensor:
    """The sensor of this name, "" the widest. Raises BadParameter with those that are here, or why none is."""
    found, reasons = sensors.found()
    for sensor in found:
        if name in ("", sensor.name):
            return sensor
    here = ", ".join(sensor.name for sensor in found) or f"none: {'; '.join(reasons)}"
    raise BadParameter(f"--sensor: got {name!r}; sensors here: {here}.")


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0, or 1 with one line on stderr for what a user can mend."""
    parser = argparse.ArgumentParser(prog="python -m emolib.evaluation.energy", description=__doc__)
    parser.add_argument("log", type=Path)
    parser.add_argument("--sensor", default="")
    parser.add_argument("--rate", type=float, default=10.0, help="readings a second")
    parser.add_argument("--seconds", type=float, default=86400.0)
    options = parser.parse_args(arguments)
    return exit_status(lambda: log(options))


def log(options: argparse.Namespace):
    """Log the chosen sensor for some seconds, or until Ctrl-C. Raises BadParameter."""
    with Sampler(chosen(options.sensor), options.rate) as sampler, suppress(KeyboardInterrupt):
        time.sleep(options.seconds)
    trace = sampler.trace()
    csv_log.write(trace, options.log)
    print(f"{options.log}: {len(trace.time_s)} readings of {trace.origin}")


if __name__ == "__main__":
    sys.exit(main())
