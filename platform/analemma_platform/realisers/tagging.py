"""Tags: a provider's defaults and a resource's own, and what AWS says of both.

``tagsAll`` is what a resource really carries. It is kept among the inputs, so
that a changed default tag is a change of every resource, as in pulumi-aws.
"""

from collections.abc import Iterable, Mapping

from analemma_platform.engine.values import Properties
from analemma_platform.realisers.block import Block

TAGS = "tags"
TAGS_ALL = "tagsAll"


def with_all_tags(inputs: Properties, defaults: Mapping[str, str]) -> Properties:
    """Return ``inputs`` with ``tagsAll``; unknown tags stay unknown."""
    own = inputs.get(TAGS)
    if own is not None and not isinstance(own, dict):
        return {**inputs, TAGS_ALL: own}
    return {**inputs, TAGS_ALL: {**defaults, **(own or {})}}


def tags_of(inputs: Block) -> dict[str, str]:
    """Return the tags a resource must carry."""
    return inputs.text_map(TAGS_ALL)


def as_list(
    tags: Mapping[str, str], key: str = "Key", value: str = "Value"
) -> list[dict[str, str]]:
    """Return ``tags`` as most of AWS wants them."""
    return [{key: name, value: text} for name, text in sorted(tags.items())]


def from_list(
    tags: Iterable[Block], key: str = "Key", value: str = "Value"
) -> Properties:
    """Return a list of tags as a map."""
    return {tag.text(key): tag.text(value, "") for tag in tags}


def removed(olds: Mapping[str, str], news: Mapping[str, str]) -> list[str]:
    """Return the keys that have to go."""
    return sorted(olds.keys() - news.keys())


def own_tags(
    all_tags: Properties, defaults: Mapping[str, str], declared: Properties
) -> Properties:
    """Return what of ``all_tags`` is not merely a default."""
    return {
        key: text
        for key, text in all_tags.items()
        if key in declared or defaults.get(key) != text
    }
