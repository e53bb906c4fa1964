"""Make one resource what the program wants: the step it takes, and taking it.

    no such resource            create
    inputs as they were         same
    inputs changed              update
    a change no update can do   replace: the new one first, unless both would
                                have one name; then the old one goes first,
                                and so does what cannot live without it

The order of the questions is Pulumi's (its step generator), and so are the
answers; ``docs/adr/0004`` lists where this engine knows less.
"""

import dataclasses

from analemma.errors import AnalemmaError
from analemma_platform.engine import property_paths
from analemma_platform.engine.autonaming import Autonaming
from analemma_platform.engine.changes import changed_names, describe
from analemma_platform.engine.deletions import Deleter, refuse_protected
from analemma_platform.engine.dependency_order import needs
from analemma_platform.engine.failures import ProviderFailure
from analemma_platform.engine.goal import Goal
from analemma_platform.engine.ledger import Ledger
from analemma_platform.engine.plan import Op, Step
from analemma_platform.engine.provider import Difference, Provider
from analemma_platform.engine.provider_registry import ProviderRegistry
from analemma_platform.engine.redaction import Redactor
from analemma_platform.engine.state import ResourceState
from analemma_platform.engine.step_log import StepLog
from analemma_platform.engine.urns import is_provider, name_of, type_of
from analemma_platform.engine.values import UNKNOWN, Properties


class Stepper:
    """Takes the steps of one deployment. Called from several threads at once."""

    def __init__(
        self,
        ledger: Ledger,
        providers: ProviderRegistry,
        deleter: Deleter,
        autonaming: Autonaming,
        log: StepLog,
        redactor: Redactor,
        *,
        preview: bool,
    ) -> None:
        self._ledger = ledger
        self._providers = providers
        self._deleter = deleter
        self._autonaming = autonaming
        self._log = log
        self._redactor = redactor
        self._preview = preview

    def register(self, goal: Goal) -> ResourceState:
        """Make the resource as ``goal`` wants it and return what it is now.

        Raises:
            DeploymentFailed: the URN is taken.
            ProviderFailure: the inputs do not hold, or the cloud refused.
            Protected: it would have to be replaced, and is protected.
            Unsupported: no provider here knows the type or a property.
        """
        claim = self._ledger.claim(goal.urn, goal.aliases)
        old = claim.old
        if is_provider(goal.type):
            return self._configure(goal, old)
        if not goal.custom:
            return self._component(goal, old)
        reference = self._providers.reference(goal.provider, goal.type)
        provider = self._providers.of(reference)
        goal = dataclasses.replace(goal, provider=reference)
        if old is None or old.external:
            inputs = self._checked(goal, provider, {})
            op = Op.REPLACE if claim.was_deleted else Op.CREATE
            return self._create(goal, provider, inputs, op, old)
        inputs = self._checked(goal, provider, old.inputs)
        difference = self._difference(goal, provider, old, inputs)
        if difference.replaces:
            return self._replace(goal, provider, old, difference)
        if difference.changed:
            return self._update(goal, provider, old, inputs, difference)
        return self._same(goal, old, inputs)

    # Components and providers have no provider of their own.

    def _component(self, goal: Goal, old: ResourceState | None) -> ResourceState:
        made = self._state(goal, goal.inputs, "", {} if old is None else old.outputs)
        self._ledger.finish(made, old)
        self._log.note(_step(Op.CREATE if old is None else Op.SAME, goal))
        return made

    def _configure(self, goal: Goal, old: ResourceState | None) -> ResourceState:
        changed = () if old is None else changed_names(old.inputs, goal.inputs)
        op = Op.CREATE if old is None else Op.UPDATE if changed else Op.SAME
        resource_id = self._autonaming.naming(goal.urn).seed.hex()[:16]
        if old is not None:
            resource_id = old.id
        made = self._state(goal, goal.inputs, resource_id, goal.inputs)
        self._ledger.finish(made, old)
        self._providers.configure(goal.urn, goal.inputs)
        self._log.note(_step(op, goal, changed))
        return made

    # What has to be decided.

    def _checked(self, goal: Goal, provider: Provider, olds: Properties) -> Properties:
        inputs = _ignoring(goal, olds, goal.inputs)
        checked = provider.check(
            goal.urn, inputs, olds, self._autonaming.naming(goal.urn)
        )
        if checked.failures:
            raise ProviderFailure(f"{goal.urn}: {'; '.join(checked.failures)}")
        return _ignoring(goal, olds, checked.inputs)

    def _difference(
        self, goal: Goal, provider: Provider, old: ResourceState, inputs: Properties
    ) -> Difference:
        difference = provider.diff(goal.urn, old.inputs, inputs)
        replaces = {
            *difference.replaces,
            *self._providers.moved(old.provider, goal.provider),
            *(
                str(path[0])
                for path in goal.replace_on_changes
                if path and property_paths.differs_at(path, old.inputs, inputs)
            ),
        }
        return dataclasses.replace(difference, replaces=tuple(sorted(replaces)))

    # The steps themselves.

    def _create(
        self,
        goal: Goal,
        provider: Provider,
        inputs: Properties,
        op: Op,
        only_read: ResourceState | None,
    ) -> ResourceState:
        with self._log.running(_step(op, goal)):
            made = self._realise(goal, provider, inputs)
            self._ledger.finish(made, only_read)
        return made

    def _realise(
        self, goal: Goal, provider: Provider, inputs: Properties
    ) -> ResourceState:
        if self._preview:
            outputs = provider.preview_create(goal.urn, inputs)
            return self._state(goal, inputs, "", outputs)
        self._ledger.starting(self._state(goal, inputs, "", {}))
        try:
            realised = provider.create(goal.urn, inputs)
        except AnalemmaError:
            # It answered, so nothing is in doubt: a refusal made nothing.
            self._ledger.not_made(goal.urn)
            raise
        return self._state(goal, inputs, realised.id, realised.outputs)

    def _update(
        self,
        goal: Goal,
        provider: Provider,
        old: ResourceState,
        inputs: Properties,
        difference: Difference,
    ) -> ResourceState:
        step = self._changing(Op.UPDATE, goal, old, inputs, difference)
        with self._log.running(step):
            if self._preview:
                outputs = provider.preview_update(
                    goal.urn, old.outputs, old.inputs, inputs
                )
            else:
                outputs = provider.update(goal.urn, old.id, old.inputs, inputs)
            made = self._state(goal, inputs, old.id, outputs)
            self._ledger.finish(made, old)
        return made

    def _replace(
        self,
        goal: Goal,
        provider: Provider,
        old: ResourceState,
        difference: Difference,
    ) -> ResourceState:
        refuse_protected([old])
        inputs = self._checked_anew(goal, provider, old)
        same_name = provider.diff(goal.urn, old.inputs, inputs).delete_before_replace
        delete_first = (
            same_name
            if goal.delete_before_replace is None
            else goal.delete_before_replace
        )
        step = self._changing(Op.REPLACE, goal, old, inputs, difference)
        with self._log.running(step):
            if delete_first:
                self._deleter.delete_early(self._doomed_with(old))
                made = self._realise(goal, provider, inputs)
                self._ledger.finish(made)
            else:
                made = self._realise(goal, provider, inputs)
                self._ledger.replaced(made, old)
        return made

    def _checked_anew(
        self, goal: Goal, provider: Provider, old: ResourceState
    ) -> Properties:
        """Check without the old inputs, so that a replacement has its own name."""
        inputs = _ignoring(goal, old.inputs, goal.inputs)
        naming = self._autonaming.naming(goal.urn, attempt=old.id)
        checked = provider.check(goal.urn, inputs, {}, naming)
        if checked.failures:
            raise ProviderFailure(f"{goal.urn}: {'; '.join(checked.failures)}")
        return checked.inputs

    def _same(
        self, goal: Goal, old: ResourceState, inputs: Properties
    ) -> ResourceState:
        made = self._state(goal, inputs, old.id, old.outputs)
        self._ledger.finish(made, old)
        self._log.note(_step(Op.SAME, goal))
        return made

    def _doomed_with(self, old: ResourceState) -> list[ResourceState]:
        """Return ``old`` and what must be replaced when it is gone for a while.

        That is a dependent whose provider would replace it if the properties
        it takes from a doomed resource changed, as Pulumi asks it.
        """
        doomed = {old.key: old}
        found = True
        while found:
            urns: set[str] = {resource.urn for resource in doomed.values()}
            found = False
            for resource in self._ledger.unclaimed():
                if resource.key in doomed or not needs(resource) & urns:
                    continue
                if self._falls_with(resource, urns):
                    doomed[resource.key] = resource
                    found = True
        return list(doomed.values())

    def _falls_with(self, resource: ResourceState, urns: set[str]) -> bool:
        taken = [
            name
            for name, needed in resource.property_dependencies.items()
            if urns.intersection(needed)
        ]
        if not resource.custom or not taken or is_provider(resource.type):
            return False
        news: Properties = {**resource.inputs, **dict.fromkeys(taken, UNKNOWN)}
        provider = self._providers.of(resource.provider)
        return bool(provider.diff(resource.urn, resource.inputs, news).replaces)

    def _changing(
        self,
        op: Op,
        goal: Goal,
        old: ResourceState,
        inputs: Properties,
        difference: Difference,
    ) -> Step:
        names = tuple(sorted({*difference.changed, *difference.replaces}))
        hidden = (
            goal.secret_inputs
            | old.secret_inputs
            | self._redactor.names_with_secrets(inputs)
        )
        return dataclasses.replace(
            _step(op, goal, names),
            changes=describe(old.inputs, inputs, names, hidden),
        )

    def _state(
        self, goal: Goal, inputs: Properties, resource_id: str, outputs: Properties
    ) -> ResourceState:
        secrets = (
            goal.secret_inputs
            | goal.additional_secret_outputs
            | self._redactor.names_with_secrets(outputs)
        )
        for name in goal.additional_secret_outputs & outputs.keys():
            self._redactor.learn(outputs[name])
        return ResourceState(
            urn=goal.urn,
            type=goal.type,
            custom=goal.custom,
            id=resource_id,
            parent=goal.parent,
            provider=goal.provider,
            inputs=inputs,
            outputs=outputs,
            secret_inputs=goal.secret_inputs,
            secret_outputs=secrets & outputs.keys(),
            dependencies=goal.dependencies,
            property_dependencies=goal.property_dependencies,
            deleted_with=goal.deleted_with,
            protect=goal.protect,
            retain_on_delete=goal.retain_on_delete,
        )


def _step(op: Op, goal: Goal, changed: tuple[str, ...] = ()) -> Step:
    return Step(op, goal.urn, type_of(goal.urn), name_of(goal.urn), changed)


def _ignoring(goal: Goal, olds: Properties, news: Properties) -> Properties:
    if not olds:
        return news
    for path in goal.ignore_changes:
        news = property_paths.keep_old(path, olds, news)
    return news
