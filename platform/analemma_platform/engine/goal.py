"""A goal: what the program wants one resource to be.

Read from the wire once, so that the engine behind it knows no protobuf. What
the engine would have to ignore is refused here, by name.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from analemma_platform.engine import property_paths
from analemma_platform.engine.assets import with_digests
from analemma_platform.engine.failures import Unsupported
from analemma_platform.engine.pulumi_compat import resource_pb2
from analemma_platform.engine.redaction import Redactor
from analemma_platform.engine.urns import Urn
from analemma_platform.engine.values import Properties, plain_properties, secret_names
from analemma_platform.engine.wire import from_struct


@dataclass(frozen=True, slots=True)
class Goal:
    """One resource as the program wants it. ``inputs`` hold no secret marks."""

    urn: Urn
    type: str
    custom: bool
    parent: str = ""
    provider: str = ""
    inputs: Properties = field(default_factory=dict)
    secret_inputs: frozenset[str] = frozenset()
    additional_secret_outputs: frozenset[str] = frozenset()
    dependencies: tuple[str, ...] = ()
    property_dependencies: dict[str, tuple[str, ...]] = field(default_factory=dict)
    deleted_with: str = ""
    protect: bool = False
    retain_on_delete: bool = False
    delete_before_replace: bool | None = None
    ignore_changes: tuple[property_paths.Path, ...] = ()
    replace_on_changes: tuple[property_paths.Path, ...] = ()
    aliases: tuple[Urn, ...] = ()


def read_goal(
    request: resource_pb2.RegisterResourceRequest,
    urn: Urn,
    aliases: tuple[Urn, ...],
    directory: Path,
    redactor: Redactor,
) -> Goal:
    """Return what ``request`` asks for.

    Asset paths are relative to ``directory``; ``redactor`` learns the secrets.

    Raises:
        Unsupported: an option this engine does not know.
    """
    _refuse_unknown_options(request, urn)
    wire = from_struct(request.object)
    secrets = secret_names(wire)
    for name in secrets:
        redactor.learn(wire[name])
    return Goal(
        urn=urn,
        type=request.type,
        custom=request.custom,
        parent=request.parent,
        provider=request.provider,
        inputs=with_digests(plain_properties(wire), directory),
        secret_inputs=secrets,
        additional_secret_outputs=frozenset(request.additionalSecretOutputs),
        dependencies=tuple(sorted(set(request.dependencies))),
        property_dependencies={
            name: tuple(sorted(listed.urns))
            for name, listed in request.propertyDependencies.items()
            if listed.urns
        },
        deleted_with=request.deletedWith,
        protect=request.protect,
        retain_on_delete=request.retainOnDelete,
        delete_before_replace=(
            request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None
        ),
        ignore_changes=_paths(urn, request.ignoreChanges),
        replace_on_changes=_paths(urn, request.replaceOnChanges),
        aliases=aliases,
    )


def _refuse_unknown_options(
    request: resource_pb2.RegisterResourceRequest, urn: Urn
) -> None:
    hooks = request.hooks
    asked = {
        "a remote component": request.remote,
        "import": bool(request.importId),
        "hooks": any(hooks.ListFields()) if request.HasField("hooks") else False,
        "replace_with": bool(request.replace_with),
        "replacement_trigger": request.HasField("replacement_trigger"),
        "state_migrations": bool(request.state_migrations),
        "env_var_mappings": bool(request.envVarMappings),
    }
    for option, is_asked in asked.items():
        if is_asked:
            raise Unsupported(f"{urn}: the embedded cloud does not know {option}")


def _paths(urn: Urn, texts: Iterable[str]) -> tuple[property_paths.Path, ...]:
    try:
        return tuple(property_paths.parse(text) for text in texts)
    except ValueError as error:
        raise Unsupported(f"{urn}: {error}") from error
