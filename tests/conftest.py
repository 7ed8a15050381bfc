"""What holds for all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A slow example says something of the machine that the tests run on, and nothing of the code.
settings.register_profile("coworkd", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("coworkd")
