"""What a person sees of a pipeline: one live line on a terminal, elsewhere a line for each notebook that starts.

Snakemake's own log goes on in its file; on the screen only its errors are left.
"""

import logging
import os
import re
import sys
import threading
import time
from pathlib import Path

from snakemake.common import NOTHING_TO_BE_DONE_MSG
from snakemake_interface_logger_plugins.common import LogEvent
from tqdm import tqdm

SAID = re.compile(
    r"Error in (rule|group) |RuleException:\nCalledProcessError|Exiting because a job|WorkflowError:\nAt least one job"
)
ERROR = re.compile(r"(?!WARNING)([\w.]+\.)?[A-Z]\w+: ")  # a line of papermill's that names one
LINE = "{n_fmt} of {total_fmt} notebooks done in {elapsed}, about {remaining} left{desc}"


class Progress(logging.Handler):
    """A handler of Snakemake's logger; what it says last is the run's headline."""

    def __init__(self, logger: logging.Logger, headline: Path):
        super().__init__(logging.INFO)
        self.headline = headline
        self.jobs: dict[int, str] = {}  # that run now
        is_live = sys.stderr.isatty() and os.get_terminal_size(sys.stderr.fileno()).lines > 0
        options = {"smoothing": 0, "dynamic_ncols": True, "leave": False, "disable": not is_live}
        self.bar = tqdm(total=0, bar_format="{elapsed} planning", **options)
        for handler in logger.handlers:
            if handler.name == "DefaultStreamHandler":
                handler.setLevel(logging.ERROR)
                handler.addFilter(lambda record: not SAID.match(record.getMessage()))  # one line says it
        logger.addHandler(self)
        if is_live:
            threading.Thread(target=self.tick, daemon=True).start()

    def tick(self):
        """Let the time on the line go on while nothing happens."""
        while not self.bar.disable:
            time.sleep(1)
            self.bar.refresh()

    def emit(self, record: logging.LogRecord):
        event = getattr(record, "event", None)
        if event == LogEvent.RUN_INFO:
            self.bar.bar_format = LINE
            self.bar.total = record.stats["total"] - record.stats.get("all", 0)  # a rule without a notebook
        elif event == LogEvent.PROGRESS:
            self.bar.n = min(record.done, self.bar.total)
        elif event == LogEvent.JOB_INFO and record.rule_name != "all":
            self.jobs[record.jobid] = name = " ".join([record.rule_name, *record.wildcards.values()])
            if self.bar.disable:
                print(time.strftime("%T"), name, flush=True)
        elif event == LogEvent.JOB_FINISHED:
            self.jobs.pop(record.job_id, None)
        elif event == LogEvent.JOB_ERROR:
            tqdm.write(f"{self.jobs.pop(record.jobid, record.rule_name)} failed: {last_line(record.log)}")
        elif record.getMessage() == NOTHING_TO_BE_DONE_MSG:
            self.end(NOTHING_TO_BE_DONE_MSG)
        running = ", ".join(self.jobs.values())
        self.bar.set_description_str(running and f": {running}")

    def end(self, *lines: str):
        """No live line from now on; the lines, then the headline, which a call for one artifact may end without."""
        self.bar.close()
        if self.headline.exists():
            lines = *lines, self.headline.read_text().strip()
        print(*lines, sep="\n", flush=True)


def last_line(log: list[str]) -> str:
    """The error that papermill said last: one line where the user can mend it."""
    try:
        said = Path(f"{log[0]}.txt").read_text().split("\n")
    except OSError as error:
        return str(error)
    return next(filter(ERROR.match, reversed(said)), "it was interrupted") + f" ({log[0]})"
