"""README.md beside this file: a marked part for each benchmark, written by it alone."""

import platform
import re
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

from emolib.device.machine import processor

README = Path(__file__).with_name("README.md")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Markdown, a line a row."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ("---",) * len(head), *rows))


def machine(packages: Iterable[str]) -> str:
    """Processor, system, Python and versions of these packages."""
    cpu = processor(Path("/proc/cpuinfo")) or platform.processor() or platform.machine()
    named = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"{cpu}, {platform.system()}, Python {platform.python_version()}, {named}"


def show(part: str, text: str, write_too: bool):
    """Print a part, and write it if asked."""
    print(text)
    if write_too:
        write(part, text)


def write(part: str, text: str):
    """Put text between the marks of a part, at the end of the page where it has none yet."""
    page, start, stop = README.read_text(), f"<!-- {part} -->", f"<!-- /{part} -->"
    marked = f"{start}\n{text.strip()}\n{stop}"
    found = re.search(rf"{re.escape(start)}\n.*?{re.escape(stop)}", page, re.S)
    kept = page[: found.start()] + marked + page[found.end() :] if found else f"{page.rstrip()}\n\n{marked}\n"
    README.write_text(kept)
