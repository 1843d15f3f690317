"""What is left on the screen of Snakemake's log, and what is said of a notebook that fails."""

import logging

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from emolib.core.progress import Progress


@pytest.fixture
def seen(tmp_path):
    """A logger as Snakemake has one, below a Progress; what its stream handler wrote."""
    logger, written = logging.Logger("snakemake"), []
    stream = logging.Handler()
    stream.name, stream.emit = "DefaultStreamHandler", lambda record: written.append(record.getMessage())
    logger.addHandler(stream)
    return logger, Progress(logger, tmp_path / "headline.txt"), written


@pytest.mark.parametrize("text, said", [
    ("Traceback\nBadSet: One subject only\n\n", "BadSet: One subject only"),
    ("nbclient.exceptions.DeadKernelError: died\n", "nbclient.exceptions.DeadKernelError: died"),
    ("WARNING: All log messages\nI0000 00:00:17.4 port.cc:153] oneDNN: on\n", "it was interrupted"),
])  # fmt: skip
def test_a_notebook_that_fails_is_one_line(seen, text, said, tmp_path, capsys):
    (tmp_path / "a.ipynb.txt").write_text(text)
    logger, *_ = seen
    job = {"jobid": 1, "rule_name": "train", "log": [str(tmp_path / "a.ipynb")]}
    logger.info("", extra={"event": LogEvent.RUN_INFO, "stats": {"total": 2, "all": 1}})
    logger.info("", extra={**job, "event": LogEvent.JOB_INFO, "wildcards": {"source": "heart"}})
    logger.error("Error in rule train", extra={**job, "event": LogEvent.JOB_ERROR})
    began, failed = capsys.readouterr().out.splitlines()
    assert began.endswith(" train heart")
    assert failed == f"train heart failed: {said} ({tmp_path / 'a.ipynb'})"


def test_errors_that_no_other_line_says_stay_and_the_headline_is_last(seen, tmp_path, capsys):
    (tmp_path / "headline.txt").write_text("UAR 80 %. Report: x\n")
    logger, progress, written = seen
    for text in ("Error in rule train, jobid: 3", "WorkflowError:\nAt least one job failed", "No space left"):
        logger.error(text)
    logger.info("Nothing to be done (all requested files are present and up to date).")
    progress.end()
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.startswith("Nothing to be done") and last == "UAR 80 %. Report: x"
    assert written == ["No space left"]
