"""What a Lambda zip runs on: AWS's arm64, or the interpreter that builds it.

The arm64 zip is made of wheels alone, so that any machine can build it: nothing
is compiled, and nothing of the builder (its CPU, its libc, its Python) leaks in.
The host zip exists because an embedded cloud runs the deployed code with the
interpreter it has.
"""

import sys
import sysconfig
from enum import StrEnum

LAMBDA_PYTHON = "3.13"
"""The Python of the kernel functions on AWS (runtime ``python3.13``)."""


class Platform(StrEnum):
    """Where an artifact can run."""

    ARM64 = "arm64"
    HOST = "host"

    @property
    def fingerprint(self) -> str:
        """Return what decides which wheels are chosen; part of a cache key."""
        if self is Platform.ARM64:
            return f"aarch64-manylinux2014-python{LAMBDA_PYTHON}"
        return f"{sysconfig.get_platform()}-{sys.implementation.cache_tag}"
