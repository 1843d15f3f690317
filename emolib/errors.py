"""The errors a user can cause. Each message is one line: what, got, expected, next step."""


class EmolibError(Exception):
    """Base of every error that a user can mend; shown as one line, without a traceback."""


class CorpusMissing(EmolibError):
    """No files of a corpus where they were looked for."""


class BadRecording(EmolibError):
    """A file of a corpus that cannot be used: truncated, undecodable, a column missing."""


class UnmappedLabel(EmolibError):
    """A label that the map of its corpus does not hold."""


class BadSet(EmolibError):
    """Windows and labels that cannot be trained on: unequal lengths, an empty class, one subject only."""


class BadParameter(EmolibError):
    """A parameter that does not exist or a value out of range."""


class BadArtifact(EmolibError):
    """An artifact of an earlier notebook that is missing or was altered after it was written."""


class OverBudget(EmolibError):
    """A model over the size, activation or operator budget of the config."""
