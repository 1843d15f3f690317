"""Methods over subjects: Demšar's (2006) own example, SciPy, enumeration."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from emolib.evaluation.comparison import Comparison, compare, holm, pairwise, signed_rank_p

# Demšar 2006, table 6. In "voting" the last two are printed alike but ranked 2 and 3: hence 0.9751.
DEMSAR = np.array([
    (0.763, 0.768, 0.771, 0.798), (0.599, 0.591, 0.590, 0.569), (0.954, 0.971, 0.968, 0.967), (0.628, 0.661, 0.654, 0.657),
    (0.882, 0.888, 0.886, 0.898), (0.936, 0.931, 0.916, 0.931), (0.661, 0.668, 0.609, 0.685), (0.583, 0.583, 0.563, 0.625),
    (0.775, 0.838, 0.866, 0.875), (1.000, 1.000, 1.000, 1.000), (0.940, 0.962, 0.965, 0.962), (0.619, 0.666, 0.614, 0.669),
    (0.972, 0.981, 0.9751, 0.975), (0.957, 0.978, 0.946, 0.970),
])  # fmt: skip
C45 = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")


def table(values, names=None, unit="subject") -> pd.DataFrame:
    values = np.asarray(values, dtype=float)
    names = names or [f"m{i}" for i in range(values.shape[1])]
    return pd.DataFrame(values, columns=list(names), index=pd.RangeIndex(len(values), name=unit))


def test_demsars_example():
    found = compare(table(DEMSAR, C45))
    assert found.ranks.round(3).to_dict() == dict(zip(C45, (3.143, 2.000, 2.893, 1.964), strict=True))
    # the paper's 9.28 is without the correction for ties: three rows with two alike, one with four
    n_ties = 3 * (2**3 - 2) + (4**3 - 4)
    assert found.chi2 * (1 - n_ties / (14 * (4**3 - 4))) == pytest.approx(9.28, abs=0.005)
    assert found.p == pytest.approx(stats.chi2.sf(found.chi2, 3)) and found.p < 0.05
    assert found.cd == pytest.approx(1.25, abs=0.005)


def test_groups_are_the_largest_sets_within_the_critical_difference():
    ranks = pd.Series({"d": 4.0, "a": 1.0, "c": 2.4, "b": 2.0, "e": 5.5})
    found = Comparison(ranks, "", cd=1.45)
    assert found.groups() == [["a", "b", "c"]]  # b-c lies within it; c-d and d-e are 1.6 and 1.5 apart
    wider = Comparison(ranks, "", cd=1.65)
    assert wider.groups() == [["a", "b", "c"], ["c", "d"], ["d", "e"]]


@pytest.mark.parametrize("n", [5, 8, 30])
def test_signed_ranks_agree_with_scipy_where_it_is_exact(n):
    values = np.random.default_rng(n).normal(0.4, 1, n)
    assert signed_rank_p(values) == pytest.approx(stats.wilcoxon(values, method="exact").pvalue)


def test_signed_ranks_with_ties_agree_with_all_signs_counted():
    values = np.array([1, 2, 2, 2, 5, 5, -1, -2])
    ranks = stats.rankdata(abs(values))
    sums = np.array([ranks[np.array(signs)].sum() for signs in product((False, True), repeat=len(values))])
    reached = ranks[values > 0].sum()
    expected = min(1, 2 * min((sums <= reached).mean(), (sums >= reached).mean()))
    assert signed_rank_p(np.append(values, 0)) == pytest.approx(expected)
    assert signed_rank_p(np.full(7, 1e-16)) == 1  # rounding is no difference


def test_methods_are_tested_against_one_and_corrected():
    found = pairwise(table(DEMSAR, C45, "virtual subject"), "C4.5")
    assert len(found) == 3 and (found.second == "C4.5").all() and (found.n_virtual_subjects == 14).all()
    row = found[found["first"] == "C4.5+m"].iloc[0]
    assert row.points == pytest.approx(100 * (DEMSAR[:, 1] - DEMSAR[:, 0]).mean())
    assert row.p == pytest.approx(signed_rank_p(DEMSAR[:, 1] - DEMSAR[:, 0]))
    assert found.p.is_monotonic_increasing and found.p_holm.min() == pytest.approx(3 * found.p.min())
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.5])), [0.04, 0.09, 0.09, 0.5])


@pytest.mark.parametrize(("values", "reason"), [
    (DEMSAR[:4], "No test: 4 methods over 4 subjects, expected 3 methods and 5 or more"),
    (DEMSAR[:, :2], "No test: 2 methods over 14 subjects"),
    (np.ones((6, 3)), "No test: the 3 methods have the same UAR for each of 6 subjects"),
])  # fmt: skip
def test_where_there_is_no_test_it_says_so(values, reason):
    found = compare(table(values))
    assert found.sentence.startswith(reason) and np.isnan(found.cd) and found.groups() == []
    assert pairwise(table(values), "m0").p.isna().all() == (len(values) < 5)
