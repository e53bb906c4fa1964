"""Signals as in a terminal, for tests that press Ctrl-C.

A shell without a terminal starts what it puts in the background with SIGINT
ignored, and every child inherits that: no Ctrl-C would ever arrive.
"""

import signal


def pytest_configure() -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
