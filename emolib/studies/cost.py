"""The tables of the cost notebook: what each source's model needs, and what that comes to, modelled."""

from collections.abc import Sequence

import keras
import numpy as np
import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.errors import BadParameter
from emolib.core.experiment import INT8, Experiment, model_name
from emolib.core.summary import number
from emolib.evaluation.cost import Cost, cost, modelled_energy
from emolib.evaluation.devices import DEVICES


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


def energy(found: dict[str, Cost]) -> pd.DataFrame:
    """`modelled_energy` of every source."""
    return pd.concat(
        [modelled_energy(of_source).assign(source=name) for name, of_source in found.items()]
    ).pipe(lambda table: table[["source", *table.columns.drop("source")]])


def numbers(needs: pd.DataFrame, modelled: pd.DataFrame) -> dict[str, dict]:
    """Entries of summary.json: needs, runtime and energy of the variant `modelled`."""
    found, keys = {}, {device.name: device.key for device in DEVICES}

    def add(source, variant, metric, value, unit, artifact):
        if np.isfinite(value):
            entry = number(value, unit=unit, n=1, artifact=f"tables/{artifact}.csv")
            found[Experiment.parse(source).key(variant, metric)] = entry

    for row in needs.itertuples():
        add(row.source, INT8, "peak_activation_bytes", row.peak_activation_bytes, "bytes", "cost")
    for row in modelled.itertuples():
        device = keys[row.device]
        add(row.source, "modelled", f"{device}_runtime_ms", row.runtime_ms, "ms", "cost-modelled")
        add(row.source, "modelled", f"{device}_energy_mj", row.energy_mj, "mJ", "cost-modelled")
    return found
