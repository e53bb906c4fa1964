"""Delete resources, dependents first, and nothing when one is protected."""

from collections.abc import Iterable

from analemma_platform.engine.dependency_order import dependents_first
from analemma_platform.engine.failures import Protected
from analemma_platform.engine.ledger import Ledger
from analemma_platform.engine.plan import Op, Step
from analemma_platform.engine.provider_registry import DEFAULT_NAME, ProviderRegistry
from analemma_platform.engine.state import ResourceState
from analemma_platform.engine.step_log import StepLog
from analemma_platform.engine.urns import is_provider, name_of


class Deleter:
    """Deletes for one deployment. A preview only says what would go."""

    __slots__ = ("_ledger", "_log", "_preview", "_providers")

    def __init__(
        self,
        ledger: Ledger,
        providers: ProviderRegistry,
        log: StepLog,
        *,
        preview: bool,
    ) -> None:
        self._ledger = ledger
        self._providers = providers
        self._log = log
        self._preview = preview

    def delete(
        self, resources: Iterable[ResourceState], *, force: bool = False
    ) -> None:
        """Delete ``resources`` in the order their dependencies allow.

        ``force`` also deletes what is protected or to be retained.

        Raises:
            Protected: one of them is protected; nothing was deleted.
            ProviderFailure: one would not go; those before it are gone.
        """
        ordered = dependents_first(resources)
        if not force:
            refuse_protected(ordered)
        going = frozenset(resource.urn for resource in ordered)
        for resource in ordered:
            step = Step(Op.DELETE, resource.urn, resource.type, name_of(resource.urn))
            if is_default_provider(resource):
                self._drop(resource)
                continue
            with self._log.running(step):
                self._remove(resource, going, force=force)
                self._drop(resource)

    def delete_early(self, resources: Iterable[ResourceState]) -> None:
        """Delete ``resources`` before something they need is replaced.

        Their steps are told when the program asks for them again.
        """
        ordered = dependents_first(resources)
        refuse_protected(ordered)
        going = frozenset(resource.urn for resource in ordered)
        for resource in ordered:
            self._remove(resource, going, force=False)
            self._ledger.deleted(resource, early=True)

    def clear_unsure(self) -> None:
        """Delete what a killed deployment was making, if it came to be.

        Nobody saw it made, so nothing uses it: it is made anew, not repaired.
        """
        if self._preview:
            return
        for resource in self._ledger.unsure():
            provider = self._providers.of(resource.provider)
            found = provider.find(resource.urn, resource.inputs)
            if found is not None:
                provider.delete(resource.urn, found.id, found.outputs, force=True)
            self._ledger.not_made(resource.urn)

    def _drop(self, resource: ResourceState) -> None:
        self._ledger.deleted(resource)

    def _remove(
        self, resource: ResourceState, going: frozenset[str], *, force: bool
    ) -> None:
        lives_elsewhere = (
            not resource.custom or resource.external or is_provider(resource.type)
        )
        kept = resource.retain_on_delete and not force
        goes_with_another = resource.deleted_with in going
        if self._preview or lives_elsewhere or kept or goes_with_another:
            return
        self._providers.of_former(resource.provider).delete(
            resource.urn, resource.id, resource.outputs, force=force
        )


def refuse_protected(resources: Iterable[ResourceState]) -> None:
    """Raise ``Protected`` if one of ``resources`` must not be deleted."""
    protected = sorted(
        resource.urn
        for resource in resources
        if resource.protect and not resource.external
    )
    if protected:
        rest = len(protected) - 1
        raise Protected(
            f"{protected[0]} is protected{f', and {rest} more are' if rest else ''}; "
            "nothing was deleted: take protect off in the program and run up, or "
            "pass --unprotect to destroy"
        )


def is_default_provider(resource: ResourceState) -> bool:
    """Tell whether ``resource`` is a provider no program wrote."""
    return is_provider(resource.type) and resource.id == DEFAULT_NAME
