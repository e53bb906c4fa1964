"""A cloud that is a dictionary, its provider, and a program's view of it.

``Box`` is a resource with a label (an update changes it), a colour (only a
replacement does) and a name, which two boxes cannot share.
"""

import itertools
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pulumi

from analemma_platform.engine.changes import changed_names
from analemma_platform.engine.engine import Engine, no_other_stacks
from analemma_platform.engine.failures import ProviderFailure, Unsupported
from analemma_platform.engine.monitor import StackOutputs
from analemma_platform.engine.plan import Op, Plan
from analemma_platform.engine.provider import Checked, Difference, Naming, Realised
from analemma_platform.engine.stack_files import StackFiles
from analemma_platform.engine.state_file import StateFile
from analemma_platform.engine.urns import Urn, name_of
from analemma_platform.engine.values import UNKNOWN, Properties, Value

KNOWN = frozenset(
    {"name", "label", "colour", "content", "labels", "password", "poison"}
)


class Shelf:
    """The cloud: boxes by id, and every call made on it."""

    def __init__(self) -> None:
        self.boxes: dict[str, Properties] = {}
        self.calls: list[tuple[str, str]] = []
        self.refused: set[str] = set()
        self.deleted_in: list[Value] = []
        self._ids = itertools.count(1)
        self._lock = threading.Lock()

    def put(self, box: Properties) -> str:
        with self._lock:
            if any(box["name"] == other["name"] for other in self.boxes.values()):
                raise ProviderFailure(f"a box is called {box['name']} already")
            box_id = f"box-{next(self._ids)}"
            self.boxes[box_id] = dict(box)
            return box_id

    def note(self, verb: str, urn: Urn) -> None:
        with self._lock:
            self.calls.append((verb, name_of(urn)))
        if name_of(urn) in self.refused:
            raise ProviderFailure(f"the shelf refuses {name_of(urn)}")

    def named(self, name: str) -> Properties:
        return next(box for box in self.boxes.values() if box["name"] == name)

    def names(self) -> list[str]:
        return sorted(str(box["name"]) for box in self.boxes.values())


class ShelfProvider:
    def __init__(self, shelf: Shelf, config: Properties) -> None:
        self.shelf = shelf
        self.config = config

    def check(
        self, urn: Urn, news: Properties, olds: Properties, naming: Naming
    ) -> Checked:
        unknown = sorted(news.keys() - KNOWN)
        failures = [f"a box has no {name}" for name in unknown]
        inputs = dict(news)
        if "name" not in inputs:
            fresh = naming.proposed or f"{name_of(urn)}-{naming.seed.hex()[:7]}"
            inputs["name"] = olds.get("name", fresh)
        return Checked(inputs, tuple(failures))

    def diff(self, urn: Urn, olds: Properties, news: Properties) -> Difference:
        changed = changed_names(olds, news)
        replaces = tuple(name for name in changed if name in ("name", "colour"))
        return Difference(
            changed, replaces, bool(replaces) and olds.get("name") == news.get("name")
        )

    def preview_create(self, urn: Urn, inputs: Properties) -> Properties:
        return {**inputs, "address": UNKNOWN}

    def create(self, urn: Urn, inputs: Properties) -> Realised:
        self.shelf.note("create", urn)
        box_id = self.shelf.put(inputs)
        return Realised(box_id, self._outputs(box_id))

    def find(self, urn: Urn, inputs: Properties) -> Realised | None:
        for box_id, box in self.shelf.boxes.items():
            if box["name"] == inputs["name"]:
                return Realised(box_id, self._outputs(box_id))
        return None

    def read(self, urn: Urn, resource_id: str, state: Properties) -> Properties | None:
        self.shelf.note("read", urn)
        return self._outputs(resource_id) if resource_id in self.shelf.boxes else None

    def preview_update(
        self, urn: Urn, outputs: Properties, olds: Properties, news: Properties
    ) -> Properties:
        return {**outputs, **news}

    def update(
        self, urn: Urn, resource_id: str, olds: Properties, news: Properties
    ) -> Properties:
        self.shelf.note("update", urn)
        self.shelf.boxes[resource_id] = dict(news)
        return self._outputs(resource_id)

    def delete(
        self, urn: Urn, resource_id: str, state: Properties, *, force: bool
    ) -> None:
        self.shelf.note("delete", urn)
        self.shelf.deleted_in.append(self.config.get("region"))
        self.shelf.boxes.pop(resource_id, None)

    def drifted(
        self, urn: Urn, inputs: Properties, before: Properties, now: Properties
    ) -> Properties:
        return {
            name: now.get(name, value) if name in changed_names(before, now) else value
            for name, value in inputs.items()
        }

    def invoke(self, token: str, args: Properties) -> Properties:
        if token != "shelf:index:count":
            raise Unsupported(f"the shelf has no function {token}")
        return {"boxes": len(self.shelf.boxes), "args": dict(args)}

    def _outputs(self, box_id: str) -> Properties:
        return {**self.shelf.boxes[box_id], "address": f"shelf/{box_id}"}


class Box(pulumi.CustomResource):
    label: pulumi.Output[str]
    address: pulumi.Output[str]
    name: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        kind: str = "shelf:index:Box",
        **props: object,
    ) -> None:
        absent: dict[str, object] = {"address": None, "name": None, "label": None}
        super().__init__(kind, resource_name, {**absent, **props}, opts)


class Crate(pulumi.ComponentResource):
    """A component with one box in it."""

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        kind: str = "shelf:index:Crate",
    ) -> None:
        super().__init__(kind, resource_name, None, opts)
        self.box = Box(
            f"{resource_name}-box",
            pulumi.ResourceOptions(parent=self),
            label="inside",
        )
        self.register_outputs({"address": self.box.address})


class Workshop:
    """One stack on one shelf, run with whatever program comes next."""

    def __init__(
        self,
        folder: Path,
        shelf: Shelf | None = None,
        config: dict[str, str] | None = None,
        secret_keys: frozenset[str] = frozenset(),
    ) -> None:
        self.shelf = shelf or Shelf()
        self.folder = folder
        self.config = config or {}
        self.secret_keys = secret_keys
        self.store = StateFile(folder / "state.json")
        self.said: list[tuple[str, str]] = []
        self.configured: list[tuple[str, Properties]] = []

    def engine(
        self,
        program: Callable[[], Awaitable[None] | None] | None = None,
        stack_outputs: StackOutputs | None = None,
    ) -> Engine:
        files = StackFiles(
            root=self.folder,
            project="shop",
            stack="dev",
            program=self.folder,
            config=self.config,
            secret_keys=self.secret_keys,
        )
        return Engine(
            files,
            self.store,
            self._provider,
            say=lambda severity, text: self.said.append((severity, text)),
            program=program,
            stack_outputs=stack_outputs or no_other_stacks,
        )

    def _provider(self, package: str, config: dict[str, Value]) -> ShelfProvider:
        self.configured.append((package, config))
        if package != "shelf":
            raise Unsupported(f"no package {package}")
        return ShelfProvider(self.shelf, config)


def ops(plan: Plan) -> dict[str, str]:
    """What happened to each resource, by its name; the last word counts."""
    return {step.name: step.op.value for step in plan.steps}


def changes_of(plan: Plan) -> dict[str, str]:
    return {name: op for name, op in ops(plan).items() if op != Op.SAME}
