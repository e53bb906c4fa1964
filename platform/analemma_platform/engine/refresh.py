"""Correct a state by what is really there.

What is gone leaves the state, so that the next ``up`` makes it anew. What was
changed by hand takes its new outputs, and its inputs follow them: the next
``up`` then sees the difference from the program, and repairs it.
"""

import dataclasses
from collections.abc import Callable

from analemma_platform.engine.changes import changed_names, describe
from analemma_platform.engine.plan import Op, Step
from analemma_platform.engine.provider_registry import ProviderRegistry
from analemma_platform.engine.state import ResourceState, StackState
from analemma_platform.engine.step_log import StepLog
from analemma_platform.engine.urns import is_provider, name_of


def refresh(
    state: StackState,
    providers: ProviderRegistry,
    log: StepLog,
    save: Callable[[StackState], None],
) -> StackState:
    """Return ``state`` corrected; ``save`` gets it after every correction.

    Raises:
        ProviderFailure: a resource could not be read.
    """
    for resource in state.resources:
        if not resource.custom or is_provider(resource.type):
            continue
        now = _read(resource, providers, log)
        if now == resource:
            continue
        resources = tuple(
            now if listed is resource else listed for listed in state.resources
        )
        state = dataclasses.replace(
            state, resources=tuple(one for one in resources if one is not None)
        )
        save(state)
    return state


def _read(
    resource: ResourceState, providers: ProviderRegistry, log: StepLog
) -> ResourceState | None:
    provider = providers.of(resource.provider)
    outputs = provider.read(resource.urn, resource.id, resource.outputs)
    name = name_of(resource.urn)
    if outputs is None:
        log.note(Step(Op.DELETE, resource.urn, resource.type, name))
        return None
    changed = changed_names(resource.outputs, outputs)
    if not changed:
        log.note(Step(Op.SAME, resource.urn, resource.type, name))
        return resource
    hidden = resource.secret_outputs | resource.secret_inputs
    changes = describe(resource.outputs, outputs, changed, hidden)
    log.note(Step(Op.REFRESH, resource.urn, resource.type, name, changed, changes))
    inputs = provider.drifted(resource.urn, resource.inputs, resource.outputs, outputs)
    return dataclasses.replace(resource, inputs=inputs, outputs=outputs)
