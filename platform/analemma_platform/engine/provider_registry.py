"""The configured providers of one deployment.

A provider is itself a resource. The default one of a package is made from the
stack's configuration (``aws:region``) when the first resource needs it, and is
kept in the state like the others, so that a changed region is noticed.
"""

import dataclasses
import threading

from analemma_platform.engine.ledger import Ledger
from analemma_platform.engine.provider import Provider, ProviderFactory
from analemma_platform.engine.state import ResourceState
from analemma_platform.engine.urns import (
    PROVIDER_PREFIX,
    Namespace,
    Urn,
    package_of,
    type_of,
)
from analemma_platform.engine.values import Properties

DEFAULT_NAME = "default"

_PLACE = ("region",)
"""The settings that say where a provider's resources live: to change one is to
replace them all (Pulumi's DiffConfig of the aws provider)."""


class ProviderRegistry:
    """Finds the provider of a resource. Safe to share among threads."""

    def __init__(
        self,
        namespace: Namespace,
        ledger: Ledger,
        factory: ProviderFactory,
        config: dict[str, str],
    ) -> None:
        self._namespace = namespace
        self._ledger = ledger
        self._factory = factory
        self._config = config
        self._lock = threading.RLock()
        self._made: dict[str, Provider] = {}
        self._former: dict[str, Provider] = {}
        self._defaults: set[str] = set()

    def reference(self, asked: str, type_token: str) -> str:
        """Return ``urn::id`` of the provider that ``asked`` names ("": default).

        A default provider is made when it is first asked for.
        """
        if asked:
            return asked
        with self._lock:
            urn = self._default_urn(package_of(type_token))
            if urn not in self._defaults:
                self._make_default(urn, package_of(type_token))
                self._defaults.add(urn)
            return f"{urn}::{DEFAULT_NAME}"

    def of(self, reference: str) -> Provider:
        """Return the provider that ``reference`` names.

        Raises:
            Unsupported: no provider of that package exists here.
        """
        urn = reference.rpartition("::")[0]
        with self._lock:
            if urn not in self._made:
                state = self._ledger.get(urn)
                inputs = {} if state is None else state.inputs
                self.configure(Urn(urn), inputs)
            return self._made[urn]

    def of_former(self, reference: str) -> Provider:
        """Return the provider as the last deployment had it.

        A resource that is replaced because its region changed has to be deleted
        where it was, not where it will be.
        """
        if not self.moved(reference, reference):
            return self.of(reference)
        urn = reference.rpartition("::")[0]
        with self._lock:
            old = self._ledger.old(urn)
            if urn not in self._former and old is not None:
                package = package_of(old.type)
                self._former[urn] = self._factory(package, old.inputs)
            return self._former[urn]

    def configure(self, urn: Urn, inputs: Properties) -> None:
        """Make the provider ``urn`` anew from ``inputs``."""
        with self._lock:
            self._made[urn] = self._factory(package_of(type_of(urn)), inputs)

    def moved(self, before: str, after: str) -> tuple[str, ...]:
        """Return the settings by which two providers work in different places."""
        old = self._ledger.old(before.rpartition("::")[0])
        new = self._ledger.get(after.rpartition("::")[0])
        if old is None or new is None:
            return ()
        return tuple(
            name for name in _PLACE if old.inputs.get(name) != new.inputs.get(name)
        )

    def _default_urn(self, package: str) -> Urn:
        return self._namespace.urn("", f"{PROVIDER_PREFIX}{package}", DEFAULT_NAME)

    def _make_default(self, urn: Urn, package: str) -> None:
        prefix = f"{package}:"
        inputs: Properties = {
            key.removeprefix(prefix): text
            for key, text in self._config.items()
            if key.startswith(prefix)
        }
        self.configure(urn, inputs)
        old = self._ledger.claim(urn).old
        made = ResourceState(
            urn=urn,
            type=f"{PROVIDER_PREFIX}{package}",
            custom=True,
            id=DEFAULT_NAME,
            inputs=inputs,
            outputs=inputs,
        )
        if old is not None:
            made = dataclasses.replace(made, protect=old.protect)
        self._ledger.finish(made, old)
