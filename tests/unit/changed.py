"""A JSON record with one thing changed, seeded."""

import copy
import random

VALUES = (
    None,
    True,
    0,
    -1,
    1,
    7,
    1e9,
    -1e300,
    10**400,
    float("nan"),
    float("inf"),
    0.5,
    "",
    "x",
    "a" * 5000,
    [],
    [1],
    {},
)


def places(value, path=()):
    """The path of every value within."""
    held = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in held:
        yield (*path, key)
        yield from places(each, (*path, key))


def changed(record, seed):
    """The record with a value replaced, taken out, or turned round."""
    rng, record = random.Random(seed), copy.deepcopy(record)
    known = list(places(record))
    short = [path for path in known if not isinstance(path[-1], int)]
    *path, last = rng.choice(short if rng.random() < 0.8 else known)
    within = record
    for key in path:
        within = within[key]
    way = rng.randrange(8)
    if way == 0:
        del within[last]
    elif way == 1 and isinstance(within[last], list):
        within[last] = within[last][::-1]
    elif way == 2 and isinstance(within[last], int | float):
        within[last] *= rng.choice((-1, 1000, 1e-9, 1e12))
    else:
        within[last] = rng.choice(VALUES)
    return record
