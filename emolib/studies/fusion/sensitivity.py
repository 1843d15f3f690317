"""A study with its trials paired otherwise: by label again, or, if they are of the same people, among strangers."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from emolib.core.errors import BadParameter, BadSet
from emolib.core.experiment import Experiment
from emolib.core.summary import number
from emolib.evaluation import metrics
from emolib.studies.fusion import pairing, repairing
from emolib.studies.fusion.pairing import Paired
from emolib.studies.fusion.study import Study

SAME = "the same people"
AGAIN = "Paired by label again, {n} times: the folds of every corpus meet others, and so do their trials."
AMONG_STRANGERS = (
    "These are trials of the same people: they are not paired again. Instead their scores were paired by label "
    "among strangers, {n} times: what label pairing would have claimed. Compared on the {kept} of {trials} test "
    "trials that have every modality; of these a pairing keeps {paired:.0f} on average, of each class as many as "
    "the person with fewest has."
)


@dataclass(frozen=True)
class Redrawn:
    """UAR of every rule in a study and in its other pairings.

    reference: columns rule, kind, n, uar, gain_points; draws: the same and draw; own: what the study's pairing
    is called beside the others; note: what was done, and how many pairings could not be made for which reason.
    """

    reference: pd.DataFrame
    draws: pd.DataFrame
    own: str
    note: str

    def table(self) -> pd.DataFrame:
        """Columns rule, kind, uar, uar_mean, uar_sd, uar_least, uar_greatest, change_points (mean less the
        study's own UAR), and of the gain over the best single modality gain_points, gain_mean, gain_sd, …"""
        by_rule = self.draws.groupby("rule", sort=False)
        table = self.reference[["rule", "kind", "uar"]].set_index("rule")
        table = table.join(_spread(by_rule["uar"], "uar"))
        table["change_points"] = 100 * (table["uar_mean"] - table["uar"])
        table["gain_points"] = self.reference.set_index("rule")["gain_points"]
        return table.join(_spread(by_rule["gain_points"], "gain")).reset_index()


def redraw(study: Study, n_repaired: int) -> Redrawn:
    """Other pairings of a study's scores, `n_repaired` of them; see the note for which. Raises BadParameter."""
    if n_repaired < 2:
        raise BadParameter(f"n_repaired is {n_repaired}, expected 2 or more pairings to see a spread.")
    return (_again if study.pairs == "label_paired" else _among_strangers)(study, n_repaired)


def measured(paired: Paired) -> pd.DataFrame:
    """Columns rule, kind, n, uar, gain_points (over the best single modality of this pairing)."""
    y = paired.y[paired.is_test]
    uars = {
        rule: float(metrics.uar(metrics.confusion(y, scores)))
        for rule, scores in pairing.evaluate_rules(paired).items()
    }
    table = pd.DataFrame({"rule": uars.keys(), "n": len(y), "uar": uars.values()})
    single = table["rule"].isin(paired.modalities)
    table.insert(1, "kind", np.where(single, "single", "fused"))
    return table.assign(gain_points=100 * (table["uar"] - table["uar"][single].max()))


def numbers(study: Study, name: str, redrawn: Redrawn) -> dict[str, dict]:
    """Entries of summary.json: mean and sd over pairings of UAR and gain of every rule; of trials of the same
    people also the optimism of label pairing, in points of the reported rule's UAR."""
    if redrawn.draws.empty:
        return {}
    entry = partial(number, n=redrawn.draws["draw"].nunique(), artifact=f"tables/{name}-repaired.csv")
    kind, found = "strangers" if study.pairs == "same_trials" else "repaired", {}
    for row in redrawn.table().itertuples():
        found[study.key(row.rule, f"uar_{kind}_mean")] = entry(row.uar_mean, unit="fraction")
        found[study.key(row.rule, f"uar_{kind}_sd")] = entry(row.uar_sd, unit="fraction")
        if row.kind == "fused":
            found[study.key(row.rule, f"gain_points_{kind}_mean")] = entry(row.gain_mean, unit="points")
            found[study.key(row.rule, f"gain_points_{kind}_sd")] = entry(row.gain_sd, unit="points")
        if row.rule == study.rule and study.pairs == "same_trials":
            optimism = partial(study.key, "label_pairing_optimism")
            found[optimism("points")] = entry(row.change_points, unit="points")
            found[optimism("points_sd")] = entry(100 * row.uar_sd, unit="points")
    return found


def _again(study, n) -> Redrawn:
    corpora = [Experiment.parse(name).corpus for name in study.sources]
    draws, failed = _draws(partial(repairing.repaired, study.found, corpora, study.n_virtual), study.seed, n)
    own = f"as reported, seed {study.seed}"
    return Redrawn(measured(study.paired), draws, own, AGAIN.format(n=n) + failed)


def _among_strangers(study, n) -> Redrawn:
    try:
        kept = repairing.whole(study.found)
    except BadSet as error:
        return Redrawn(measured(study.paired), _table([]), SAME, f"Not paired among strangers: {error}")
    reference = measured(pairing.same_trials(kept))
    draws, failed = _draws(partial(repairing.strangers, kept), study.seed, n)
    if draws.empty:
        return Redrawn(reference, draws, SAME, f"Not paired among strangers:{failed}")
    trials = {"kept": reference["n"][0], "trials": len(study.y), "paired": draws["n"].mean()}
    return Redrawn(reference, draws, SAME, AMONG_STRANGERS.format(n=n, **trials) + failed)


def _draws(paired: Callable[..., Paired], seed: int, n: int) -> tuple[pd.DataFrame, str]:
    """`measured` in pairings of the seeds after the study's own; how many could not be made, and the last reason."""
    tables, failed = [], []
    for i in range(1, n + 1):
        try:
            tables.append(measured(paired(seed=seed + i)).assign(draw=i))
        except BadSet as error:
            failed.append(error)
    left_out = f" {len(failed)} of {n} pairings could not be made: {failed[-1]}" if failed else ""
    return _table(tables), left_out


def _table(tables) -> pd.DataFrame:
    columns = ["rule", "kind", "n", "uar", "gain_points", "draw"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns, dtype=float)


def _spread(values, name) -> pd.DataFrame:
    spread = values.agg(["mean", "std", "min", "max"])
    return spread.set_axis([f"{name}_{part}" for part in ("mean", "sd", "least", "greatest")], axis=1)
