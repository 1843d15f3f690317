"""The tables of the cost notebook: what each source's model needs, measured here, modelled elsewhere."""

from collections.abc import Sequence
from dataclasses import asdict

import keras
import numpy as np
import pandas as pd

from emolib.artifacts import Run
from emolib.cost import Cost, cost
from emolib.devices import DEVICES
from emolib.errors import BadParameter
from emolib.latency import measure
from emolib.power import modelled_energy
from emolib.runtime.interpreter import Model
from emolib.sources import INT8, Source, model_name
from emolib.summary import number


def costs(run: Run, sources: Sequence[str]) -> dict[str, Cost]:
    """Cost of each source's network, from the Keras model of its first fold. Raises BadParameter for no source."""
    if not sources:
        raise BadParameter("sources: got none, expected one or more.")
    return {
        name: cost(keras.models.load_model(run.read(f"{model_name(name, 0)}.keras"), compile=False))
        for name in sources
    }


def needs(run: Run, found: dict[str, Cost]) -> pd.DataFrame:
    """Columns source, params, macs, flops, peak_activation_bytes, bytes (of the int8 file)."""
    columns = ["params", "macs", "flops", "peak_activation_bytes"]
    rows = [
        {"source": name}
        | {column: getattr(of_source, column) for column in columns}
        | {"bytes": run.read(f"{model_name(name, 0)}-{INT8}.tflite").stat().st_size}
        for name, of_source in found.items()
    ]
    return pd.DataFrame(rows)


def measured(
    run: Run, sources: Sequence[str], variants: Sequence[str], repeats: int, threads: int
) -> pd.DataFrame:
    """Columns source, variant and the fields of emolib.latency.Latency: litert, batch 1, this machine."""
    rows = []
    for name in sources:
        for variant in variants:
            with Model(run.read(f"{model_name(name, 0)}-{variant}.tflite"), threads=threads) as model:
                x = np.random.default_rng(0).standard_normal(model.input_shape).astype(np.float32)
                rows.append(
                    {"source": name, "variant": variant, **asdict(measure(model, x, repeats=repeats))}
                )
    return pd.DataFrame(rows)


def energy(found: dict[str, Cost]) -> pd.DataFrame:
    """`modelled_energy` of every source."""
    return pd.concat(
        [modelled_energy(of_source).assign(source=name) for name, of_source in found.items()]
    ).pipe(lambda table: table[["source", *table.columns.drop("source")]])


def numbers(needs: pd.DataFrame, measured: pd.DataFrame, modelled: pd.DataFrame) -> dict[str, dict]:
    """Entries of summary.json: needs, measured latency by variant, runtime and energy of the variant `modelled`."""
    found, keys = {}, {device.name: device.key for device in DEVICES}

    def add(source, variant, metric, value, unit, n, artifact):
        if np.isfinite(value):
            entry = number(value, unit=unit, n=n, artifact=f"tables/{artifact}.csv")
            found[Source.parse(source).key(variant, metric)] = entry

    for row in needs.itertuples():
        add(row.source, INT8, "peak_activation_bytes", row.peak_activation_bytes, "bytes", 1, "cost")
    for row in measured.itertuples():
        for metric in ("p50_us", "p95_us"):
            value = getattr(row, metric)
            add(row.source, row.variant, f"latency_{metric}", value, "us", row.n, "cost-latency")
    for row in modelled.itertuples():
        device = keys[row.device]
        add(row.source, "modelled", f"{device}_runtime_ms", row.runtime_ms, "ms", 1, "cost-modelled")
        add(row.source, "modelled", f"{device}_energy_mj", row.energy_mj, "mJ", 1, "cost-modelled")
    return found
