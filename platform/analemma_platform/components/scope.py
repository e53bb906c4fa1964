"""Where a stack's resources stand: its name, its account, its region.

Physical names are fixed, ``analemma-<stack>-<noun>``: people and log searches
meet them, and the state machine must know its own ARN before it exists.
"""

import re
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from analemma_platform.tags import Layer, tags_of

_STACK = re.compile(r"[a-z][a-z0-9-]{0,29}")
"""A bucket's name is the strictest: lower case, 63 characters in all."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One stack in one account and region."""

    stack: str
    tier: str
    account: pulumi.Output[str]
    region: pulumi.Output[str]
    partition: pulumi.Output[str]

    @classmethod
    def current(cls, tier: str) -> "Scope":
        """Return the scope of the stack that is being deployed.

        Raises:
            RunError: the stack's name cannot be part of a bucket's name.
        """
        stack = pulumi.get_stack()
        if not _STACK.fullmatch(stack):
            raise pulumi.RunError(
                f"stack {stack!r}: its name becomes part of a bucket's name, so it "
                "is lower case letters, digits and hyphens, at most 30"
            )
        return cls(
            stack,
            tier,
            aws.get_caller_identity_output().account_id,
            aws.get_region_output().region,
            aws.get_partition_output().partition,
        )

    def name(self, noun: str) -> str:
        """Return the physical name of the stack's ``noun``."""
        return f"analemma-{self.stack}-{noun}"

    def tags(self, layer: Layer) -> dict[str, str]:
        """Return the tags of a resource of ``layer``."""
        return tags_of(self.stack, self.tier, layer)

    def machine_arn(self, name: str) -> pulumi.Output[str]:
        """Return the ARN that a state machine called ``name`` will have."""
        return pulumi.Output.format(
            "arn:{0}:states:{1}:{2}:stateMachine:{3}",
            self.partition,
            self.region,
            self.account,
            name,
        )
