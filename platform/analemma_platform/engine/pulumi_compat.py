"""Every private name of the Pulumi SDK that this engine leans on.

Pulumi promises its wire format, not the Python around it. All of that is
imported here and nowhere else, and ``test_pulumi_compat`` asserts each name and
shape, so that an upgrade that moves one fails there and not in a deployment.

The SDK keeps its state in context variables of one module-wide object:
``configure_run`` must be called inside the context that will run the program,
and sets all of them, or what a failed run left behind hangs the next one.
"""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Protocol

import grpc  # type: ignore[import-untyped] # grpcio ships none
import pulumi.runtime
from google.protobuf import empty_pb2  # type: ignore[import-untyped] # protobuf ships none
from pulumi.runtime import settings
from pulumi.runtime.proto import (
    alias_pb2,
    callback_pb2,
    callback_pb2_grpc,
    engine_pb2,
    engine_pb2_grpc,
    resource_pb2,
    resource_pb2_grpc,
)
from pulumi.runtime.stack import run_in_stack

__all__ = [
    "ENGINE_METHODS",
    "MONITOR_METHODS",
    "ORGANIZATION",
    "EngineCalls",
    "MonitorCalls",
    "alias_pb2",
    "callback_pb2",
    "configure_run",
    "empty_pb2",
    "engine_pb2",
    "invoke_callback",
    "refusal",
    "resource_pb2",
    "run_stack",
]

ORGANIZATION = "organization"
"""What a file backend calls the organization of every stack."""

_MAX_MESSAGE_BYTES = 400 * 1024 * 1024
"""What the SDK's own channels allow."""


def _methods(servicer: type) -> frozenset[str]:
    return frozenset(name for name in vars(servicer) if not name.startswith("_"))


MONITOR_METHODS = _methods(resource_pb2_grpc.ResourceMonitorServicer)
"""The calls a program may make on its resource monitor."""

ENGINE_METHODS = _methods(engine_pb2_grpc.EngineServicer)
"""The calls a program may make on its engine."""


class MonitorCalls(Protocol):
    """What the SDK calls on a resource monitor, from executor threads."""

    def RegisterResource(  # noqa: N802 - the name of Pulumi's RPC
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        """Register a resource; returns when it is as wanted."""
        ...

    def GetDeploymentInfo(  # noqa: N802 - the name of Pulumi's RPC
        self, request: empty_pb2.Empty
    ) -> resource_pb2.DeploymentInfo:
        """Say what this monitor can do."""
        ...


class EngineCalls(Protocol):
    """What the SDK calls on an engine."""

    def Log(  # noqa: N802 - the name of Pulumi's RPC
        self, request: engine_pb2.LogRequest
    ) -> empty_pb2.Empty:
        """Take one diagnostic of the program."""
        ...


def configure_run(
    *,
    project: str,
    stack: str,
    root: Path,
    monitor: MonitorCalls,
    engine: EngineCalls,
    parallel: int,
    preview: bool,
    config: Mapping[str, str],
    secret_keys: frozenset[str],
) -> None:
    """Point the SDK of the current context at ``monitor``, for one run."""
    settings.ROOT.set(None)
    run = settings.Settings(
        project=project,
        stack=stack,
        monitor=monitor,
        engine=engine,
        parallel=parallel,
        dry_run=preview,
        organization=ORGANIZATION,
        root_directory=str(root),
    )
    settings.configure(run)
    pulumi.runtime.set_all_config(dict(config), sorted(secret_keys))


async def run_stack(program: Callable[[], Awaitable[None] | None]) -> None:
    """Run ``program`` as the body of a stack, and wait for all it started."""
    await run_in_stack(program)


def refusal(error: BaseException) -> str | None:
    """Return what the program answered to a callback, None for other errors."""
    if isinstance(error, grpc.RpcError) and isinstance(error, grpc.Call):
        return str(error.details())
    return None


def invoke_callback(callback: callback_pb2.Callback, request: bytes) -> bytes:
    """Call back into the program; blocks until it answers.

    Raises:
        grpc.RpcError: the program's function raised.
    """
    options = [
        ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    ]
    with grpc.insecure_channel(callback.target, options=options) as channel:
        answer = callback_pb2_grpc.CallbacksStub(channel).Invoke(
            callback_pb2.CallbackInvokeRequest(token=callback.token, request=request)
        )
    return bytes(answer.response)
