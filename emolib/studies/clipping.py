"""Which compression is worth it: accuracy kept times bytes saved."""

import numpy as np
import pandas as pd

from emolib.core.experiment import Experiment
from emolib.core.summary import number
from emolib.models.crossval import answers, lost_entry, uar_entry


def efficiency(accuracy: float, n_bytes: float, accuracy_float32: float, bytes_float32: float) -> float:
    """(accuracy / accuracy of float32) × (bytes of float32 / bytes).

    The efficiency metric of an NPU project on emotion recognition, "accuracy-increase ratio x compression ratio".
    """
    return (accuracy / accuracy_float32) * (bytes_float32 / n_bytes)


def with_efficiency(
    table: pd.DataFrame, columns: dict[str, np.ndarray], scores: dict[str, np.ndarray], level: str
) -> pd.DataFrame:
    """The table with val_accuracy, accuracy_ratio, compression_ratio and efficiency behind its columns.

    `table` has the columns variant and bytes, one variant is float32. All accuracies are of inner validation
    people, so that a pick by efficiency has not seen the test part.
    """
    found = []
    for variant in table.variant:
        val = answers(columns, scores[variant], level, "val")
        found.append((val["scores"].argmax(axis=1) == val["y"]).mean())
    table = table.assign(val_accuracy=found)
    float32 = table[table.variant == "float32"].iloc[0]
    table["accuracy_ratio"] = table.val_accuracy / float32.val_accuracy
    table["compression_ratio"] = float32.bytes / table.bytes
    table["efficiency"] = efficiency(table.val_accuracy, table.bytes, float32.val_accuracy, float32.bytes)
    return table


def pick(table: pd.DataFrame) -> str:
    """The variant of the highest efficiency, float32 left out; of equals, the first."""
    candidates = table[table.variant != "float32"]
    return str(candidates.loc[candidates.efficiency.idxmax(), "variant"])


def numbers(source: str, table: pd.DataFrame, picked: str) -> dict[str, dict]:
    """Entries of summary.json: uar, efficiency and lost points of each way of clipping; `clip_picked` is the pick."""
    named, artifact, found = Experiment.parse(source), f"tables/{source}-clipping.csv", {}
    for row in table[table.variant != "float32"].to_dict("records"):
        uar, lost = uar_entry(row, artifact), lost_entry(row, artifact)
        worth = number(row["efficiency"], unit="ratio", n=row["n"], artifact=artifact)
        for name in {row["variant"], "picked" if row["variant"] == picked else row["variant"]}:
            found[named.key(f"clip_{name}", "uar")] = uar
            found[named.key(f"clip_{name}_drop", "points")] = lost
            found[named.key(f"clip_{name}", "efficiency")] = worth
    return found
