"""Run a Pulumi program against mocks and look at what it declared.

Pulumi keeps its runtime state in context variables and does not reset all of
it: what a failed run leaves behind makes the next one spin for ever. So each
run gets a copied context, a loop of its own, and an explicit reset.

The mocks create nothing. They answer with the outputs AWS would compute (ids,
ARNs), because a missing output becomes ``None`` without an error.
"""

import asyncio
import contextlib
import contextvars
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pulumi
import yaml
from pulumi.runtime import settings as runtime
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.proto.resource_pb2 import RegisterResourceRequest
from pulumi.runtime.stack import Stack, run_pulumi_func

Properties = dict[str, object]

ACCOUNT = "123456789012"
REGION = "eu-west-1"

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_INVOKES: dict[str, Properties] = {
    "aws:index/getCallerIdentity:getCallerIdentity": {
        "accountId": ACCOUNT,
        "arn": f"arn:aws:iam::{ACCOUNT}:user/tester",
        "id": ACCOUNT,
        "userId": "tester",
    },
    "aws:index/getRegion:getRegion": {
        "region": REGION,
        "name": REGION,
        "id": REGION,
        "description": "",
        "endpoint": "",
    },
    "aws:index/getPartition:getPartition": {
        "partition": "aws",
        "id": "aws",
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    },
}


@dataclass(frozen=True, slots=True)
class Declared:
    """One resource as the program declared it; ``inputs`` in wire names."""

    type: str
    name: str
    inputs: Properties


@dataclass(frozen=True, slots=True)
class Deployment:
    """What one run of a program declared and exported."""

    resources: list[Declared] = field(default_factory=list)
    outputs: Properties = field(default_factory=dict)
    protected: set[str] = field(default_factory=set)

    def of_type(self, type_: str) -> list[Declared]:
        """Return the resources of a type, by name."""
        found = [one for one in self.resources if one.type == type_]
        return sorted(found, key=lambda one: one.name)

    def only(self, type_: str) -> Declared:
        """Return the one resource of a type."""
        (one,) = self.of_type(type_)
        return one

    def named(self, name: str) -> Declared:
        """Return the one resource whose logical name is ``name``."""
        (one,) = (one for one in self.resources if one.name == name)
        return one


def deploy(
    program: Callable[[], None],
    *,
    stack: str,
    config: Mapping[str, str],
    root: Path,
    secrets: tuple[str, ...] = (),
    preview: bool = False,
) -> Deployment:
    """Run ``program`` as the stack ``stack`` of the project at ``root``."""
    deployment = Deployment()

    def run() -> Deployment:
        with _fresh_loop() as loop:
            _reset()
            mocks = _Recorder(deployment)
            pulumi.runtime.set_mocks(
                mocks,
                monitor=_Monitor(mocks, deployment.protected),
                project="analemma",
                stack=stack,
                preview=preview,
                organization="organization",
            )
            runtime.SETTINGS.root_directory = str(root)
            pulumi.runtime.set_all_config(dict(config), list(secrets))
            try:
                loop.run_until_complete(_run(program, deployment))
            finally:
                runtime.ROOT.set(None)
        return deployment

    return contextvars.copy_context().run(run)


def stack_config(root: Path, stack: str) -> dict[str, str]:
    """Return the config of ``Pulumi.<stack>.yaml`` as the CLI hands it over."""
    document = yaml.safe_load((root / f"Pulumi.{stack}.yaml").read_text())
    return {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in document["config"].items()
    }


async def _run(program: Callable[[], None], deployment: Deployment) -> None:
    root = runtime.get_root_resource()
    assert isinstance(root, Stack)
    # Waits for every resource and for every output.
    await run_pulumi_func(program)
    for key, value in root.outputs.items():
        deployment.outputs[key] = await pulumi.Output.from_input(value).future()


class _Recorder(pulumi.runtime.Mocks):
    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._lock = threading.Lock()

    def new_resource(
        self, args: pulumi.runtime.MockResourceArgs
    ) -> tuple[str | None, dict[str, object]]:
        inputs = {key: _plain(value) for key, value in args.inputs.items()}
        with self._lock:
            self._deployment.resources.append(Declared(args.typ, args.name, inputs))
        if not args.custom:
            return None, inputs
        name = _physical_name(args.name, inputs)
        computed = {"arn": _arn(args.typ, name), "name": name, "keyId": name}
        return name, {**inputs, **computed}

    def call(
        self, args: pulumi.runtime.MockCallArgs
    ) -> tuple[Properties, list[tuple[str, str]]]:
        return dict(_INVOKES[args.token]), []


class _Monitor(MockMonitor):
    """Also notes which resources are protected, which mocks are not told."""

    def __init__(self, mocks: pulumi.runtime.Mocks, protected: set[str]) -> None:
        super().__init__(mocks)
        self._protected = protected

    def RegisterResource(  # noqa: N802 - the name of the RPC
        self, request: RegisterResourceRequest
    ) -> object:
        if request.protect:
            self._protected.add(request.name)
        # Pulumi's own mocks carry no annotations.
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]


def _physical_name(logical: str, inputs: Properties) -> str:
    for key in ("name", "bucket"):
        if isinstance(found := inputs.get(key), str):
            return found
    return logical


def _arn(type_: str, name: str) -> str:
    place = f"{REGION}:{ACCOUNT}"
    patterns = {
        "aws:s3/bucket:Bucket": f"arn:aws:s3:::{name}",
        "aws:dynamodb/table:Table": f"arn:aws:dynamodb:{place}:table/{name}",
        "aws:iam/policy:Policy": f"arn:aws:iam::{ACCOUNT}:policy/{name}",
        "aws:iam/role:Role": f"arn:aws:iam::{ACCOUNT}:role/{name}",
        "aws:kms/key:Key": f"arn:aws:kms:{place}:key/{name}",
        "aws:lambda/function:Function": f"arn:aws:lambda:{place}:function:{name}",
        "aws:sfn/stateMachine:StateMachine": (
            f"arn:aws:states:{place}:stateMachine:{name}"
        ),
        "aws:cloudwatch/logGroup:LogGroup": f"arn:aws:logs:{place}:log-group:{name}",
    }
    return patterns.get(type_, f"arn:aws:other:{place}:{name}")


def _plain(value: object) -> object:
    """Unwrap secrets, and make whole numbers integers again."""
    if isinstance(value, dict):
        if _SIGNATURE in value and "value" in value:
            return _plain(value["value"])
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


@contextlib.contextmanager
def _fresh_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    # What a failed run leaves pending would be reported at shutdown.
    loop.set_exception_handler(lambda _loop, _context: None)
    lent: list[asyncio.AbstractEventLoop] = []
    loop.set_default_executor(
        ThreadPoolExecutor(max_workers=4, initializer=_lend_loop, initargs=(lent,))
    )
    try:
        yield loop
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(loop.shutdown_default_executor())
        asyncio.set_event_loop(None)
        for one in (loop, *lent):
            one.close()


def _lend_loop(lent: list[asyncio.AbstractEventLoop]) -> None:
    """Give a worker thread a loop; the mock monitor would open one and leave it."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    lent.append(loop)


def _reset() -> None:
    runtime.ROOT.set(None)
    runtime.SETTINGS.outputs = set()
    runtime.SETTINGS.lock = threading.Lock()
    runtime.SETTINGS.package_refs = {}
    runtime.SETTINGS.base_providers_by_ref = {}
