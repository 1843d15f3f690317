"""Devices beside each other, by their bench files: models, engine, stream. All of it measured, each on its own device."""

from collections.abc import Mapping

import pandas as pd

from emolib.studies.latency.tables import primary

STREAM = [
    "seconds",
    "hops",
    "missed",
    "late_p50_ms",
    "late_p95_ms",
    "late_p99_ms",
    "step_p50_ms",
    "step_p95_ms",
]
STREAM += ["step_p99_ms", "core_percent"]


def machines(records: Mapping[str, dict]) -> pd.DataFrame:
    """A row per device: what it is, its engine's step beside the first device's, a new process's first answer."""
    first = _step_ms(next(iter(records.values())))
    rows = []
    for name, record in records.items():
        machine, step_ms = record["machine"], _step_ms(record)
        row = {
            "device": name,
            "machine": machine["name"],
            "governor": machine["governor"],
            "date": record["date"],
        }
        row |= {
            "step_p50_ms": step_ms,
            "times": step_ms / first,
            "first_answer_ms": record["fresh"]["first_ms"],
        }
        rows.append(row | {"resident_mb": record["fresh"]["all_mb"]})
    return pd.DataFrame(rows).astype({"resident_mb": float})


def _step_ms(record: dict) -> float:
    return record["engine"]["p50_ms"] if record["engine"] else float("nan")


def models(records: Mapping[str, dict]) -> pd.DataFrame:
    """A row per device and model, on the device's first backend and fewest threads: latency, times the first device's
    median, and whether the file is the first device's, byte by byte."""
    first = next(iter(records.values()))
    reference, sha256 = _medians(first), first["bundle"]["sha256"]
    rows = []
    for name, record in records.items():
        for row in primary(pd.DataFrame(record["models"])).to_dict("records"):
            model = row["model"]
            about = {
                "device": name,
                "model": model,
                "same_file": record["bundle"]["sha256"][model] == sha256.get(model),
            }
            about |= {column: row[column] for column in ("backend", "threads", "p50_us", "p95_us", "p99_us")}
            rows.append(about | {"times": row["p50_us"] / reference.get(model, float("nan"))})
    return pd.DataFrame(rows)


def _medians(record: dict) -> dict[str, float]:
    return primary(pd.DataFrame(record["models"])).set_index("model").p50_us.to_dict()


def streams(records: Mapping[str, dict]) -> pd.DataFrame:
    """A row per device that streamed: hops and those missed, how late, how long, share of a core, MB at both ends."""
    rows = [
        {"device": name, **{column: found[column] for column in STREAM}}
        | {"resident_first_mb": found["resident_mb"][0], "resident_last_mb": found["resident_mb"][-1]}
        for name, record in records.items()
        if (found := record["stream"])
    ]
    columns = ["device", *STREAM, "resident_first_mb", "resident_last_mb"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[-2:], float))


def hops(records: Mapping[str, dict]) -> pd.DataFrame:
    """A row per device and hop: device, time_s, late_ms, step_ms."""
    columns = ["time_s", "late_ms", "step_ms"]
    found = [
        pd.DataFrame({column: record["stream"][column] for column in columns}).assign(device=name)
        for name, record in records.items()
        if record["stream"]
    ]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=[*columns, "device"])
