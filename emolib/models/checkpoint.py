"""The state of a long training on disk: a killed run goes on at its epoch, and its curve can be read while it runs."""

import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from emolib.core.artifacts import arrays, atomic
from emolib.core.errors import BadArtifact
from emolib.models.backend import tf

EVERY_S = 20.0  # between two states on disk, so that a short training writes none
SCALAR = tf.compat.v1.SummaryMetadata(  # as TensorBoard marks a scalar; it is needed to read, not to write
    plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars"), data_class=1
)
History = list[dict[str, float]]  # one row an epoch


class Checkpoint:
    """Three things on disk: <stem>.npz has variables, best weights and history; <stem>.csv the history; <stem>/ TensorBoard.

    `identity`, which JSON can hold, is all that the training depends on. A state of another identity is not taken up.
    """

    def __init__(self, stem: Path, identity: dict, every_s: float = EVERY_S):
        self.stem, self.identity, self.every_s = Path(stem), json.dumps(identity, sort_keys=True), every_s
        self.state, self.table = (self.stem.with_name(self.stem.name + end) for end in (".npz", ".csv"))
        self.written, self.writer = time.monotonic(), None

    def restore(self, variables: Sequence[tf.Variable]) -> tuple[History, list[np.ndarray]]:
        """The history so far and the best weights; `variables` get their last values.

        ([], []) if there is no state, or one that is damaged, of another identity or of other shapes.
        """
        try:
            found = arrays(self.state)
        except BadArtifact:
            found = {}
        values = [found.get(f"v{i}", np.empty(0)) for i in range(len(variables))]
        fits = all(value.shape == v.shape for value, v in zip(values, variables, strict=True))
        if not fits or str(found.get("identity")) != self.identity:
            shutil.rmtree(self.stem, ignore_errors=True)  # the curve of another training
            return [], []
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return json.loads(str(found["history"])), [found[f"k{i}"] for i in range(int(found["n_kept"]))]

    def epoch(self, variables: Sequence[tf.Variable], kept: Sequence[np.ndarray], history: History):
        """Log the last epoch of `history`. Write the state too if the last one is `every_s` seconds old."""
        self._log(history)
        if time.monotonic() - self.written < self.every_s:
            return
        found = {f"v{i}": np.asarray(variable) for i, variable in enumerate(variables)}
        found |= {f"k{i}": value for i, value in enumerate(kept)}
        with atomic(self.state) as path:
            np.savez(path, identity=self.identity, history=json.dumps(history), n_kept=len(kept), **found)
        self.written = time.monotonic()

    def _log(self, history: History):
        """Write the whole curve as CSV and its last epoch as TensorBoard scalars."""
        with atomic(self.table) as path:
            pd.DataFrame(history).rename_axis("epoch").to_csv(path)
        self.writer = self.writer or tf.summary.create_file_writer(str(self.stem))
        with self.writer.as_default(step=len(history) - 1):
            for name, value in history[-1].items():
                tf.summary.write(name, tf.constant(value, tf.float32), metadata=SCALAR)
        self.writer.flush()

    def done(self):
        """Remove the state, as the trained model is an artifact now. The curve stays."""
        self.state.unlink(missing_ok=True)
