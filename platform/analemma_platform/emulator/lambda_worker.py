"""One warm process of one function, seen from the server."""

import contextlib
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ConfigDict, JsonValue, TypeAdapter

from analemma_platform.emulator import lambda_runtime
from analemma_platform.emulator.lambda_function import DeployedFunction, unpacked

INIT_SECONDS = 10.0
"""What AWS allows for importing a handler before it counts as the invocation."""

MAX_RESPONSE_BYTES = 6_291_556
"""The largest answer of a synchronous invocation."""

_LOG_KEPT_BYTES = 1 << 20
_EXIT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an invocation ended: ``error`` is AWS's error document, or None."""

    payload: JsonValue
    error: dict[str, JsonValue] | None
    log: str


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    body: str = "null"
    error: dict[str, JsonValue] | None = None


_PAYLOAD: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


class WorkerGone(Exception):
    """The process ended in the middle of an invocation."""


class WorkerLate(Exception):
    """The process did not answer in time."""


class Worker:
    """A process that serves one invocation at a time.

    Its standard error is a file, not a pipe, so that the lines of a killed
    process are not lost with it.
    """

    def __init__(self, function: DeployedFunction, cache: Path, endpoint: str) -> None:
        root = unpacked(function, cache)
        scratch = cache / "tmp"
        scratch.mkdir(exist_ok=True)
        # SIM115: lives as long as the worker; ``close`` closes it.
        self._log: IO[bytes] = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115
        flags = fcntl.fcntl(self._log, fcntl.F_GETFL)
        fcntl.fcntl(self._log, fcntl.F_SETFL, flags | os.O_APPEND)
        self._log_read = 0
        self._buffer = b""
        self._ready = False
        # S603: our own interpreter, our own script, nothing from outside.
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", "-u", lambda_runtime.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment(function, root, scratch, endpoint),
            cwd=root,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def invoke(
        self, function: DeployedFunction, event: JsonValue, request_id: str
    ) -> Outcome:
        """Run the handler on ``event``. Never raises for what the code does.

        After a time-out or an exit the worker is dead.
        """
        try:
            answer = self._exchange(function, event, request_id)
        except WorkerLate:
            self.kill()
            return self._lost(
                request_id,
                "Sandbox.Timedout",
                f"Task timed out after {function.timeout_seconds:.2f} seconds",
            )
        except (WorkerGone, BrokenPipeError):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_EXIT_SECONDS)  # it closed its end: it exits
            self.kill()
            reason = f"Runtime exited with error: {self._exit_reason()}"
            return self._lost(request_id, "Runtime.ExitError", reason)
        if answer.kind == "result" and len(answer.body) > MAX_RESPONSE_BYTES:
            return self._lost(
                request_id,
                "Function.ResponseSizeTooLarge",
                "Response payload size exceeded maximum allowed payload size "
                f"({MAX_RESPONSE_BYTES} bytes).",
            )
        log = self._new_log()
        if answer.kind == "result":
            return Outcome(_PAYLOAD.validate_json(answer.body), None, log)
        if answer.kind == "broken":
            self.kill()
        return Outcome(None, {**(answer.error or {}), "requestId": request_id}, log)

    def kill(self) -> None:
        """End the process and what it started, and wait until it is gone."""
        if self.alive:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End the process and free what belongs to it."""
        self.kill()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream is not None:
                # Unsent bytes of an invocation that was cut off do not matter.
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def _exchange(
        self, function: DeployedFunction, event: JsonValue, request_id: str
    ) -> _Answer:
        if not self._ready:
            limit = INIT_SECONDS + function.timeout_seconds
            first = self._answer(time.monotonic() + limit)
            if first.kind != "ready":
                return first
            self._ready = True
        request = {
            "request_id": request_id,
            "arn": function.arn,
            "deadline_ms": int((time.time() + function.timeout_seconds) * 1000),
            "event": event,
        }
        assert self._process.stdin is not None, "opened with a pipe"
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        return self._answer(time.monotonic() + function.timeout_seconds)

    def _answer(self, deadline: float) -> _Answer:
        assert self._process.stdout is not None, "opened with a pipe"
        descriptor = self._process.stdout.fileno()
        watch = select.poll()
        watch.register(descriptor, select.POLLIN)
        pieces = [self._buffer]
        while b"\n" not in pieces[-1]:
            left = deadline - time.monotonic()
            if left <= 0 or not watch.poll(left * 1000):
                raise WorkerLate
            piece = os.read(descriptor, 1 << 16)
            if not piece:
                raise WorkerGone
            pieces.append(piece)
        line, _, self._buffer = b"".join(pieces).partition(b"\n")
        return _Answer.model_validate_json(line)

    def _lost(self, request_id: str, error_type: str, message: str) -> Outcome:
        sentence = f"RequestId: {request_id} Error: {message}"
        log = f"{self._new_log().rstrip()}\n{sentence}\n{error_type}\n".lstrip()
        return Outcome(None, {"errorType": error_type, "errorMessage": sentence}, log)

    def _exit_reason(self) -> str:
        code = self._process.returncode
        if code is not None and code < 0:
            return f"signal: {'killed' if code == -signal.SIGKILL else -code}"
        return f"exit status {code}"

    def _new_log(self) -> str:
        """Return what the process has written since the last call."""
        descriptor = self._log.fileno()
        size = os.fstat(descriptor).st_size
        # pread: the process shares the file's offset, and must keep it.
        text = os.pread(descriptor, size - self._log_read, self._log_read)
        self._log_read = size
        if size > _LOG_KEPT_BYTES:
            os.ftruncate(descriptor, 0)
            self._log_read = 0
        return text.decode(errors="replace")


def environment(
    function: DeployedFunction, root: Path, scratch: Path, endpoint: str
) -> dict[str, str]:
    """Return the environment of a worker: nothing of the server's own.

    The access key is the account's number, by which ministack tells accounts
    apart. ``HOME`` is empty, so that no AWS profile of this machine is read.
    """
    return {
        "AWS_ENDPOINT_URL": endpoint,
        **dict(function.variables),
        "_HANDLER": function.handler,
        "AWS_ACCESS_KEY_ID": function.account,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_SESSION_TOKEN": "test",
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": function.key[:32],
        "LAMBDA_TASK_ROOT": str(root),
        "LAMBDA_RUNTIME_DIR": str(Path(lambda_runtime.__file__).parent),
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "LANG": "en_US.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "TZ": ":UTC",
    }
