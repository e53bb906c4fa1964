"""Faults: one store call of a run fails once, at the port or on the wire to AWS."""

import itertools
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ReadTimeoutError

from analemma.errors import StoreUnavailable
from analemma.hardware.aws.clients import AwsClients
from matrix_graph import TaskLog
from matrix_points import (
    Attach,
    Outcome,
    Point,
    aftermath,
    at_each_call,
    to_the_end,
)
from matrix_stores import Calls, Moment, unavailable, watched
from memory_backends import Backend, aws_backend, local_backend
from stores_aws import EmulatedAws, Turnstile, settings
from stores_wire import dynamo_error, s3_error

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse
    from botocore.client import BaseClient


class Fault(StrEnum):
    """How a call fails."""

    ERROR = "error"
    TIMEOUT_NOT_APPLIED = "timeout, not applied"
    TIMEOUT_APPLIED = "timeout, applied"


class WireFault:
    """Makes one request of some clients fail; botocore does not retry it.

    moto answers a request from within ``before-send``: what is registered first
    is asked before it has, what is registered last after that.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left = 0
        self._fault = Fault.ERROR
        self._applied = threading.local()
        self.struck = False

    def arm(self, request: int, fault: Fault) -> None:
        """Let the request with this number, from 1 on from now, fail."""
        self._left, self._fault, self.struck = request, fault, False

    def disarm(self) -> bool:
        """Let no other request fail; say whether one did."""
        self._left = 0
        return self.struck

    def attach(
        self, client: "BaseClient", error: Callable[[str], "AWSResponse"]
    ) -> None:
        """Count the requests of a client; ``error`` is how its service fails."""

        def before(request: "AWSPreparedRequest", **_: object) -> "AWSResponse | None":
            self._applied.fails = False
            if not self._is_hit():
                return None
            if self._fault is Fault.TIMEOUT_NOT_APPLIED:
                raise ReadTimeoutError(endpoint_url=request.url)
            if self._fault is Fault.TIMEOUT_APPLIED:
                self._applied.fails = True
                return None
            answer = error(request.url)
            # Nowhere that moto serves, so that it does nothing.
            request.url = "https://nowhere.invalid/"
            return answer

        def after(request: "AWSPreparedRequest", **_: object) -> None:
            if self._applied.fails:
                raise ReadTimeoutError(endpoint_url=request.url)

        # The stubs know only events whose handlers return nothing.
        client.meta.events.register_first("before-send", before)  # type: ignore[arg-type]
        client.meta.events.register_last("before-send", after)

    def _is_hit(self) -> bool:
        with self._lock:
            self._left -= 1
            self.struck = self.struck or self._left == 0
            return self._left == 0


class FaultyAws(EmulatedAws):
    """moto behind clients that try once, and whose requests can be made to fail."""

    def __init__(self) -> None:
        clients = AwsClients(settings(attempts=1))
        self.dynamodb = clients.dynamodb()
        self.s3 = clients.s3()
        self._numbers = itertools.count()
        self.fault = WireFault()
        for client, error in (
            (self.dynamodb, dynamo_error(500, "InternalServerError")),
            (self.s3, s3_error(500, "InternalError")),
        ):
            Turnstile(client)
            self.fault.attach(client, error)


def faults_on_a_laptop(
    ground: Path, attach: Attach, moment: Moment, stride: int = 1, first: int = 1
) -> Iterator[tuple[Point, Outcome]]:
    """Let every ``stride``-th call to SQLite and files fail, before or after."""

    def outcome_of(call: int) -> Outcome:
        directory = ground / str(call)
        directory.mkdir()
        log = TaskLog(directory / "tasks")
        calls = Calls(call, moment, unavailable)
        with local_backend(directory) as backend:
            cut = _run_until_cut(watched(backend, calls), attach, log)
        struck = bool(calls.struck)
        assert struck or not cut
        stores = partial(local_backend, directory)
        outcome = aftermath(stores, attach, log, struck=struck)
        shutil.rmtree(directory)
        return outcome

    for call, outcome in at_each_call(outcome_of, stride, first):
        yield Point(call, moment), outcome


def faults_in_the_cloud(
    ground: Path,
    aws: FaultyAws,
    attach: Attach,
    fault: Fault,
    stride: int = 1,
    first: int = 1,
) -> Iterator[tuple[Point, Outcome]]:
    """Let every ``stride``-th request to DynamoDB and S3 fail."""
    moment = Moment.AFTER if fault is Fault.TIMEOUT_APPLIED else Moment.BEFORE

    def outcome_of(request: int) -> Outcome:
        log = TaskLog(ground / str(request))
        backend = aws_backend(aws)
        aws.fault.arm(request, fault)
        cut = _run_until_cut(backend, attach, log)
        struck = aws.fault.disarm()
        assert struck or not cut
        return aftermath(partial(_again, backend), attach, log, struck=struck)

    for request, outcome in at_each_call(outcome_of, stride, first):
        yield Point(request, moment), outcome


@contextmanager
def _again(backend: Backend) -> Iterator[Backend]:
    """Open DynamoDB and S3 again: nothing of a process is in them."""
    yield Backend(backend.records, backend.pages)


def _run_until_cut(backend: Backend, attach: Attach, log: TaskLog) -> bool:
    """Run from the start; say whether a fault came out of it."""
    try:
        to_the_end(attach, backend, log)
    except StoreUnavailable:
        return True
    return False
