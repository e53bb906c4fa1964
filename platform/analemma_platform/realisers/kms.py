"""KMS keys and their names.

A key is never deleted at once: KMS disables it, and deletes it days later. Until
then it can be brought back, and here it counts as gone.
"""

from collections.abc import Mapping
from typing import ClassVar

from analemma_platform.engine.failures import ProviderFailure
from analemma_platform.engine.values import Properties
from analemma_platform.realisers import tagging
from analemma_platform.realisers.aws import Aws
from analemma_platform.realisers.block import Block
from analemma_platform.realisers.documents import as_text
from analemma_platform.realisers.realiser import (
    NameRule,
    Property,
    Realiser,
    Surroundings,
)

_DELETION_DAYS = 30
_DOOMED = ("PendingDeletion", "PendingReplicaDeletion")
_POLICY = "default"
"""The one name that a key's policy can have."""

_TAG = ("TagKey", "TagValue")


class Key(Realiser):
    """``aws:kms/key:Key``; its id is KMS's own. A key has no other name."""

    token = "aws:kms/key:Key"  # noqa: S105 - a type token
    properties: ClassVar[Mapping[str, Property]] = {
        "deletionWindowInDays": Property(default=_DELETION_DAYS),
        "description": Property(),
        "enableKeyRotation": Property(default=False),
        # KMS would give a key to the whole account; a program says so itself.
        "policy": Property(required=True),
    }
    computed = ("arn", "keyId")
    taggable = True

    def create(self, around: Surroundings, inputs: Block) -> str:
        """Make the key; one that cannot be set up wholly is given up again."""
        aws = around.aws
        tags = tagging.as_list(tagging.tags_of(inputs), *_TAG)
        made = aws.call(
            "kms",
            "create_key",
            Description=inputs.text("description", ""),
            Policy=as_text(inputs.value("policy")),
            Tags=tags or None,
        )
        key_id = _metadata(made).text("KeyId")
        try:
            self._set_rotation(aws, key_id, inputs)
        except ProviderFailure:
            # It has no name by which anybody would find it later.
            self.delete(around, key_id, inputs, force=True)
            raise
        return key_id

    def read(
        self, around: Surroundings, resource_id: str, state: Block
    ) -> Properties | None:
        """Return the key's settings, None once its deletion is asked for."""
        aws = around.aws
        found = aws.find("kms", "describe_key", KeyId=resource_id)
        if found is None:
            return None
        key = _metadata(found)
        if key.text("KeyState") in _DOOMED:
            return None
        rotation = aws.call("kms", "get_key_rotation_status", KeyId=resource_id)
        policy = aws.call(
            "kms", "get_key_policy", KeyId=resource_id, PolicyName=_POLICY
        )
        tags = aws.call("kms", "list_resource_tags", KeyId=resource_id)
        return {
            "arn": key.text("Arn"),
            "keyId": resource_id,
            "description": key.maybe_text("Description") or None,
            "enableKeyRotation": rotation.flag("KeyRotationEnabled"),
            "policy": policy.text("Policy"),
            "tagsAll": tagging.from_list(tags.blocks("Tags"), *_TAG),
        }

    def update(
        self, around: Surroundings, resource_id: str, olds: Block, news: Block
    ) -> None:
        """Change policy, description, rotation and tags."""
        aws = around.aws
        aws.call(
            "kms",
            "put_key_policy",
            KeyId=resource_id,
            PolicyName=_POLICY,
            Policy=as_text(news.value("policy")),
        )
        aws.call(
            "kms",
            "update_key_description",
            KeyId=resource_id,
            Description=news.text("description", ""),
        )
        self._set_rotation(aws, resource_id, news)
        self._retag(aws, resource_id, tagging.tags_of(news))

    def delete(
        self, around: Surroundings, resource_id: str, state: Block, *, force: bool
    ) -> None:
        """Ask for the key's deletion, at the end of its window."""
        if self.read(around, resource_id, state) is None:
            return
        around.aws.find(
            "kms",
            "schedule_key_deletion",
            KeyId=resource_id,
            PendingWindowInDays=state.number("deletionWindowInDays", _DELETION_DAYS),
        )

    def id_of(self, around: Surroundings, inputs: Block) -> str | None:
        """Return None: nothing a program says finds a key."""
        return None

    def _set_rotation(self, aws: Aws, key_id: str, inputs: Block) -> None:
        rotates = inputs.flag("enableKeyRotation")
        switch = "enable_key_rotation" if rotates else "disable_key_rotation"
        aws.call("kms", switch, KeyId=key_id)

    def _retag(self, aws: Aws, key_id: str, tags: dict[str, str]) -> None:
        listed = aws.call("kms", "list_resource_tags", KeyId=key_id)
        now = tagging.from_list(listed.blocks("Tags"), *_TAG)
        if gone := sorted(now.keys() - tags.keys()):
            aws.call("kms", "untag_resource", KeyId=key_id, TagKeys=gone)
        if tags and now != tags:
            new = tagging.as_list(tags, *_TAG)
            aws.call("kms", "tag_resource", KeyId=key_id, Tags=new)


class Alias(Realiser):
    """``aws:kms/alias:Alias``; its id is its name, which begins with ``alias/``."""

    token = "aws:kms/alias:Alias"  # noqa: S105 - a type token
    name_rule = NameRule(256)
    properties: ClassVar[Mapping[str, Property]] = {
        "targetKeyId": Property(required=True)
    }
    computed = ("arn", "targetKeyArn")
    volatile = ("targetKeyArn",)

    def create(self, around: Surroundings, inputs: Block) -> str:
        """Give a key the name."""
        name = inputs.text("name")
        self._name(around.aws, "create_alias", name, inputs)
        return name

    def read(
        self, around: Surroundings, resource_id: str, state: Block
    ) -> Properties | None:
        """Return which key the name stands for."""
        aws = around.aws
        found = aws.find("kms", "describe_key", KeyId=resource_id)
        if found is None:
            return None
        key = _metadata(found)
        arn, key_id = key.text("Arn"), key.text("KeyId")
        return {
            "name": resource_id,
            "arn": arn.removesuffix(f"key/{key_id}") + resource_id,
            "targetKeyArn": arn,
            # A program may have said it by the ARN.
            "targetKeyId": arn if state.maybe_text("targetKeyId") == arn else key_id,
        }

    def update(
        self, around: Surroundings, resource_id: str, olds: Block, news: Block
    ) -> None:
        """Give the name to another key."""
        self._name(around.aws, "update_alias", resource_id, news)

    def delete(
        self, around: Surroundings, resource_id: str, state: Block, *, force: bool
    ) -> None:
        """Take the name off its key."""
        around.aws.find("kms", "delete_alias", AliasName=resource_id)

    def id_of(self, around: Surroundings, inputs: Block) -> str:
        """Return the name."""
        return inputs.text("name")

    def _name(self, aws: Aws, operation: str, name: str, inputs: Block) -> None:
        target = inputs.text("targetKeyId")
        aws.call("kms", operation, AliasName=name, TargetKeyId=target)


def _metadata(found: Block) -> Block:
    return found.block("KeyMetadata") or Block({})
