"""Which column of a meter's log is what, by name and unit in its head."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from emolib.core.errors import BadRecording
from emolib.evaluation.energy.clocks import UNITS_S

SCALES = {
    "power": {"w": 1.0, "watt": 1.0, "watts": 1.0, "mw": 1e-3, "kw": 1e3, "uw": 1e-6, "µw": 1e-6, "μw": 1e-6},
    "voltage": {"v": 1.0, "volt": 1.0, "volts": 1.0, "mv": 1e-3, "uv": 1e-6, "µv": 1e-6, "μv": 1e-6},
    "current": {
        "a": 1.0,
        "amp": 1.0,
        "amps": 1.0,
        "ma": 1e-3,
        "ua": 1e-6,
        "µa": 1e-6,
        "μa": 1e-6,
        "na": 1e-9,
    },
}
BARE = {
    "power": "power",
    "apower": "power",
    "active power": "power",
    "voltage": "voltage",
    "current": "current",
}  # SI then
BRACKETS = re.compile(r"[\[(]\s*([^\])]+?)\s*[\])]\s*$")
TIME = re.compile(r"time|date|stamp|elapsed|clock|utc", re.IGNORECASE)
OTHER = re.compile(r"peak|max|min\b|minimum|avg|average|apparent|reactive|limit|budget", re.IGNORECASE)


@dataclass(frozen=True)
class Column:
    """Place in a row, name, and what its numbers are times."""

    place: int
    name: str
    scale: float = 1.0


@dataclass(frozen=True)
class Columns:
    """Power, or voltage and current; `time` is two where a log has date and time apart."""

    time: tuple[Column, ...]
    time_unit: str
    power: Column | None
    voltage: Column | None
    current: Column | None

    def __bool__(self) -> bool:
        return bool(self.time and (self.power or self.current))


def unit_of(name: str) -> str:
    """The unit that ends a column's name, in small letters: "Power (W)", "power_w", "I/mA", "mA"."""
    match = BRACKETS.search(name)
    return (match[1] if match else re.split(r"[\s_/]+", name.strip())[-1]).lower()


def find(head: Sequence[str], names: dict[str, str], origin: str) -> Columns:
    """Columns of a log by its head, or by the `names` given for time, power, voltage, current.

    False where it is no head of a log. Raises BadRecording for names that are not there, or where a quantity
    has several columns.
    """
    for wanted in filter(None, names.values()):
        if wanted not in head:
            return Columns((), "", None, None, None)
    clock = _clock(head, names.get("time", ""))
    unit = unit_of(clock[0].name) if clock else ""
    named = any(names.get(part) for part in ("voltage", "current"))
    power = None if named else _one("power", head, names, origin)
    parts = [None if power else _one(part, head, names, origin) for part in ("voltage", "current")]
    return Columns(clock, unit if unit in UNITS_S else "", power, *parts)


def _clock(head: Sequence[str], name: str) -> tuple[Column, ...]:
    found = [Column(k, text) for k, text in enumerate(head) if (text == name if name else TIME.search(text))]
    by_name = {column.name.lower(): column for column in found}
    if "date" in by_name and "time" in by_name:
        return by_name["date"], by_name["time"]
    seconds = [Column(k, text) for k, text in enumerate(head) if unit_of(text) in ("s", "ms", "us")]
    return tuple((found or seconds)[:1])


def _one(quantity: str, head: Sequence[str], names: dict[str, str], origin: str) -> Column | None:
    if wanted := names.get(quantity, ""):
        return Column(head.index(wanted), wanted, SCALES[quantity].get(unit_of(wanted), 1.0))
    found = [
        Column(k, name, SCALES[quantity].get(unit_of(name), 1.0))
        for k, name in enumerate(head)
        if unit_of(name) in SCALES[quantity] or BARE.get(name.lower()) == quantity
    ]
    plain = [column for column in found if not OTHER.search(column.name)] or found
    if len(plain) > 1:
        several = ", ".join(column.name for column in plain)
        raise BadRecording(
            f"{origin}: {several} are all columns of {quantity}: say which by {quantity}=<name>."
        )
    return plain[0] if plain else None
