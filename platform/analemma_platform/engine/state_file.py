"""A stack's state as one JSON file, replaced whole or not at all.

    {"format": 1, "project": "analemma", "stack": "dev", "instance": "…",
     "resources": [{"urn": "…", "type": "…", …}], "outputs": {…}}

Written after every step, so that a killed deployment has lost at most the step
it was in.
"""

import json
import os
from dataclasses import asdict
from pathlib import Path

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from analemma.errors import Corrupt, HomeTooNew
from analemma_platform.engine.state import ResourceState, StackState
from analemma_platform.engine.urns import Urn
from analemma_platform.engine.values import Properties

FORMAT = 1
_OWNER_ONLY = 0o600


class StateFile:
    """Reads and writes the state of one stack at ``path``."""

    __slots__ = ("path",)

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> StackState | None:
        """Return the state, None when there is no file.

        Raises:
            HomeTooNew: a newer Analemma wrote it.
            Corrupt: it is not what was written.
        """
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            document = json.loads(text)
        except ValueError as error:
            raise self._corrupt(str(error)) from error
        number = document.get("format") if isinstance(document, dict) else None
        if isinstance(number, int) and number > FORMAT:
            raise HomeTooNew(
                f"{self.path} has format {number}, this Analemma reads {FORMAT}: "
                "upgrade Analemma"
            )
        try:
            return _Document.model_validate(document).state()
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise self._corrupt(f"{where}: {first['msg']}") from error

    def write(self, state: StackState) -> None:
        """Replace the file by ``state``; durable when it returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        scratch = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        scratch.unlink(missing_ok=True)
        handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(_document(state), file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(self.path)

    def delete(self) -> None:
        """Remove the file; that there is none is success."""
        self.path.unlink(missing_ok=True)

    def _corrupt(self, why: str) -> Corrupt:
        return Corrupt(
            f"{self.path} is no stack state ({why}): restore it, or delete it to "
            "start anew"
        )


def _document(state: StackState) -> dict[str, object]:
    document = asdict(state)
    document["format"] = FORMAT
    document["secret_outputs"] = sorted(state.secret_outputs)
    for resource in document["resources"]:
        resource["secret_inputs"] = sorted(resource["secret_inputs"])
        resource["secret_outputs"] = sorted(resource["secret_outputs"])
    return document


# pydantic cannot resolve the recursive alias ``Value``; this is the same JSON.
_Properties = dict[str, JsonValue]


class _Resource(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    urn: str
    type: str
    custom: bool
    id: str
    parent: str
    provider: str
    inputs: _Properties
    outputs: _Properties
    secret_inputs: frozenset[str]
    secret_outputs: frozenset[str]
    dependencies: tuple[str, ...]
    property_dependencies: dict[str, tuple[str, ...]]
    deleted_with: str
    protect: bool
    retain_on_delete: bool
    external: bool
    pending_delete: bool
    pending_create: bool

    def state(self) -> ResourceState:
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return ResourceState(**{**fields, "urn": Urn(self.urn)})


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int
    project: str
    stack: str
    instance: str
    resources: tuple[_Resource, ...]
    outputs: _Properties
    secret_outputs: frozenset[str]

    def state(self) -> StackState:
        outputs: Properties = {**self.outputs}
        return StackState(
            project=self.project,
            stack=self.stack,
            instance=self.instance,
            resources=tuple(resource.state() for resource in self.resources),
            outputs=outputs,
            secret_outputs=self.secret_outputs,
        )
