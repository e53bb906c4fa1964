"""In which order resources may go: dependents first.

A resource depends on what it names, on its parent, on its provider and on what
it is deleted with. The state's own order is no help: it is the order in which
parallel operations happened to finish.
"""

from collections.abc import Iterable

from analemma_platform.engine.state import ResourceState


def needs(resource: ResourceState) -> frozenset[str]:
    """Return the URNs that must outlive ``resource``."""
    provider = resource.provider.rpartition("::")[0]
    found = {*resource.dependencies, resource.parent, provider, resource.deleted_with}
    for urns in resource.property_dependencies.values():
        found.update(urns)
    return frozenset(found - {"", resource.urn})


def dependents_first(resources: Iterable[ResourceState]) -> tuple[ResourceState, ...]:
    """Return ``resources`` so that each stands before everything it needs.

    Among equals the later one comes first. A cycle (which no program can write,
    but a damaged state may) is broken where it is entered.
    """
    listed = tuple(resources)
    by_urn: dict[str, list[ResourceState]] = {}
    for resource in listed:
        by_urn.setdefault(resource.urn, []).append(resource)
    ordered: dict[tuple[str, str], ResourceState] = {}
    entered: set[tuple[str, str]] = set()

    for root in listed:
        stack = [(root, False)]
        while stack:
            resource, needs_are_done = stack.pop()
            if needs_are_done:
                ordered.setdefault(resource.key, resource)
            elif resource.key not in entered:
                entered.add(resource.key)
                stack.append((resource, True))
                stack.extend(
                    (needed, False)
                    for urn in sorted(needs(resource))
                    for needed in by_urn.get(urn, ())
                )
    return tuple(reversed(ordered.values()))


def transitive_dependents(
    urn: str, resources: Iterable[ResourceState]
) -> tuple[ResourceState, ...]:
    """Return what cannot be without ``urn``, nearest first."""
    listed = tuple(resources)
    found: dict[tuple[str, str], ResourceState] = {}
    wanted = [urn]
    while wanted:
        needed = wanted.pop(0)
        for resource in listed:
            if needed in needs(resource) and resource.key not in found:
                found[resource.key] = resource
                wanted.append(resource.urn)
    return tuple(found.values())
