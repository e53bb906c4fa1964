"""Task states that invoke a Lambda function.

What the function raised is the error's name and the whole error document, as
JSON text, its cause. What Lambda itself refused is named ``Lambda.…``.
"""

import time
import uuid
from email.utils import formatdate

from analemma_platform.emulator import seams
from analemma_platform.emulator.step_functions.failures import (
    ExecutionBroken,
    StateFailed,
)
from analemma_platform.emulator.step_functions.json_values import (
    Json,
    compact,
    payload_bytes,
)


def invoke(parameters: Json) -> Json:
    """Do what ``lambda:invoke`` with ``parameters`` asks; return its answer.

    Raises:
        StateFailed: the function failed, or Lambda refused to run it.
        ExecutionBroken: the parameters are not those of an invocation.
    """
    if not isinstance(parameters, dict):
        raise ExecutionBroken("The parameters of lambda:invoke must be an object")
    function, kind = parameters.get("FunctionName"), parameters.get("InvocationType")
    if not isinstance(function, str) or kind not in (None, "RequestResponse"):
        raise ExecutionBroken(
            "lambda:invoke needs a FunctionName and, here, waits for the answer: "
            f"InvocationType {kind!r} is not interpreted"
        )
    qualifier = parameters.get("Qualifier")
    if isinstance(qualifier, str):
        function = f"{function}:{qualifier}"
    payload, version = call(function, parameters.get("Payload", {}))
    return _answer(payload, version)


def call(function: str, event: Json) -> tuple[Json, str]:
    """Invoke ``function`` and return its payload and the version that ran.

    Raises:
        StateFailed: as ``invoke``.
    """
    found = seams.find_function(function)
    if found is None:
        raise StateFailed(
            "Lambda.ResourceNotFoundException", f"Function not found: {function}"
        )
    record, config = found
    started = time.monotonic()
    result = seams.call_function(record, config, event)
    throttled, failed = bool(result.get("throttle")), bool(result.get("error"))
    seams.emit_metrics(
        config["FunctionName"],
        time.monotonic() - started,
        failed=failed and not throttled,
        throttled=throttled,
    )
    body: Json = result.get("body")
    if throttled:
        reason = body.get("message") if isinstance(body, dict) else body
        raise StateFailed("Lambda.TooManyRequestsException", str(reason))
    if failed:
        name = body.get("errorType") if isinstance(body, dict) else None
        raise StateFailed(str(name or "Lambda.Unknown"), compact(body))
    return body, str(config.get("Version", "$LATEST"))


def _answer(payload: Json, version: str) -> Json:
    """Return what the optimised integration answers, HTTP headers and all.

    The headers count: they are most of a small answer's size in a history.
    """
    request_id = str(uuid.uuid4())
    headers: dict[str, str] = {
        "X-Amz-Executed-Version": version,
        "x-amzn-Remapped-Content-Length": "0",
        "Connection": "keep-alive",
        "x-amzn-RequestId": request_id,
        "Content-Length": str(payload_bytes(compact(payload))),
        "Date": formatdate(usegmt=True),
        "X-Amzn-Trace-Id": f"root=1-{uuid.uuid4().hex[:8]}-{uuid.uuid4().hex[:24]};"
        "parent=0000000000000000;sampled=0",
        "Content-Type": "application/json",
    }
    return {
        "ExecutedVersion": version,
        "Payload": payload,
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": dict(headers),
            "HttpStatusCode": 200,
        },
        "SdkResponseMetadata": {"RequestId": request_id},
        "StatusCode": 200,
    }
