"""CloudWatch log groups."""

from collections.abc import Mapping
from typing import ClassVar

from analemma_platform.engine.values import Properties
from analemma_platform.realisers import tagging
from analemma_platform.realisers.aws import Aws
from analemma_platform.realisers.block import Block
from analemma_platform.realisers.realiser import (
    NameRule,
    Property,
    Realiser,
    Surroundings,
)

_FOR_EVER = 0
_ANY_STREAM = ":*"


class LogGroup(Realiser):
    """``aws:cloudwatch/logGroup:LogGroup``; its id is its name."""

    token = "aws:cloudwatch/logGroup:LogGroup"  # noqa: S105 - a type token
    name_rule = NameRule(512)
    properties: ClassVar[Mapping[str, Property]] = {
        "retentionInDays": Property(default=_FOR_EVER),
    }
    computed = ("arn",)
    taggable = True

    def create(self, around: Surroundings, inputs: Block) -> str:
        """Make the group and set how long it keeps what it gets."""
        name = inputs.text("name")
        around.aws.call(
            "logs",
            "create_log_group",
            logGroupName=name,
            tags=tagging.tags_of(inputs) or None,
        )
        self._retain(around.aws, name, inputs)
        return name

    def read(
        self, around: Surroundings, resource_id: str, state: Block
    ) -> Properties | None:
        """Return retention and tags of the group."""
        group = _find(around.aws, resource_id)
        if group is None:
            return None
        arn = group.text("arn").removesuffix(_ANY_STREAM)
        tags = around.aws.call("logs", "list_tags_for_resource", resourceArn=arn)
        return {
            "name": resource_id,
            "arn": arn,
            "retentionInDays": group.number("retentionInDays", _FOR_EVER),
            "tagsAll": {**tags.text_map("tags")},
        }

    def update(
        self, around: Surroundings, resource_id: str, olds: Block, news: Block
    ) -> None:
        """Change retention and tags."""
        aws = around.aws
        self._retain(aws, resource_id, news)
        group = _find(aws, resource_id)
        arn = "" if group is None else group.text("arn").removesuffix(_ANY_STREAM)
        now = aws.call("logs", "list_tags_for_resource", resourceArn=arn)
        tags = tagging.tags_of(news)
        if gone := tagging.removed(now.text_map("tags"), tags):
            aws.call("logs", "untag_resource", resourceArn=arn, tagKeys=gone)
        if tags:
            aws.call("logs", "tag_resource", resourceArn=arn, tags=tags)

    def delete(
        self, around: Surroundings, resource_id: str, state: Block, *, force: bool
    ) -> None:
        """Delete the group and what was logged in it."""
        around.aws.find("logs", "delete_log_group", logGroupName=resource_id)

    def id_of(self, around: Surroundings, inputs: Block) -> str:
        """Return the group's name."""
        return inputs.text("name")

    def _retain(self, aws: Aws, name: str, inputs: Block) -> None:
        days = inputs.number("retentionInDays", _FOR_EVER)
        if days == _FOR_EVER:
            aws.find("logs", "delete_retention_policy", logGroupName=name)
        else:
            aws.call(
                "logs", "put_retention_policy", logGroupName=name, retentionInDays=days
            )


def _find(aws: Aws, name: str) -> Block | None:
    """Return the group called ``name``: the search is by prefix."""
    token: str | None = None
    while True:
        page = aws.call(
            "logs", "describe_log_groups", logGroupNamePrefix=name, nextToken=token
        )
        for group in page.blocks("logGroups"):
            if group.text("logGroupName") == name:
                return group
        token = page.maybe_text("nextToken")
        if token is None:
            return None
