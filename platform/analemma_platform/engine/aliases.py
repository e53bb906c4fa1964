"""Former names of a resource, own and inherited.

A child's URN holds its parent's types, so a renamed or retyped parent renames
every child below it. Pulumi lets the children inherit that: the alias under
which the parent was really found gives each child one more, and a child whose
name starts with its parent's follows the parent's former name.
"""

from collections.abc import Iterable, Iterator

from analemma_platform.engine.pulumi_compat import alias_pb2
from analemma_platform.engine.urns import Namespace, Urn, join, name_of


def former_urns(
    namespace: Namespace,
    urn: Urn,
    type_token: str,
    parent: str,
    aliases: Iterable[alias_pb2.Alias],
    parent_was: str | None,
) -> tuple[Urn, ...]:
    """Return the URNs ``urn`` may have had, most wanted first.

    ``parent_was`` is the former URN under which ``parent`` was found, if any.
    """
    parents = [parent] if parent_was is None else [parent, parent_was]
    found: list[Urn] = []
    for alias in aliases:
        if alias.HasField("urn"):
            found.append(Urn(alias.urn))
        else:
            found.extend(_specified(namespace, urn, type_token, parents, alias.spec))
    if parent_was is not None:
        name = _inherited_name(name_of(urn), parent, parent_was)
        found.append(namespace.urn(parent_was, type_token, name))
    return tuple(dict.fromkeys(one for one in found if one != urn))


def _specified(
    namespace: Namespace,
    urn: Urn,
    type_token: str,
    parents: list[str],
    spec: alias_pb2.Alias.Spec,
) -> Iterator[Urn]:
    match spec.WhichOneof("parent"):
        case "noParent" if spec.noParent:
            parents = [""]
        case "parentUrn":
            parents = [spec.parentUrn]
    for parent in parents:
        yield join(
            spec.stack or namespace.stack,
            spec.project or namespace.project,
            parent,
            spec.type or type_token,
            spec.name or name_of(urn),
        )


def _inherited_name(name: str, parent: str, parent_was: str) -> str:
    prefix = name_of(parent)
    if name.startswith(prefix):
        return name_of(parent_was) + name.removeprefix(prefix)
    return name
