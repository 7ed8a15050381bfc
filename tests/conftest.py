"""What holds for all tests."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from coworkd.system.writer_thread import STRICT

# A broken rule of threads is logged for users, and an error here; daemons that tests start get it from here as well.
os.environ[STRICT] = "1"

# A slow example says something of the machine that the tests run on, and nothing of the code.
settings.register_profile("coworkd", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("coworkd")


class FailurePrinter:
    """Prints a failure at once: a run that is ended from outside never comes to its summary."""

    def __init__(self, config: pytest.Config) -> None:
        self._plugins = config.pluginmanager

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # It is registered after this one.
        terminal = self._plugins.get_plugin("terminalreporter") if report.failed else None
        if terminal is not None:
            terminal.write_line(f"\n{report.when} of {report.nodeid} failed:\n{report.longreprtext}", red=True)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(FailurePrinter(config), "failure_printer")
