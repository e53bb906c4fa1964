"""What a stack is made of: its resources as they were last seen.

Secrets stand here in the clear, marked by name: the file is the owner's alone
(mode 0600) and what it describes lives on the same machine.
"""

from dataclasses import dataclass, field

from analemma_platform.engine.urns import Urn
from analemma_platform.engine.values import Properties


@dataclass(frozen=True, slots=True)
class ResourceState:
    """One resource.

    ``external`` ones were only read and are never deleted. ``pending_delete``
    ones were replaced and still have to go, ``pending_create`` ones were being
    made when the deployment was killed, and may or may not exist. ``provider`` is
    ``urn::id`` of the provider that made it, "" for components and providers.
    """

    urn: Urn
    type: str
    custom: bool
    id: str = ""
    parent: str = ""
    provider: str = ""
    inputs: Properties = field(default_factory=dict)
    outputs: Properties = field(default_factory=dict)
    secret_inputs: frozenset[str] = frozenset()
    secret_outputs: frozenset[str] = frozenset()
    dependencies: tuple[str, ...] = ()
    property_dependencies: dict[str, tuple[str, ...]] = field(default_factory=dict)
    deleted_with: str = ""
    protect: bool = False
    retain_on_delete: bool = False
    external: bool = False
    pending_delete: bool = False
    pending_create: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from its own replacement: URN and id."""
        return (self.urn, self.id)


@dataclass(frozen=True, slots=True)
class StackState:
    """All resources of a stack, and its outputs.

    ``instance`` names the emulated cloud that holds them: another instance
    holds none of them.
    """

    project: str
    stack: str
    instance: str = ""
    resources: tuple[ResourceState, ...] = ()
    outputs: Properties = field(default_factory=dict)
    secret_outputs: frozenset[str] = frozenset()
