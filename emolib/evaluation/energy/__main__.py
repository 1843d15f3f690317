"""`python -m emolib.evaluation.energy LOG.csv`: record a sensor of this machine until Ctrl-C, as reader csv takes it."""

import argparse
import sys
import time
from contextlib import suppress

from emolib.core.errors import BadParameter, exit_status
from emolib.evaluation.energy import csv_log, sensors


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0, or 1 with one line on stderr for what a user can mend."""
    parser = argparse.ArgumentParser(prog="python -m emolib.evaluation.energy", description=__doc__)
    parser.add_argument("log", help="the CSV to write")
    parser.add_argument("--sensor", default="", help="its name; by default the widest that answers")
    parser.add_argument("--rate", type=float, default=10.0, help="readings a second (default 10)")
    parser.add_argument("--seconds", type=float, default=86400.0, help="how long (default: a day)")
    return exit_status(lambda: record(**vars(parser.parse_args(arguments))))


def record(log: str, sensor: str, rate: float, seconds: float):
    """Log the sensor of this name, "" the widest. Raises BadParameter with the sensors here, or why there is none."""
    known, reasons = sensors.found()
    chosen = [one for one in known if sensor in ("", one.name)]
    if not chosen:
        here = ", ".join(one.name for one in known) or f"none: {'; '.join(reasons)}"
        raise BadParameter(f"--sensor: got {sensor!r}; sensors here: {here}.")
    with sensors.Sampler(chosen[0], rate) as sampler, suppress(KeyboardInterrupt):
        time.sleep(seconds)
    trace = sampler.trace()
    csv_log.write(trace, log)
    print(f"{log}: {len(trace.time_s)} readings of {trace.origin}")


if __name__ == "__main__":
    sys.exit(main())
