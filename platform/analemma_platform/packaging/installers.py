"""Install a lock into a folder, with uv where it is, else with pip.

Neither gets an index URL from us: both read the user's own configuration. They
do not read each other's, hence pip is tried where uv fails.
"""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from analemma_platform.packaging.failures import ArtifactFailed
from analemma_platform.packaging.platforms import LAMBDA_PYTHON, Platform

INSTALL_TIMEOUT_SECONDS = 600
_SHOWN_LINES = 12


def install(lock: Path, platform: Platform, folder: Path) -> None:
    """Install every package of ``lock`` into ``folder``, hash-checked.

    Only wheels are taken and no dependency is resolved: the lock is complete,
    and ``pip`` would resolve for the machine it runs on.

    Raises:
        ArtifactFailed: no installer is at hand, or each of them failed.
    """
    complaints = []
    for name, command in installers(lock, platform, folder):
        complaint = _complaint_of(command)
        if complaint is None:
            return
        complaints.append(f"{name} said: {complaint}")
    reasons = "\n".join(complaints) or "neither uv nor pip is installed"
    raise ArtifactFailed(
        f"the packages of {lock} could not be installed for {platform}; "
        f"check the package index that your uv or pip is configured for\n{reasons}"
    )


def installers(
    lock: Path, platform: Platform, folder: Path
) -> Iterator[tuple[str, list[str]]]:
    """Yield name and command line of each installer there is, best first."""
    uv = Path(sys.executable).with_name("uv")
    if uv.exists():
        yield "uv", [str(uv), *_uv_arguments(lock, platform, folder)]
    elif importlib.util.find_spec("uv"):
        yield (
            "uv",
            [sys.executable, "-m", "uv", *_uv_arguments(lock, platform, folder)],
        )
    if importlib.util.find_spec("pip"):
        yield (
            "pip",
            [sys.executable, "-m", "pip", *_pip_arguments(lock, platform, folder)],
        )


def _uv_arguments(lock: Path, platform: Platform, folder: Path) -> list[str]:
    if platform is Platform.ARM64:
        where = ["--python-platform", "aarch64-manylinux2014"]
        where += ["--python-version", LAMBDA_PYTHON]
    else:
        where = ["--python", sys.executable]
    arguments = ["pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    arguments += ["--only-binary", ":all:", "--target", str(folder)]
    return [*arguments, *where, "-r", str(lock)]


def _pip_arguments(lock: Path, platform: Platform, folder: Path) -> list[str]:
    where: list[str] = []
    if platform is Platform.ARM64:
        where += ["--platform", "manylinux2014_aarch64", "--implementation", "cp"]
        where += ["--python-version", LAMBDA_PYTHON]
    arguments = ["install", "--quiet", "--no-deps", "--require-hashes", "--no-compile"]
    arguments += ["--disable-pip-version-check", "--only-binary=:all:"]
    return [*arguments, "--target", str(folder), *where, "-r", str(lock)]


def _complaint_of(command: list[str]) -> str | None:
    """Run ``command``; return the end of what it said if it failed."""
    try:
        done = subprocess.run(  # noqa: S603 - our own command line, no shell
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=INSTALL_TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"nothing for {INSTALL_TIMEOUT_SECONDS} seconds"
    if done.returncode == 0:
        return None
    lines = (done.stderr or done.stdout).strip().splitlines()
    return "\n".join(lines[-_SHOWN_LINES:]) or f"exit code {done.returncode}"
