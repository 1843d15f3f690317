"""Several methods on the same subjects: their ranks, whether they differ at all, and which differs from which.

Source: Demšar 2006, Statistical comparisons of classifiers over multiple data sets, JMLR 7. Our subjects are his data sets.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from emolib.evaluation import metrics

MIN_SUBJECTS = 5  # with four, no Wilcoxon test reaches p = 0.1
MIN_METHODS = 3
ALPHA = 0.05
DIGITS = 9  # of UAR: equal shares from different sums are ties
SUBJECT, VIRTUAL = "subject", "virtual subject"
NOT_PEOPLE = (
    "Virtual subjects are not people: each is put together from several, and others may hold some of the same. "
    "So the tests are over units that are not independent, p may be too small, and nothing follows for new people."
)


@dataclass(frozen=True)
class Comparison:
    """Whether methods differ: chi2 and p of the Friedman test. Mean ranks further apart than `cd` differ (Nemenyi).

    `ranks` (n_methods,) are mean ranks by method, 1 is best. Without a test, chi2, p and cd are NaN. `sentence` is the
    outcome for people, or why there is no test.
    """

    ranks: pd.Series
    sentence: str
    chi2: float = np.nan
    p: float = np.nan
    cd: float = np.nan

    def groups(self) -> list[list[str]]:
        """Largest sets of methods whose mean ranks lie within cd, best first; none without a test."""
        ranks = self.ranks.sort_values(kind="stable")
        sets = [ranks.index[(ranks >= start) & (ranks <= start + self.cd)].tolist() for start in ranks]
        ends = [-1] + [ranks.index.get_loc(names[-1]) if names else -1 for names in sets]
        return [names for i, names in enumerate(sets) if len(names) > 1 and ends[i + 1] > max(ends[: i + 1])]


def per_subject(
    y: np.ndarray, scores_by_method: Mapping[str, np.ndarray], subject: np.ndarray, unit: str = SUBJECT
) -> pd.DataFrame:
    """UAR of every method (columns) for every subject (index, named `unit`), over the classes that the subject has. y,
    subject (n,) and scores (n, n_classes) by method are all of the same trials. Raises BadSet."""
    tables = {
        method: metrics.per_subject(y, scores, subject, range(scores.shape[1])).set_index("subject")
        for method, scores in scores_by_method.items()
    }
    return pd.DataFrame({method: table["uar"] for method, table in tables.items()}).rename_axis(unit)


def compare(table: pd.DataFrame) -> Comparison:
    """Friedman test and Nemenyi's critical difference of a table of `per_subject`.

    Ties have the mean of their ranks, and chi2 is corrected for them. There is no test where there are less than 5
    subjects or 3 methods, or all methods are alike for each subject.
    """
    uar, unit = table.to_numpy().round(DIGITS), table.index.name
    ranks, (n, k) = pd.DataFrame(stats.rankdata(-uar, axis=1), columns=table.columns), uar.shape
    if n < MIN_SUBJECTS or k < MIN_METHODS:
        expected = f"expected {MIN_METHODS} methods and {MIN_SUBJECTS} or more"
        return Comparison(ranks.mean(), f"No test: {k} methods over {n} {unit}s, {expected}.")
    if (ranks.nunique(axis=1) == 1).all():
        alike = f"the {k} methods have the same UAR for each of {n} {unit}s"
        return Comparison(ranks.mean(), f"No test: {alike}.")
    (chi2, p), cd = stats.friedmanchisquare(*uar.T), critical_difference(k, n)
    said = f"Friedman test of {k} methods over {n} {unit}s: chi² = {chi2:.2f}, p = {p:.2g}. "
    said += f"Mean ranks more than {cd:.2f} apart differ (Nemenyi, {100 * (1 - ALPHA):.0f} %)."
    said += f" {NOT_PEOPLE}" if unit == VIRTUAL else ""
    return Comparison(ranks.mean(), said, float(chi2), float(p), cd)


def critical_difference(n_methods: int, n_subjects: int) -> float:
    """Difference of mean ranks above which two methods differ (Nemenyi; Demšar 2006, section 3.2.2)."""
    q = stats.studentized_range.ppf(1 - ALPHA, n_methods, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(n_methods * (n_methods + 1) / (6 * n_subjects)))


def pairwise(table: pd.DataFrame, control: str) -> pd.DataFrame:
    """Every other method of a table of `per_subject` against `control`, smallest p first.

    Columns: first, second, the control; n_<unit>s; points, the mean of first minus second in percentage points of UAR; p
    of `signed_rank_p`, NaN below 5 subjects; p_holm, corrected for all rows.
    """
    differences = table.drop(columns=control).sub(table[control], axis=0)
    found = pd.DataFrame({"first": differences.columns, "second": control})
    found[f"n_{table.index.name.replace(' ', '_')}s"] = len(table)
    found["points"] = 100 * differences.to_numpy().mean(axis=0)
    tested = len(table) >= MIN_SUBJECTS
    found["p"] = [signed_rank_p(differences[name]) if tested else np.nan for name in differences]
    found["p_holm"] = holm(found["p"].to_numpy())
    return found.sort_values("p", kind="stable", ignore_index=True)


def signed_rank_p(differences: np.ndarray) -> float:
    """Two-sided p of the Wilcoxon signed-rank test of differences (n,), zeros left out; exact with ties too: the
    distribution of the rank sum is built up difference by difference, each of either sign."""
    differences = np.asarray(differences).round(DIGITS)
    differences = differences[differences != 0]
    ranks = np.rint(2 * stats.rankdata(abs(differences))).astype(int)  # ties have half ranks
    chances = np.ones(1)
    for rank in ranks:
        chances = (np.pad(chances, (0, rank)) + np.pad(chances, (rank, 0))) / 2
    reached = ranks[differences > 0].sum()
    return float(min(1, 2 * min(chances[: reached + 1].sum(), chances[reached:].sum())))


def holm(p: np.ndarray) -> np.ndarray:
    """p (n,) corrected for n tests, step by step from the smallest (Holm 1979); NaN stays."""
    order = np.argsort(p)
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(steps, 1)
    return corrected
