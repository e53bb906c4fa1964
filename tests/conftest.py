"""What holds for every test: signals as in a terminal, and no property is timed.

A shell without a terminal starts what it puts in the background with SIGINT
ignored, and every child inherits that: no Ctrl-C would ever arrive. And Hypothesis
fails an example that takes long, which on a shared machine says nothing of the code.
"""

import signal

from hypothesis import HealthCheck, settings

settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("untimed")


def pytest_configure() -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
