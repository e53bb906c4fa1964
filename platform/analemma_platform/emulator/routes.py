"""Our own endpoints beside AWS's, on the same port, all of them JSON.

    GET  /_analemma/health    {"instance": "…", "pid": 1}
    GET  /_analemma/workers   {"workers": [{"function": …, "pid": …, …}]}

``instance`` is new at each start: the emulated AWS keeps everything in memory,
so another instance means that what was deployed is gone.
"""

import json
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from pydantic import JsonValue

from analemma_platform.emulator.lambda_pool import LambdaPool, WorkerState
from analemma_platform.emulator.seams import Foreign

PREFIX = "/_analemma/"

Scope: TypeAlias = Mapping[str, Foreign]
Receive: TypeAlias = Callable[[], Awaitable[Foreign]]
Send: TypeAlias = Callable[[Foreign], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
"""An ASGI application."""


class Routes:
    """An ASGI application that answers our paths and hands on the others."""

    def __init__(self, inner: Application, pool: LambdaPool, instance: str) -> None:
        self._inner = inner
        self._pool = pool
        self._instance = instance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event, as ASGI calls it."""
        if scope["type"] != "http" or not str(scope["path"]).startswith(PREFIX):
            await self._inner(scope, receive, send)
            return
        answer = self._answer(str(scope["method"]), str(scope["path"]))
        status = 404 if answer is None else 200
        body = json.dumps({"error": "no such path"} if answer is None else answer)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body.encode())).encode()),
        ]
        await send(
            {"type": "http.response.start", "status": status, "headers": headers}
        )
        await send({"type": "http.response.body", "body": body.encode()})

    def _answer(self, method: str, path: str) -> dict[str, JsonValue] | None:
        if method != "GET":
            return None
        match path.removeprefix(PREFIX):
            case "health":
                return {"instance": self._instance, "pid": os.getpid()}
            case "workers":
                return {"workers": [_shown(state) for state in self._pool.workers()]}
            case _:
                return None


def _shown(state: WorkerState) -> JsonValue:
    return {
        "function": state.function,
        "version": state.version,
        "pid": state.pid,
        "busy": state.busy,
        "request_id": state.request_id,
        "since": state.since.isoformat(),
    }
