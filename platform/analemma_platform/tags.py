"""Tags: who owns a resource, found again from its bill or its console page.

Given to each resource by its component. The provider's ``default_tags`` would
need an explicit provider, and an explicit provider ignores the ``aws:`` settings
of the stack file (profile, endpoints): a trap worth four lines.
"""

from typing import Literal

Layer = Literal["hardware", "kernel-space", "user-space"]


def tags_of(stack: str, tier: str, layer: Layer) -> dict[str, str]:
    """Return the tags of every resource of ``layer`` in ``stack``."""
    return {
        "analemma:stack": stack,
        "analemma:tier": tier,
        "analemma:layer": layer,
    }
