"""Learning an owner: against definitions, a simulation whose truth is known, and that nothing peeks ahead."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emolib.core.artifacts import Run
from emolib.core.errors import BadArtifact, BadParameter, BadSet
from emolib.core.experiment import Experiment
from emolib.datasets.base import EmotionSet
from emolib.models import crossval
from emolib.signals import standardisers
from emolib.signals.frontend import SpeechFrontEnd
from emolib.signals.owner import MOST, Heard, Prior, Profile, in_turn, profile_of
from emolib.signals.standardise import Standardiser
from emolib.studies import owner

AXIS = 3


def people(n_people=40, n_windows=25, between=2.0, steps=3, seed=0):
    """Heard windows (n, steps, 1, 2) around a mean of each person, by its variance over people in units of the windows'."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(n_people), n_windows)
    level = rng.normal(size=(n_people, 2)) * np.sqrt(between)
    X = 5 + (level[who] + rng.normal(size=(len(who), 2)))[:, None, None] + rng.normal(size=(len(who), steps, 1, 2))
    name, recording = np.char.add("p", who.astype(str)), np.arange(len(who)).astype(str)
    return Heard.of(np.float32(X), name, recording, AXIS, seed)


def test_a_profile_is_mean_and_variance_of_what_was_heard():
    X = people(1, 30).X
    found = profile_of(X, AXIS)
    assert found.n == 30
    np.testing.assert_allclose(found.mean, X.mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(found.squares / found.n, X.var((0, 1, 2)), rtol=1e-5)


@pytest.mark.parametrize("between", [0.25, 1.0, 4.0])
def test_the_prior_weighs_what_the_simulation_says(between):
    """A window's mean has variance 1 + 1 / 3 within people, over `between`; its spread is everybody's."""
    prior = Prior.fit(people(600, 20, between), AXIS)
    assert prior.mean_weight == pytest.approx((1 + 1 / 3) / between, rel=0.15)
    assert prior.spread_weight > 100
    np.testing.assert_allclose(prior.within, np.sqrt(2), rtol=0.1)


def test_windows_of_a_recording_count_for_fewer():
    """Recordings of 8 windows: half of the variance within a person is between them, so one is worth 8 / 4.5 windows."""
    rng, who, of = np.random.default_rng(3), np.repeat(np.arange(400), 32), np.repeat(np.arange(1600), 8)
    level = (
        rng.normal(size=(400, 1, 1, 2))[who] + rng.normal(size=(1600, 1, 1, 2))[of] + rng.normal(size=(12800, 1, 1, 2))
    )
    prior = Prior.fit(Heard.of(level, who.astype(str), of.astype(str), AXIS, 0), AXIS)
    assert prior.stretch == 8 and prior.alike == pytest.approx(0.5, abs=0.1)
    assert prior.worth(np.array([0, 1, 8, 16])) == pytest.approx([0, 1, 8 / 4.5, 16 / 4.5], rel=0.1)
    assert prior.mean_weight == pytest.approx(2, rel=0.15)  # the variance of a window over that between people


def test_spreads_that_differ_between_people_weigh_less():
    heard = people(300, 40)
    gain = np.repeat(np.random.default_rng(1).uniform(0.3, 3, 300), 40)[:, None, None, None]
    mean = heard.X.mean((1, 2), keepdims=True)
    wide = Heard.of(mean + gain * (heard.X - mean), heard.person, heard.recording, AXIS, 0)
    assert Prior.fit(wide, AXIS).spread_weight < 20


def test_nothing_heard_is_the_population_and_much_heard_is_the_person():
    heard = people()
    prior, X = Prior.fit(heard, AXIS), people(1, 2000, seed=7).X + 3
    base = Standardiser.fit(heard.X, AXIS)
    np.testing.assert_array_equal(prior(X), base(X))
    np.testing.assert_array_equal(prior.normalise(X, Profile.empty(2)), base(X))
    known = prior.normalise(X, profile_of(X, AXIS))
    np.testing.assert_allclose(known.mean((0, 1, 2)), 0, atol=0.02)
    own = X.std((0, 1, 2)) / prior.within * base.std  # a wider person is narrowed by as much
    np.testing.assert_allclose(known.std((0, 1, 2)), X.std((0, 1, 2)) / own, rtol=0.05)


def test_the_shrunk_mean_is_nearer_to_the_person_than_theirs_or_the_populations():
    """What a prior is for: after three windows the mean over people of the squared error is least."""
    heard = people(400, 40)
    prior, errors = Prior.fit(heard, AXIS), []
    for name in np.unique(heard.person)[:200]:
        own = heard.X[heard.person == name]
        known, truth = profile_of(own[:3], AXIS), own[3:].mean((0, 1, 2))
        guesses = prior.known(known)[0], known.mean, prior.mean
        errors.append([np.square(guess - truth).mean() for guess in guesses])
    shrunk, own, population = np.mean(errors, axis=0)
    assert shrunk < 0.95 * own and shrunk < 0.5 * population


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.integers(0, 99))
def test_a_window_is_normalised_by_what_came_before_it_alone(seed, changed):
    """Bit by bit as a device does it; another window changes only those that come later, of its person."""
    heard = people(4, 25, seed=1).anew(np.random.default_rng(seed))
    prior, order = Prior.fit(heard, AXIS), in_turn(heard.recording, np.random.default_rng(seed))
    found, profiles = prior(heard), {}
    for row in order:
        known = profiles.get(heard.person[row], Profile.empty(2))
        np.testing.assert_array_equal(prior.normalise(heard.X[row : row + 1], known)[0], found[row])
        again = Profile.from_bytes(known.to_bytes())
        profiles[heard.person[row]] = again.heard(heard.level[row], heard.var[row])
    X, place = heard.X.copy(), np.argsort(order)
    X[changed] += 9
    other = Heard.of(X, heard.person, heard.recording, AXIS, 0).anew(np.random.default_rng(seed))
    later = (place > place[changed]) & (heard.person == heard.person[changed])
    moved = (prior(other) != found).any(axis=(1, 2, 3))
    np.testing.assert_array_equal(np.flatnonzero(moved), np.flatnonzero(later | (np.arange(100) == changed)))


def test_recordings_come_in_any_order_and_are_heard_from_their_start():
    recording = np.repeat(["a", "b", "c"], 4)
    seen = set()
    for seed in range(40):
        order = in_turn(recording, np.random.default_rng(seed))
        assert (np.diff(order.reshape(3, 4)) == 1).all()
        seen.add("".join(recording[order][::4]))
    assert len(seen) == 6


def test_a_profile_of_speech_is_small_and_survives_a_file():
    front = SpeechFrontEnd(functionals=True)
    X = front(np.random.default_rng(0).normal(0, 0.1, 16000 * 6).astype(np.float32), 16000.0).X
    kept = profile_of(X, 2).to_bytes()
    assert len(kept) <= 3000
    for one, other in zip(Profile.from_bytes(kept), profile_of(X, 2), strict=True):
        np.testing.assert_array_equal(one, other)
    for harm in (b"", kept[:-3], b"\xff" * 16):
        with pytest.raises(BadArtifact, match="erase it"):
            Profile.from_bytes(harm)


def test_a_prior_survives_json_and_needs_people_who_gave_several_windows():
    prior = Prior.fit(people(), AXIS)
    back = standardisers.from_dict(prior.to_dict())
    assert isinstance(back, Prior) and (back.mean_weight, back.axis) == (prior.mean_weight, AXIS)
    np.testing.assert_array_equal(back.within, prior.within)
    twice = np.concatenate([people(1, 40).X] * 2)  # two people who are the same one
    twins = Heard.of(twice, np.repeat(["a", "b"], 40), np.repeat(np.arange(20), 4).astype(str), AXIS, 0)
    assert standardisers.from_dict(Prior.fit(twins, AXIS).to_dict()).mean_weight == MOST
    for of in (people(1, 5), people(5, 1)):
        with pytest.raises(BadSet, match="expected two people or more"):
            Prior.fit(of, AXIS)


def test_a_constant_feature_is_zero_whatever_was_heard():
    heard = people()
    heard.X[..., 1] = 4
    heard = Heard.of(heard.X, heard.person, heard.recording, AXIS, 0)
    prior = Prior.fit(heard, AXIS)
    assert (prior(heard)[..., 1] == 0).all() and np.isfinite(prior(heard)).all()


def emotion_set():
    heard = people(5, 12)
    y, split = np.tile([0, 1], 30), np.where(np.arange(60) % 12 < 8, "", "copy1")
    X = heard.X + 2 * y[:, None, None, None].astype(np.float32)
    return EmotionSet(X, y, heard.person, heard.recording, ("rest", "task"), split=split)


def test_prepared_sets_keep_what_was_heard_and_copies_are_other_people():
    data = emotion_set()
    made = crossval.prepared(data, "owner", AXIS)
    assert made.X.before.n.max() == 7 and (made.X.before.n[~data.own].max(), len(np.unique(made.X.person))) == (3, 10)
    rows = np.array([40, 3, 22])
    prior = standardisers.fit(made.seen(np.arange(60)), AXIS)
    np.testing.assert_array_equal(made.part(rows, prior).X, prior(made.X)[rows])
    with pytest.raises(BadParameter, match="expected train, owner or subject"):
        crossval.prepared(data, "me", AXIS)


def test_turns_ask_after_so_many_windows_for_those_that_come_later():
    own = people(1, 12)
    found = list(owner.turns(own, np.random.default_rng(0)))
    assert [heard for heard, _, _ in found] == ["0", "1", "3", "5", "10"] * owner.N_ORDERS + ["all"]
    orders = [np.setdiff1d(np.arange(12), later) for heard, later, _ in found if heard == "3"]
    assert len({tuple(rows) for rows in orders}) > owner.N_ORDERS // 2
    for heard, later, known in found[:-1]:
        before = np.setdiff1d(np.arange(12), later)
        assert known.n == int(heard) == len(before)
        if len(before):
            np.testing.assert_allclose(known.mean, own.X[before].mean((0, 1, 2)), rtol=1e-5)


def test_the_curve_counts_answers_once_and_compares_the_same_windows():
    y, subject = np.array([0, 1] * 20), np.repeat(["a", "b"], 20)
    right, wrong = np.eye(2)[y], np.eye(2)[1 - y]
    half = np.where(np.arange(40)[:, None] % 4 < 2, right, wrong)
    found = {"0": {"scores": half, "before": half}, "1": {"scores": right, "before": half}}
    table = owner.curve({heard: {"y": y, "subject": subject, **of} for heard, of in found.items()})
    assert table.n.tolist() == [2, 2] and table.people.tolist() == [2, 2]
    assert table.uar.tolist() == [0.5, 1] and table.before.tolist() == [0.5, 0.5]
    assert np.isnan(table.points[0]) and table.points[1] == pytest.approx(50)


def test_a_source_that_does_not_learn_its_owner_is_refused(tmp_path):
    of = Experiment("synthetic", "eeg", "emotion", "loso")
    Run(tmp_path, "02_train", {"normalise": "train"}).write_arrays(f"scores/{of}-keras.npz", keras=np.zeros(1))
    with pytest.raises(BadParameter, match="expected owner: set it under train"):
        owner.priors(Run(tmp_path, "04e_owner", {}), of)
