"""For tests of what has threads: imported into a module, every test in it must leave none behind."""

import threading

import pytest


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before
