"""Start, find and stop the emulated AWS of a home directory.

Whether one runs is what the lock in its home says, which no crash can leave
behind; ``emulator.json`` only tells where it is.
"""

import contextlib
import http.client
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from analemma.errors import CloudUnavailable
from analemma_platform.emulator.server import HomeFiles, hold

_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
_ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class RunningEmulator:
    """A server that answers. ``instance`` is new each time one starts."""

    endpoint: str
    pid: int
    instance: str


class _ReadyLine(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    endpoint: str = ""
    pid: int = 0
    instance: str = ""
    error: str | None = None


class _Health(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    instance: str
    pid: int


def start(home: Path, port: int | None = None) -> RunningEmulator:
    """Return the emulated AWS of ``home``, starting it if none runs.

    It outlives the calling process. Two callers at once get the same one.

    Args:
        home: A directory; made when absent.
        port: The port to bind; None takes a free one. Ignored when one runs.

    Raises:
        CloudUnavailable: it did not start; names the log to read.
    """
    running = status(home)
    if running is not None:
        return running
    files = HomeFiles(home.resolve())
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    line = _spawn(files, port or 0)
    if line.error is not None:
        # Somebody else's may be starting at this very moment.
        found = _await_other(home) if _held(files) else None
        if found is None:
            raise CloudUnavailable(f"{line.error}; its log is {files.log}")
        return found
    return RunningEmulator(line.endpoint, line.pid, line.instance)


def status(home: Path) -> RunningEmulator | None:
    """Return the emulated AWS of ``home`` if it runs and answers."""
    files = HomeFiles(home.resolve())
    if not _held(files):
        return None
    recorded = _recorded(files)
    if recorded is None:
        return None
    health = _health(recorded.endpoint)
    if health is None or health.instance != recorded.instance:
        return None
    return recorded


def stop(home: Path) -> bool:
    """Stop the emulated AWS of ``home`` and wait until it is gone.

    Returns whether one ran. What was deployed to it is gone with it.

    Raises:
        CloudUnavailable: one runs and does not say which process it is.
    """
    files = HomeFiles(home.resolve())
    if not _held(files):
        files.state.unlink(missing_ok=True)
        return False
    recorded = _recorded(files)
    if recorded is None:
        raise CloudUnavailable(
            f"an embedded cloud holds {files.lock} but {files.state} does not say "
            "which process it is: find it by that file and end it"
        )
    _signal(recorded.pid, signal.SIGTERM)
    if not _gone(files, _STOP_SECONDS):
        _signal(recorded.pid, signal.SIGKILL)
        _gone(files, _STOP_SECONDS)
    files.state.unlink(missing_ok=True)
    return True


def _spawn(files: HomeFiles, port: int) -> _ReadyLine:
    with files.log.open("ab") as log:
        # S603: our own interpreter and module, nothing from outside.
        process = subprocess.Popen(  # noqa: S603
            [
                sys.executable,
                "-m",
                "analemma_platform.emulator",
                "--home",
                str(files.home),
                "--port",
                str(port),
                "--detach",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    assert process.stdout is not None, "opened with a pipe"
    with process.stdout as output:
        line = _first_line(output)
    process.wait()
    try:
        return _ReadyLine.model_validate_json(line)
    except ValidationError:
        raise CloudUnavailable(
            f"the embedded cloud did not start; its log is {files.log}"
        ) from None


def _first_line(output: IO[bytes]) -> bytes:
    """Return the first line, or what there is of it after half a minute."""
    deadline = time.monotonic() + _START_SECONDS
    line = b""
    while not line.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([output], [], [], left)[0]:
            break
        piece = os.read(output.fileno(), 4096)
        if not piece:
            break
        line += piece
    return line


def _held(files: HomeFiles) -> bool:
    if not files.lock.exists():
        return False
    try:
        os.close(hold(files.lock))
    except CloudUnavailable:
        return True
    return False


def _recorded(files: HomeFiles) -> RunningEmulator | None:
    try:
        line = _ReadyLine.model_validate_json(files.state.read_bytes())
    except (OSError, ValidationError):
        return None
    return RunningEmulator(line.endpoint, line.pid, line.instance)


def _await_other(home: Path) -> RunningEmulator | None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        found = status(home)
        if found is not None:
            return found
        if not _held(HomeFiles(home.resolve())):
            return None
        time.sleep(0.05)
    return None


def _health(endpoint: str) -> _Health | None:
    # Not urllib: it would follow the proxies of the environment.
    connection = http.client.HTTPConnection(
        urlsplit(endpoint).netloc, timeout=_ANSWER_SECONDS
    )
    try:
        connection.request("GET", "/_analemma/health")
        return _Health.model_validate_json(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValidationError):
        return None
    finally:
        connection.close()


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _gone(files: HomeFiles, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while _held(files):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
