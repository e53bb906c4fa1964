"""The port to whatever really makes resources.

Its verbs are those of Pulumi's provider protocol, over plain values: secrets
are already unwrapped, assets carry their ``hash``, and only ``check``, ``diff``
and the two previews ever see an unknown. Calls come from several threads.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from analemma_platform.engine.urns import Urn
from analemma_platform.engine.values import Properties, Value


@dataclass(frozen=True, slots=True)
class Naming:
    """What an unnamed resource may be called.

    ``proposed`` comes from the stack's ``pulumi:autonaming``; None leaves the
    name to the provider, which ends it with digits of ``seed``. ``disabled``
    demands that the program names it.
    """

    seed: bytes
    proposed: str | None = None
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """Inputs with defaults and a name, and what is wrong with them."""

    inputs: Properties
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """Which inputs changed, and whether an update can follow them."""

    changed: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    delete_before_replace: bool = False


@dataclass(frozen=True, slots=True)
class Realised:
    """A resource that exists: its id (never empty) and all its outputs."""

    id: str
    outputs: Properties


class Provider(Protocol):
    """Makes, reads, changes and deletes resources of one package.

    Every method raises ``ProviderFailure`` when the cloud refuses, and
    ``Unsupported`` for a type or property it does not know.
    """

    def check(
        self, urn: Urn, news: Properties, olds: Properties, naming: Naming
    ) -> Checked:
        """Validate ``news``; keep the name that ``olds`` already has."""
        ...

    def diff(self, urn: Urn, olds: Properties, news: Properties) -> Difference:
        """Compare checked inputs. An unknown counts as changed."""
        ...

    def preview_create(self, urn: Urn, inputs: Properties) -> Properties:
        """Return the outputs a create would give, unknown where only it can tell."""
        ...

    def create(self, urn: Urn, inputs: Properties) -> Realised:
        """Make the resource."""
        ...

    def find(self, urn: Urn, inputs: Properties) -> Realised | None:
        """Return the resource that ``inputs`` name, None if there is none.

        Asked after a create whose end nobody saw.
        """
        ...

    def read(self, urn: Urn, resource_id: str, state: Properties) -> Properties | None:
        """Return the outputs as they are now, None when it is gone.

        ``state`` (the last known outputs) fills in what no call can tell.
        """
        ...

    def preview_update(
        self, urn: Urn, outputs: Properties, olds: Properties, news: Properties
    ) -> Properties:
        """Return the outputs an update would give."""
        ...

    def update(
        self, urn: Urn, resource_id: str, olds: Properties, news: Properties
    ) -> Properties:
        """Change the resource to the checked inputs ``news``; return its outputs."""
        ...

    def delete(
        self, urn: Urn, resource_id: str, state: Properties, *, force: bool
    ) -> None:
        """Delete the resource; that it is gone already is success.

        ``force`` lifts the resource's own protection against deletion first.
        """
        ...

    def drifted(
        self,
        urn: Urn,
        inputs: Properties,
        before: Properties,
        now: Properties,
    ) -> Properties:
        """Return ``inputs`` as the outputs ``now`` imply, so that a diff repairs."""
        ...

    def invoke(self, token: str, args: Properties) -> Properties:
        """Call a function of the package."""
        ...


ProviderFactory = Callable[[str, dict[str, Value]], Provider]
"""Makes the provider of a package from its configuration.

Raises ``Unsupported`` for a package it does not know.
"""
