"""What holds for all tests."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

from coworkd.system.writer_thread import STRICT

# A broken rule of threads is logged for users, and an error here; daemons that tests start get it from here as well.
os.environ[STRICT] = "1"

# A slow example says something of the machine that the tests run on, and nothing of the code.
settings.register_profile("coworkd", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("coworkd")
