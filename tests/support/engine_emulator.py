"""The emulated AWS for tests of the platform: one a session, emptied by nobody.

Tests make resources of their own names, so they need no clean slate.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from analemma_platform.emulator import daemon
from analemma_platform.realisers.provider import AwsProvider

REGION = "eu-west-1"


@contextmanager
def running_emulator(home: Path) -> Iterator[daemon.RunningEmulator]:
    """An emulated AWS that lives as long as the block."""
    running = daemon.start(home)
    try:
        yield running
    finally:
        daemon.stop(home)


def aws_provider(endpoint: str, directory: Path, **settings: str) -> AwsProvider:
    return AwsProvider(endpoint, {"region": REGION, **settings}, directory)
