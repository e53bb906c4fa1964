"""The process inside which one deployed function runs: AWS's Python runtime.

Started as a script with ``-I -S``, so the handler sees the standard library and
its own zip and nothing of the environment that the embedded cloud is installed
in. Hence this file imports only the standard library.

Wire, one JSON object a line. In, on standard input:
    {"request_id": "…", "arn": "…", "deadline_ms": 1700000000000, "event": …}
Out, on what was standard output when the process began:
    {"kind": "ready"}                        once, the handler is imported
    {"kind": "broken", "error": {…}}         instead, then the process exits
    {"kind": "result", "body": "<JSON>"}     the handler returned
    {"kind": "error", "error": {…}}          the handler raised
Whatever the handler prints goes to the log, because standard output is standard
error by then. When the far end of standard input closes, the process ends at
once, even in the middle of a handler: the server has died.
"""

import importlib
import json
import os
import select
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO


class Context:
    """What AWS hands a handler beside its event."""

    client_context = None
    identity = None

    def __init__(self, request_id: str, arn: str, deadline_ms: int) -> None:
        environment = os.environ
        self.aws_request_id = request_id
        self.invoked_function_arn = arn
        self.function_name = environment.get("AWS_LAMBDA_FUNCTION_NAME", "")
        self.function_version = environment.get("AWS_LAMBDA_FUNCTION_VERSION", "")
        self.memory_limit_in_mb = environment.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
        self.log_group_name = environment.get("AWS_LAMBDA_LOG_GROUP_NAME", "")
        self.log_stream_name = environment.get("AWS_LAMBDA_LOG_STREAM_NAME", "")
        self._deadline_ms = deadline_ms

    def get_remaining_time_in_millis(self) -> int:
        """Return how long this invocation may still take."""
        return max(0, int(self._deadline_ms - time.time() * 1000))

    def log(self, message: object) -> None:
        """Write ``message`` to the log as it is."""
        sys.stderr.write(str(message))


# The event and the result are whatever the deployed code makes of them.
Handler = Callable[[object, Context], object]


class InitFailed(Exception):
    """The handler could not be found; ``document`` is AWS's error document."""

    def __init__(self, document: dict[str, object]) -> None:
        super().__init__(document["errorMessage"])
        self.document = document


def error_document(
    error_type: str,
    message: str,
    trace: TracebackType | None = None,
    request_id: str = "",
) -> dict[str, object]:
    """Return what Lambda answers for a failure; our own frame is left out."""
    frames = traceback.extract_tb(trace)
    return {
        "errorMessage": message,
        "errorType": error_type,
        "requestId": request_id,
        "stackTrace": traceback.format_list(
            [frame for frame in frames if frame.filename != __file__]
        ),
    }


def load(name: str) -> Handler:
    """Return the handler that ``module.function`` names.

    Raises:
        InitFailed: it cannot be imported.
    """
    module_name, _, attribute = name.rpartition(".")
    if not module_name:
        raise InitFailed(
            error_document("Runtime.MalformedHandlerName", f"Bad handler '{name}'")
        )
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise InitFailed(
            error_document(
                "Runtime.ImportModuleError",
                f"Unable to import module '{module_name}': {error}",
            )
        ) from error
    except SyntaxError as error:
        raise InitFailed(
            error_document(
                "Runtime.UserCodeSyntaxError",
                f"Syntax error in module '{module_name}': {error}",
            )
        ) from error
    except Exception as error:
        raise InitFailed(
            error_document(type(error).__name__, str(error), error.__traceback__)
        ) from error
    if not hasattr(module, attribute):
        raise InitFailed(
            error_document(
                "Runtime.HandlerNotFound",
                f"Handler '{attribute}' missing on module '{module_name}'",
            )
        )
    handler: Handler = getattr(module, attribute)
    return handler


def invoke(handler: Handler, line: str) -> dict[str, object]:
    """Run ``handler`` on one request; return the answer to send."""
    request = json.loads(line)
    context = Context(request["request_id"], request["arn"], request["deadline_ms"])
    try:
        value = handler(request["event"], context)
    except Exception as error:  # noqa: BLE001 - whatever the deployed code raises
        document = error_document(
            type(error).__name__,
            str(error),
            error.__traceback__,
            context.aws_request_id,
        )
        sys.stderr.write(_log_text(document))
        return {"kind": "error", "error": document}
    try:
        body = json.dumps(value)
    except (TypeError, ValueError) as error:
        message = f"Unable to marshal response: {error}"
        document = error_document(
            "Runtime.MarshalError", message, None, context.aws_request_id
        )
        sys.stderr.write(_log_text(document))
        return {"kind": "error", "error": document}
    return {"kind": "result", "body": body}


def _log_text(document: dict[str, object]) -> str:
    frames = document["stackTrace"]
    lines = "".join(map(str, frames)) if isinstance(frames, list) else ""
    head = f"[ERROR] {document['errorType']}: {document['errorMessage']}\n"
    return head + (f"Traceback (most recent call last):\n{lines}" if lines else "")


def _end_with_the_server(descriptor: int) -> None:
    # Not PR_SET_PDEATHSIG: that fires when the thread that started us ends, and
    # the server starts us from the thread of one invocation.
    watch = select.poll()
    watch.register(descriptor, 0)  # only a hang-up wakes it
    watch.poll()
    os._exit(1)


def serve(handler_name: str, requests: IO[str], answers: IO[str]) -> None:
    """Load the handler and answer requests until there are no more."""

    def send(answer: dict[str, object]) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    try:
        handler = load(handler_name)
    except InitFailed as failure:
        sys.stderr.write(_log_text(failure.document))
        send({"kind": "broken", "error": failure.document})
        return
    send({"kind": "ready"})
    for line in requests:
        send(invoke(handler, line))


def main() -> None:
    """Take the pipes away from the handler, then serve."""
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    with Path(os.devnull).open(encoding="utf-8") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    watcher = threading.Thread(
        target=_end_with_the_server, args=(requests.fileno(),), daemon=True
    )
    watcher.start()
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    serve(os.environ["_HANDLER"], requests, answers)


if __name__ == "__main__":
    main()
