"""The worker pool and the runtime by themselves, without a server."""

import io
import json
import os
import time
import zipfile

import pytest

from analemma_platform.emulator import lambda_runtime
from analemma_platform.emulator.lambda_function import DeployedFunction, unpacked
from analemma_platform.emulator.lambda_pool import LambdaPool
from emulator_deployments import until, zipped


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def function(source: str, digest: str = "d1", **changes: object) -> DeployedFunction:
    facts: dict = {
        "name": "f",
        "arn": "arn:aws:lambda:us-east-1:000000000000:function:f",
        "version": "$LATEST",
        "handler": "handler.handle",
        "runtime": "python3.13",
        "code_digest": digest,
        "variables": (),
        "timeout_seconds": 5.0,
        "memory_mb": 128,
        "log_group": "/aws/lambda/f",
        "code": zipped(source),
    }
    return DeployedFunction(**{**facts, **changes})


@pytest.fixture
def hands():
    return Hands()


@pytest.fixture
def pool(tmp_path, hands):
    made = LambdaPool(tmp_path / "functions", "http://127.0.0.1:1", hands)
    yield made
    made.close()


PID = "import os\ndef handle(event, context): return os.getpid()"


def test_worker_that_rested_too_long_is_reaped(pool, hands):
    first = pool.invoke(function(PID), None, "r").payload
    hands.seconds = 299
    assert pool.reap() == 0
    hands.seconds = 300
    assert pool.reap() == 1
    assert pool.workers() == []
    assert pool.invoke(function(PID), None, "r").payload != first


def test_worker_that_died_at_rest_is_not_used_again(pool):
    first = pool.invoke(function(PID), None, "r").payload
    os.kill(first, 9)
    until(lambda: pool.workers() == [])
    second = pool.invoke(function(PID), None, "r")
    assert second.error is None
    assert second.payload != first


def test_other_digest_ends_the_idle_workers_of_the_old_one(pool):
    pool.invoke(function(PID), None, "r")
    new = pool.invoke(function(PID, "d2"), None, "r").payload
    assert [state.pid for state in pool.workers()] == [new]


def test_changed_timeout_keeps_the_worker_and_holds_from_the_next_call(pool):
    source = "import os, time\ndef handle(e, c): time.sleep(e); return os.getpid()"
    first = pool.invoke(function(source), 0, "r").payload
    short = function(source, timeout_seconds=0.2)
    assert pool.invoke(short, 0, "r").payload == first
    assert pool.invoke(short, 5, "r").error["errorType"] == "Sandbox.Timedout"


def test_log_of_an_invocation_holds_only_its_own_lines(pool):
    source = "def handle(event, context): print(event)"
    assert pool.invoke(function(source), "first", "r").log == "first\n"
    assert pool.invoke(function(source), "second", "r").log == "second\n"


def test_log_beyond_a_mebibyte_is_dropped_once_it_was_read(pool):
    source = "def handle(event, context): print('x' * event)"
    assert len(pool.invoke(function(source), 2 << 20, "r").log) > 2 << 20
    assert pool.invoke(function(source), 3, "r").log == "xxx\n"


def test_handler_that_leaves_python_is_an_exit_error_with_its_status(pool):
    found = pool.invoke(function("import sys\ndef handle(e, c): sys.exit(3)"), 0, "r")
    assert found.error == {
        "errorType": "Runtime.ExitError",
        "errorMessage": "RequestId: r Error: Runtime exited with error: exit status 3",
    }


def test_code_is_unpacked_once_with_its_file_modes(tmp_path):

    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        entry = zipfile.ZipInfo("bin/tool")
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, "#!/bin/sh\n")
    deployed = function("", code=target.getvalue())
    home = unpacked(deployed, tmp_path / "cache")
    tool = home / "bin" / "tool"
    assert tool.stat().st_mode & 0o777 == 0o755
    tool.write_text("changed")
    assert unpacked(deployed, tmp_path / "cache") == home
    assert tool.read_text() == "changed"


def test_runtime_serves_requests_until_there_are_no_more(tmp_path, monkeypatch):
    (tmp_path / "own_handler.py").write_text(
        "def handle(event, context):\n"
        "    return [event, context.get_remaining_time_in_millis() > 0]\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    answers = io.StringIO()
    request = {
        "request_id": "r",
        "arn": "a",
        "deadline_ms": int(time.time() * 1000) + 5000,
        "event": 7,
    }
    lambda_runtime.serve(
        "own_handler.handle", io.StringIO(json.dumps(request) + "\n"), answers
    )
    assert [json.loads(line) for line in answers.getvalue().splitlines()] == [
        {"kind": "ready"},
        {"kind": "result", "body": "[7, true]"},
    ]


@pytest.mark.parametrize(
    ("handler", "error_type"),
    [
        ("nodots", "Runtime.MalformedHandlerName"),
        ("no_such_module.handle", "Runtime.ImportModuleError"),
        ("json.no_such_function", "Runtime.HandlerNotFound"),
        ("crooked.handle", "Runtime.UserCodeSyntaxError"),
        ("thrower.handle", "ZeroDivisionError"),
    ],
)
def test_runtime_says_why_a_handler_cannot_be_loaded(
    tmp_path, monkeypatch, handler, error_type
):
    (tmp_path / "crooked.py").write_text("def handle(")
    (tmp_path / "thrower.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(str(tmp_path))
    answers = io.StringIO()
    lambda_runtime.serve(handler, io.StringIO(""), answers)
    answer = json.loads(answers.getvalue())
    assert answer["kind"] == "broken"
    assert answer["error"]["errorType"] == error_type


def test_runtime_reports_exceptions_and_results_that_are_no_json(capsys):
    line = json.dumps({"request_id": "r", "arn": "", "deadline_ms": 0, "event": {}})

    def raising(event: object, context: lambda_runtime.Context) -> object:
        assert context.get_remaining_time_in_millis() == 0
        raise LookupError("gone")

    error = lambda_runtime.invoke(raising, line)["error"]
    assert (error["errorType"], error["requestId"]) == ("LookupError", "r")
    assert "LookupError: gone" in capsys.readouterr().err
    opaque = lambda_runtime.invoke(lambda event, context: {1, 2}, line)["error"]
    assert opaque["errorType"] == "Runtime.MarshalError"
