"""The process that lets others die: it forks one for each point of a matrix.

Started once, without a thread of its own, so that a fork copies nothing that is
half done; the imports are paid for once. It reads a request a line and answers
a line. Stores are opened by the children alone. Each request costs two of them:
one runs until it is killed, one looks at what is left and runs on.
"""

import gc
import itertools
import json
import os
import shutil
import signal
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analemma.hardware.aws.clients import AwsClients
from analemma.hardware.aws.dynamo_records import DynamoRecordStore
from analemma.hardware.aws.s3_pages import S3PageStore
from matrix_graph import TaskLog
from matrix_points import Attach, aftermath, to_the_end
from matrix_stores import Calls, Moment, kill, watched
from memory_backends import OWNER, Backend, local_backend
from stores_aws import EmulatedAws, settings


class Loopback(EmulatedAws):
    """Clients of an emulated AWS that other processes use too.

    No connection is opened before the first request, so they survive a fork.
    """

    def __init__(self, endpoint_url: str) -> None:
        clients = AwsClients(settings(endpoint_url))
        self.dynamodb = clients.dynamodb()
        self.s3 = clients.s3()
        self._numbers = itertools.count(uuid.uuid4().int)

    def make_stores(self) -> tuple[str, str]:
        """Make a table and a bucket that no other process makes, forked or not."""
        self._numbers = itertools.count(uuid.uuid4().int)
        return self.new_table(), self.new_bucket()


@dataclass(frozen=True)
class Ground:
    """Where one point happens: a directory, and an AWS if it is one's turn."""

    directory: Path
    aws: Loopback | None
    names: tuple[str, str] = ("", "")

    @contextmanager
    def stores(self) -> Iterator[Backend]:
        """Open the stores, as a fresh process does."""
        if self.aws is None:
            with local_backend(self.directory) as backend:
                yield backend
        else:
            table, bucket = self.names
            yield Backend(
                DynamoRecordStore(self.aws.dynamodb, table),
                S3PageStore(self.aws.s3, bucket, OWNER),
            )

    @property
    def log(self) -> TaskLog:
        """The file in which tasks say that they start."""
        return TaskLog(self.directory / "tasks")


def run_and_die(ground: Ground, request: dict[str, Any]) -> None:
    """Run from the start; be killed at the call that is asked for."""
    calls = Calls(request["call"], Moment(request["moment"]), kill)
    with ground.stores() as backend:
        to_the_end(Attach(request["attach"]), watched(backend, calls), ground.log)


def look_and_go_on(
    ground: Ground, request: dict[str, Any], struck: bool
) -> dict[str, Any]:
    """Read what the dead left, then run to the end."""
    attach = Attach(request["attach"])
    return aftermath(ground.stores, attach, ground.log, struck=struck).as_json()


def forked(work: Callable[[], Any]) -> tuple[int, bytes]:
    """Do ``work`` in a child; return its wait status and what it answered."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        # Answers alone go to stdout; the kernel logs there.
        os.dup2(2, 1)
        try:
            answer = work()
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(json.dumps(answer).encode())
        except BaseException:  # noqa: BLE001  # whatever it is: say so and be gone
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answered = pipe.read()
    return os.waitpid(child, 0)[1], answered


def point(request: dict[str, Any], aws: Loopback | None) -> dict[str, Any]:
    """Do one point of a matrix."""
    directory = Path(request["directory"])
    directory.mkdir()
    names = ("", "")
    if aws is not None:
        status, made = forked(aws.make_stores)
        assert status == 0, "the emulated AWS made no stores"
        names = tuple(json.loads(made))
    ground = Ground(directory, aws, names)
    try:
        status, _ = forked(lambda: run_and_die(ground, request))
        struck = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        if not struck and status:
            return {"error": "the run failed by itself; its traceback is on stderr"}
        status, answer = forked(lambda: look_and_go_on(ground, request, struck))
        if status:
            return {"error": "the resume failed; its traceback is on stderr"}
        return dict(json.loads(answer))
    finally:
        shutil.rmtree(directory)


def main(endpoint_url: str) -> None:
    """Answer requests until there are no more."""
    aws = Loopback(endpoint_url) if endpoint_url else None
    assert threading.active_count() == 1, "a fork copies one thread only"
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(point(json.loads(line), aws)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
