"""The audit finds what was planted, and nothing in a clean set."""

import numpy as np

from emolib.datasets import leaks
from emolib.datasets.base import EmotionSet
from emolib.datasets.splits import Fold

N = 60
SUBJECT, TRIAL = "subject on both sides", "trial on both sides"
EXACT, NEAR = "exact duplicates across sides (groups)", "near-duplicates across sides (pairs)"


def pictures(seed=0):
    return np.random.default_rng(seed).random((N, 16, 16, 1), dtype=np.float32)


def emotion_set(X, y=None, subject=None, trial=None):
    names = np.array([f"p{i:02d}" for i in range(N)])
    y = np.arange(N) % 3 if y is None else y
    people, trials = (names if given is None else given for given in (subject, trial))
    return EmotionSet(X, y, people, trials, ("a", "b", "c"))


def fold():
    return Fold("f", np.arange(40), np.arange(40, 50), np.arange(50, 60))


def audit(data, folds):
    """The rows of the folds as they were split."""
    return leaks.audited(data, folds, remove_duplicates=False)[1].set_index("check")


def test_planted_copies_blanks_and_conflicts_are_counted_and_named():
    X = pictures()
    X[55] = X[45] = X[3]  # one group on all sides, labels 1 0 0
    X[11] = X[10]  # one group within train, labels 2 1
    X[29] = X[20]  # within train, one label
    X[30], X[52] = 0.5, 0.5  # blank: a group of copies across sides too
    table = audit(emotion_set(X), [fold()])
    assert table["count"]["exact duplicates (groups)"] == 4
    assert table["count"]["exact duplicates with conflicting labels (groups)"] == 3  # 30 and 52 differ too
    assert table["count"]["blank windows"] == table["count"][EXACT] == 2
    assert "p03 = p45 = p55" in table["detail"][EXACT]


def test_near_duplicates_are_found_across_sides_only_and_exact_ones_not_twice():
    X, rng = pictures(), np.random.default_rng(1)
    noise = lambda sd: sd * rng.standard_normal(X[0].shape).astype(np.float32)  # noqa: E731
    X[51] = X[5] + noise(0.003)  # train, test
    X[41] = 0.6 * X[6] + 0.2 + noise(0.001)  # train, val: darker, less contrast
    X[8] = X[7] + noise(0.003)  # both in train
    X[53] = X[9] + noise(0.1)  # alike, not near
    X[54] = X[12]  # exact
    table = audit(emotion_set(X), [fold()])
    assert table["count"][NEAR] == 2 and table["count"][EXACT] == 1
    assert "p05 = p51" in table["detail"][NEAR]


def test_near_duplicates_agree_with_numpy_corrcoef():
    rng = np.random.default_rng(5)
    seeds = rng.standard_normal((30, 40, 1))
    X = (np.repeat(seeds, 10, axis=0) + 0.045 * rng.standard_normal((300, 40, 1))).astype(np.float32)
    correlation = np.corrcoef(X.reshape(300, -1))
    for near in (0.99, 0.999):
        found = set(map(tuple, leaks.near_duplicates(X, near).tolist()))
        surely, maybe = (
            set(map(tuple, np.argwhere(np.triu(correlation > limit, 1)).tolist()))
            for limit in (near + 1e-6, near - 1e-6)
        )
        assert len(surely) > 15 and surely <= found <= maybe


def test_features_of_large_unit_do_not_hide_the_others():
    rng = np.random.default_rng(2)
    X = rng.standard_normal((50, 20, 1, 2)).astype(np.float32) * np.float32([1e4, 1])
    X[1] = X[0]
    X[1, ..., 1] = X[2, ..., 1]  # same in the large feature, a stranger in the small one
    assert len(leaks.near_duplicates(X, axis=3)) == 0
    in_a_row = X.reshape(50, 1, 40, 1)
    assert len(leaks.near_duplicates(in_a_row, axis=2)) == 0 < len(leaks.near_duplicates(in_a_row))


def test_subjects_and_trials_on_both_sides():
    subject, trial = np.array([f"s{i // 5}" for i in range(N)]), np.array([f"t{i // 2}" for i in range(N)])
    cut = Fold("cut", np.arange(42), np.arange(42, 47), np.arange(47, 60))
    table = audit(emotion_set(pictures(), subject=subject, trial=trial), [fold(), cut])
    cut_rows = table[table["fold"] == "cut"]
    assert cut_rows["count"][SUBJECT] == 2  # s8 = 40..44 and s9 = 45..49
    assert cut_rows["count"][TRIAL] == 1  # 46 and 47
    clean = table[table["fold"] != "cut"]
    assert len(clean) == 7 and (clean["count"] == 0).all() and (clean["detail"] == "").all()
    same_names = np.array([f"happy-{i % 10}" for i in range(N)])  # of each of six people: six trials
    people = np.repeat(subject[::10], 10)
    assert audit(emotion_set(pictures(), None, people, same_names), [fold()])["count"][TRIAL] == 0


def test_removing_copies_drops_what_a_later_part_holds():
    X = pictures()
    X[55] = X[3]
    X[45] = X[4] = X[5]
    X[47] = X[56]
    X[11] = X[10]
    [cleaned], table = leaks.audited(emotion_set(X), [fold()], remove_duplicates=True)
    assert sorted(set(range(40)) - set(cleaned.train)) == [3, 4, 5]
    assert sorted(set(fold().val) - set(cleaned.val)) == [47] and (cleaned.test == fold().test).all()
    found = table.set_index(["state", "check"])["count"]
    assert found["as split", EXACT] == 3 and found["copies removed", EXACT] == 0
    assert found["copies removed", "windows left out"] == 4
    [same], table = leaks.audited(emotion_set(X), [fold()], remove_duplicates=False)
    assert set(table.state) == {"as split"} and len(same.train) == 40


def test_a_person_in_other_units_is_an_outlier():
    rng, subject = np.random.default_rng(0), np.repeat(np.array(list("abcdefgh")), 20)
    X = rng.normal(3.0, 1.0, (160, 6, 1, 4)).astype(np.float32)
    data = EmotionSet(X, np.arange(160) % 2, subject, np.arange(160).astype(str), ("x", "y"))
    assert leaks.outliers(data, 3) == []
    X[subject == "c"] *= 1e-6
    assert leaks.outliers(data, 3) == ["c"] and leaks.outliers(data.part(np.flatnonzero(subject < "e")), 3) == []
