"""A bench record as lines for a terminal."""


def text(record: dict) -> str:
    """Machine, models, front ends, engine, stream, memory and energy; then what could not be measured, and why."""
    parts = (_machine, _models, _front_ends, _engine, _stream, _fresh, _energy, _refused)
    return "\n".join(line for part in parts for line in part(record))


def _machine(record: dict) -> list[str]:
    machine = record["machine"]
    governor = machine["governor"] or "unknown"
    return [
        f"{machine['name']}; governor {governor}, load {machine['load_1min']}; Python {machine['python']}"
    ]


def _models(record: dict) -> list[str]:
    return [
        f"{row['model']:40} {row['backend']:14} {row['threads']:2} thread{'s' * (row['threads'] > 1):1} "
        f"p50 {row['p50_us']:9.1f} µs  p95 {row['p95_us']:9.1f} µs  p99 {row['p99_us']:9.1f} µs  "
        f"cold {row['cold_start_ms']:7.1f} ms  n {row['n']}"
        for row in record["models"]
    ]


def _front_ends(record: dict) -> list[str]:
    return [
        f"{row['model']:40} {'front end':24} p50 {row['front_end_p50_us']:9.1f} µs  p95 {row['front_end_p95_us']:9.1f} µs; "
        f"with network p50 {row['whole_p50_us']:.1f} µs"
        for row in record["front_ends"]
    ]


def _engine(record: dict) -> list[str]:
    if not (row := record["engine"]):
        return []
    names = ", ".join(row["sources"])
    return [
        f"engine step of {names}: p50 {row['p50_ms']:.1f} ms  p95 {row['p95_ms']:.1f} ms  p99 {row['p99_ms']:.1f} ms"
    ]


def _stream(record: dict) -> list[str]:
    if not (row := record["stream"]):
        return []
    first, *_, last = row["resident_mb"] * 2
    resident = "resident memory unknown" if first is None else f"resident {first:.1f} to {last:.1f} MB"
    return [
        f"stream of {row['seconds']:g} s: {row['hops']} hops, {row['missed']} missed, late p50 {row['late_p50_ms']:.2f} ms"
        f"  p99 {row['late_p99_ms']:.2f} ms, {row['core_percent']:.1f} % of a core, {resident}"
    ]


def _fresh(record: dict) -> list[str]:
    row = record["fresh"]
    memory = (
        ""
        if row["all_mb"] is None
        else f"; {row['start_mb']:.0f} MB, then {row['all_mb']:.0f} MB with every model"
    )
    return [f"new process: first answer after {row['first_ms']:.0f} ms{memory}"]


def _energy(record: dict) -> list[str]:
    row = record["energy"]
    if not row["inference_mj"]:
        return [f"measured energy: none, {row['meter']}"]
    found = ", ".join(f"{name} {mj:.4f} mJ" for name, mj in row["inference_mj"].items())
    return [f"measured energy: {found}; {row['meter']}, the whole package with its idle power"]


def _refused(record: dict) -> list[str]:
    return [f"not measured: {row['model']} {row['backend']}: {row['reason']}" for row in record["refused"]]
