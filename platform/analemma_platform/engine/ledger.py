"""Who is who during one deployment: old resources, new ones, those to delete.

Every change is written at once. At any moment the snapshot holds what is done,
what was not reached yet and what was replaced but still stands, so a deployment
killed between two steps continues with the next.
"""

import dataclasses
import threading
from collections.abc import Callable, Iterable

from analemma_platform.engine.failures import DeploymentFailed
from analemma_platform.engine.state import ResourceState, StackState
from analemma_platform.engine.urns import Urn
from analemma_platform.engine.values import Properties

Save = Callable[[StackState], None]


def save_nothing(state: StackState) -> None:
    """Keep no state: what a preview does."""


@dataclasses.dataclass(frozen=True, slots=True)
class Claim:
    """What was known of a resource before the program asked for it.

    ``was_deleted`` tells that it had to go before something else was replaced.
    """

    old: ResourceState | None
    was_deleted: bool = False


class Ledger:
    """The resources of one running deployment. Safe to share among threads."""

    def __init__(self, state: StackState, save: Save) -> None:
        self._state = state
        self._save = save
        self._lock = threading.RLock()
        self._claimed: set[str] = set()
        self._found_as: dict[str, str] = {}
        self._deleted_early: dict[str, ResourceState] = {}
        self._done: dict[str, ResourceState] = {}
        self._remaining: dict[tuple[str, str], ResourceState] = {
            resource.key: resource
            for resource in state.resources
            if not resource.pending_create
        }
        self._unsure: dict[str, ResourceState] = {
            resource.urn: resource
            for resource in state.resources
            if resource.pending_create
        }

    def claim(self, urn: Urn, aliases: Iterable[Urn] = ()) -> Claim:
        """Reserve ``urn`` for this deployment; return what it was before.

        Raises:
            DeploymentFailed: the program used the URN before, now or as an alias.
        """
        with self._lock:
            if urn in self._claimed:
                raise DeploymentFailed(
                    f"duplicate resource {urn}: two resources of one type and "
                    "parent need two names"
                )
            self._claimed.add(urn)
            for name in (urn, *aliases):
                old = self._current(name)
                if old is None or (name != urn and name in self._claimed):
                    continue
                self._claimed.add(name)
                if name != urn:
                    self._found_as[urn] = name
                return Claim(old)
            return Claim(None, was_deleted=urn in self._deleted_early)

    def found_as(self, urn: str) -> str | None:
        """Return the former URN under which ``urn`` was found, if it was."""
        with self._lock:
            return self._found_as.get(urn)

    def starting(self, resource: ResourceState) -> None:
        """Record that ``resource`` is about to be made."""
        with self._lock:
            self._unsure[resource.urn] = dataclasses.replace(
                resource, pending_create=True
            )
            self._write()

    def not_made(self, urn: str) -> None:
        """Record that ``urn`` does not exist after all."""
        with self._lock:
            if self._unsure.pop(urn, None) is not None:
                self._write()

    def unsure(self) -> tuple[ResourceState, ...]:
        """Return what a killed deployment was making."""
        with self._lock:
            return tuple(self._unsure.values())

    def finish(self, resource: ResourceState, old: ResourceState | None = None) -> None:
        """Record that ``resource`` is as wanted, in the place of ``old``."""
        with self._lock:
            self._done[resource.urn] = resource
            self._unsure.pop(resource.urn, None)
            if old is not None:
                self._remaining.pop(old.key, None)
            self._write()

    def replaced(self, resource: ResourceState, old: ResourceState) -> None:
        """Record ``resource``; ``old`` still exists and has to be deleted."""
        with self._lock:
            self._remaining.pop(old.key, None)
            doomed = dataclasses.replace(old, pending_delete=True)
            self._remaining[doomed.key] = doomed
            self._unsure.pop(resource.urn, None)
            self._done[resource.urn] = resource
            self._write()

    def deleted(self, resource: ResourceState, *, early: bool = False) -> None:
        """Record that ``resource`` is gone; ``early`` before a replacement."""
        with self._lock:
            self._remaining.pop(resource.key, None)
            if early:
                self._deleted_early[resource.urn] = resource
            self._write()

    def give_outputs(
        self, urn: str, outputs: Properties, secrets: frozenset[str]
    ) -> None:
        """Record the outputs of a component."""
        with self._lock:
            resource = self._done.get(urn)
            if resource is None:
                return
            self._done[urn] = dataclasses.replace(
                resource, outputs=outputs, secret_outputs=secrets
            )
            self._write()

    def give_stack_outputs(self, outputs: Properties, secrets: frozenset[str]) -> None:
        """Record the outputs of the stack itself."""
        with self._lock:
            self._state = dataclasses.replace(
                self._state, outputs=outputs, secret_outputs=secrets
            )
            self._write()

    def get(self, urn: str) -> ResourceState | None:
        """Return the finished resource ``urn``, or else the old one."""
        with self._lock:
            return self._done.get(urn) or self._current(urn)

    def old(self, urn: str) -> ResourceState | None:
        """Return the resource as the last deployment left it."""
        with self._lock:
            listed = self._state.resources
            return next(
                (r for r in listed if r.urn == urn and not r.pending_create), None
            )

    def unclaimed(self) -> tuple[ResourceState, ...]:
        """Return the old resources that no claim has found so far."""
        with self._lock:
            return tuple(
                resource
                for resource in self._remaining.values()
                if resource.urn not in self._claimed and not resource.pending_delete
            )

    def leftovers(self) -> tuple[ResourceState, ...]:
        """Return what has to be deleted once the program has run to its end."""
        with self._lock:
            return tuple(self._remaining.values())

    def deleted_early_and_unclaimed(self) -> tuple[ResourceState, ...]:
        """Return what went before a replacement and was not asked for again."""
        with self._lock:
            return tuple(
                resource
                for urn, resource in self._deleted_early.items()
                if urn not in self._claimed
            )

    def snapshot(self) -> StackState:
        """Return the stack as it is at this moment."""
        with self._lock:
            resources = (
                *self._done.values(),
                *self._remaining.values(),
                *self._unsure.values(),
            )
            return dataclasses.replace(self._state, resources=resources)

    def _current(self, urn: str) -> ResourceState | None:
        for resource in self._remaining.values():
            if resource.urn == urn and not resource.pending_delete:
                return resource
        return None

    def _write(self) -> None:
        self._save(self.snapshot())
