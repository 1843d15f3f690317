"""What it gains to have heard its owner before: a source's int8 models answer a test person of whom they have heard n windows.

Recordings are heard in a random order, each from its start, and only windows that come later are answered. No label is used.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from emolib.core.artifacts import Run
from emolib.core.bars import with_progress
from emolib.core.errors import BadParameter
from emolib.core.experiment import INT8, Experiment, model_name
from emolib.device.interpreter import Model
from emolib.evaluation import metrics
from emolib.fusion.scores import softmax
from emolib.models import crossval
from emolib.signals.owner import WEIGHTS, Heard, Profile, in_turn

N_HEARD = (0, 1, 3, 5, 10, 20, 40)
N_ORDERS = 20  # of each person
NOTHING, ALL = "0", "all"  # heard: all are the person's windows, also those that are answered
CONDITIONS = {str(n): f"{n} windows heard" for n in N_HEARD}
CONDITIONS |= {NOTHING: "nothing heard", "1": "1 window heard", ALL: "all windows heard (transductive)"}
Answers = dict[str, np.ndarray]  # y, subject, scores, and the scores of the same windows before anything was heard


def priors(run: Run, of: Experiment) -> pd.DataFrame:
    """How many windows training people weigh, a row per fold: fold, mean_weight, spread_weight, alike, stretch. Raises BadParameter for a
    source that was not trained to learn its owner."""
    if (got := run.parameters_of(f"scores/{of}-keras.npz")["normalise"]) != "owner":
        raise BadParameter(f"{of}: trained with normalise {got}, expected owner: set it under train in the config.")
    names = [(fold.name, model_name(str(of), k)) for k, fold in enumerate(crossval.windows_of(run, of)[1])]
    found = [(fold, crossval.load_standardiser(run, name)) for fold, name in names]
    rows = [{"fold": fold} | {name: getattr(prior, name) for name in WEIGHTS} for fold, prior in found]
    return pd.DataFrame(rows)


def answers(run: Run, of: Experiment, seed: int) -> dict[str, Answers]:
    """By number of windows heard the answers to later windows of all test people, in N_ORDERS orders of each, and those
    to all windows where ALL are heard."""
    data, folds, _ = crossval.opened(run, of)
    found: dict[str, list[Answers]] = {str(n): [] for n in N_HEARD} | {ALL: []}
    for k, fold in enumerate(with_progress(folds, "answer", "folds")):
        name = model_name(str(of), k)
        prior = crossval.load_standardiser(run, name)
        with Model(run.read(f"{name}-{INT8}.tflite")) as model:
            for person in np.unique(data.subject[fold.test]):
                rows = fold.test[data.subject[fold.test] == person]
                rng, own = np.random.default_rng([seed, k]), data.X[rows]
                fresh = softmax(model.predict(prior.normalise(own.X, Profile.empty(own.level.shape[1]))))
                for heard, later, profile in turns(own, rng):
                    scores = softmax(model.predict(prior.normalise(own.X[later], profile)))
                    about = {"y": data.y[rows[later]], "subject": data.subject[rows[later]]}
                    found[heard].append(about | {"scores": scores, "before": fresh[later]})
    return {heard: joined(parts) for heard, parts in found.items() if parts}


def turns(own: Heard, rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray, Profile]]:
    """Of one person's windows, in N_ORDERS orders: how many were heard, which come later, and the profile then."""
    for _ in range(N_ORDERS):
        order, profile = in_turn(own.recording, rng), Profile.empty(own.level.shape[1])
        for n, row in enumerate(order):
            if n in N_HEARD:
                yield str(n), order[n:], profile
            profile = profile.heard(own.level[row], own.var[row])
    yield ALL, order, profile


def joined(parts: list[Answers]) -> Answers:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def curve(found: dict[str, Answers]) -> pd.DataFrame:
    """A row for each number of windows heard: heard, n (windows that are answered in one order), people, uar with its interval
    over people, and before: the UAR of the same windows before anything was heard.

    points, points_low, points_high and p are what was gained over that (`metrics.paired_gain`), NaN for nothing heard.
    """
    rows = []
    for heard, of in found.items():
        test, times = {name: of[name] for name in ("y", "subject", "scores")}, 1 if heard == ALL else N_ORDERS
        uar = metrics.columns_of("uar", metrics.evaluate(**test)["uar"])
        row = {"heard": heard, "n": len(of["y"]) // times, "people": len(np.unique(of["subject"])), **uar}
        gain = metrics.paired_gain(of["y"], of["before"], of["scores"], of["subject"])
        rows.append(row | {"before": metrics.uar(metrics.confusion(of["y"], of["before"])), **gain.columns()})
    table = pd.DataFrame(rows)
    table.loc[table.heard == NOTHING, ["points", "points_low", "points_high", "p"]] = np.nan
    return table
