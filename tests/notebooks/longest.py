"""A plugin for pytest beside nbval: no notebook may compute for longer than --notebook-seconds.

The time is that of the processor, the start of the kernel included, so that a busy machine does
not count. It is known once the kernel has ended, after the notebook's last cell.
"""

import os

import pytest


def pytest_addoption(parser):
    parser.addoption("--notebook-seconds", type=float, default=60.0)


def spent():
    """The seconds of the processor that ended processes have taken."""
    times = os.times()
    return times.children_user + times.children_system


class Longest:
    """Measures each notebook's kernel, from before its start to after its end."""

    def __init__(self, limit):
        self.limit = limit
        self.begun = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item):
        self.begun.setdefault(item.path, spent())

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item, nextitem):
        result = yield
        if nextitem is None or nextitem.path != item.path:
            seconds = spent() - self.begun.pop(item.path)
            if seconds > self.limit:
                pytest.fail(f"{item.path.name} computes {seconds:.1f} s, allowed: {self.limit:g} s")
        return result


def pytest_configure(config):
    config.pluginmanager.register(Longest(config.getoption("--notebook-seconds")))
