"""Secrets Manager secrets, without their values: those are put by a person.

A deleted secret keeps its name for its recovery window, unless that is 0.
"""

from collections.abc import Mapping
from typing import ClassVar

from analemma_platform.engine.values import Properties
from analemma_platform.realisers import tagging
from analemma_platform.realisers.block import Block
from analemma_platform.realisers.realiser import (
    NameRule,
    Property,
    Realiser,
    Surroundings,
)

_RECOVERY_DAYS = 30


class Secret(Realiser):
    """``aws:secretsmanager/secret:Secret``; its id is its ARN."""

    token = "aws:secretsmanager/secret:Secret"  # noqa: S105 - a type token
    name_rule = NameRule(512)
    properties: ClassVar[Mapping[str, Property]] = {
        "description": Property(),
        "kmsKeyId": Property(),
        "recoveryWindowInDays": Property(default=_RECOVERY_DAYS),
    }
    computed = ("arn",)
    taggable = True

    def create(self, around: Surroundings, inputs: Block) -> str:
        """Make the secret, with no value yet."""
        tags = tagging.as_list(tagging.tags_of(inputs))
        made = around.aws.call(
            "secretsmanager",
            "create_secret",
            Name=inputs.text("name"),
            Description=inputs.text("description", ""),
            KmsKeyId=inputs.maybe_text("kmsKeyId"),
            Tags=tags or None,
        )
        return made.text("ARN")

    def read(
        self, around: Surroundings, resource_id: str, state: Block
    ) -> Properties | None:
        """Return what is said of the secret; its value is never read."""
        found = around.aws.find(
            "secretsmanager", "describe_secret", SecretId=resource_id
        )
        if found is None or found.has("DeletedDate"):
            return None
        return {
            "name": found.text("Name"),
            "arn": found.text("ARN"),
            "description": found.maybe_text("Description") or None,
            "kmsKeyId": found.maybe_text("KmsKeyId"),
            "tagsAll": tagging.from_list(found.blocks("Tags")),
        }

    def update(
        self, around: Surroundings, resource_id: str, olds: Block, news: Block
    ) -> None:
        """Change description, key and tags."""
        aws = around.aws
        aws.call(
            "secretsmanager",
            "update_secret",
            SecretId=resource_id,
            Description=news.text("description", ""),
            KmsKeyId=news.maybe_text("kmsKeyId"),
        )
        found = aws.call("secretsmanager", "describe_secret", SecretId=resource_id)
        now = {tag.text("Key"): tag.text("Value") for tag in found.blocks("Tags")}
        tags = tagging.tags_of(news)
        if gone := tagging.removed(now, tags):
            aws.call(
                "secretsmanager",
                "untag_resource",
                SecretId=resource_id,
                TagKeys=gone,
            )
        if tags and now != tags:
            new = tagging.as_list(tags)
            aws.call("secretsmanager", "tag_resource", SecretId=resource_id, Tags=new)

    def delete(
        self, around: Surroundings, resource_id: str, state: Block, *, force: bool
    ) -> None:
        """Delete the secret, for good if it has no recovery window."""
        if self.read(around, resource_id, state) is None and not force:
            return
        days = state.number("recoveryWindowInDays", _RECOVERY_DAYS)
        for_good = force or days == 0
        around.aws.find(
            "secretsmanager",
            "delete_secret",
            SecretId=resource_id,
            ForceDeleteWithoutRecovery=True if for_good else None,
            RecoveryWindowInDays=None if for_good else days,
        )

    def id_of(self, around: Surroundings, inputs: Block) -> str:
        """Return the secret's ARN, or its name while there is none."""
        name = inputs.text("name")
        found = around.aws.find("secretsmanager", "describe_secret", SecretId=name)
        return name if found is None else found.text("ARN")
