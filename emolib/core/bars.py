"""Progress bars that leave one line: on a terminal, in a log file, and in an executed notebook."""

import sys
from collections.abc import Collection, Iterable

from tqdm import tqdm


class NotebookLine:
    """What tqdm writes to in a notebook: one output, whose text is replaced."""

    encoding = "utf-8"  # else tqdm draws in ASCII

    def __init__(self, display):
        self.output = display({"text/plain": ""}, raw=True, display_id=True)

    def write(self, text: str):
        if line := text.strip():
            self.output.update({"text/plain": line}, raw=True)

    def flush(self):
        pass


def progress_bar(total: int, name: str, unit: str, items: Iterable | None = None) -> tqdm:
    """A bar of `total` units, drawn at most once a second. It is on stdout: a notebook would show stderr in red."""
    file = sys.stdout
    if "IPython" in sys.modules:
        from IPython import display, get_ipython

        if hasattr(get_ipython(), "kernel"):
            file = NotebookLine(display.display)
    line = "{desc} |{bar:20}| {n:.0f}/{total_fmt} {unit}, {elapsed}{postfix}"
    return tqdm(items, name, total, unit=unit, bar_format=line, file=file, mininterval=1)


def with_progress(items: Collection, name: str, unit: str) -> Iterable:
    """The items, one by one, with a bar that counts them."""
    return progress_bar(len(items), name, unit, items)
