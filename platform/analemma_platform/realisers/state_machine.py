"""Step Functions state machines; the id is the ARN."""

from collections.abc import Mapping
from typing import ClassVar

from analemma_platform.engine.values import Properties
from analemma_platform.realisers import tagging
from analemma_platform.realisers.aws import Argument, Aws
from analemma_platform.realisers.block import Block
from analemma_platform.realisers.documents import as_text
from analemma_platform.realisers.realiser import (
    NameRule,
    Property,
    Realiser,
    Surroundings,
)

_GROUP = "cloudWatchLogsLogGroup"


class StateMachine(Realiser):
    """``aws:sfn/stateMachine:StateMachine``."""

    token = "aws:sfn/stateMachine:StateMachine"  # noqa: S105 - a type token
    name_rule = NameRule(80)
    properties: ClassVar[Mapping[str, Property]] = {
        "definition": Property(required=True),
        "loggingConfiguration": Property(
            fields={
                "includeExecutionData": Property(),
                "level": Property(),
                "logDestination": Property(),
            }
        ),
        "roleArn": Property(required=True),
        "type": Property(default="STANDARD", force_new=True),
    }
    volatile = ("revisionId",)
    computed = ("arn", "creationDate", "status", *volatile)
    taggable = True

    def create(self, around: Surroundings, inputs: Block) -> str:
        """Make the machine; Step Functions refuses a definition that is none."""
        tags = tagging.as_list(tagging.tags_of(inputs), "key", "value")
        made = around.aws.call(
            "stepfunctions",
            "create_state_machine",
            name=inputs.text("name"),
            type=inputs.text("type", "STANDARD"),
            tags=tags or None,
            **_content(inputs),
        )
        return made.text("stateMachineArn")

    def read(
        self, around: Surroundings, resource_id: str, state: Block
    ) -> Properties | None:
        """Return definition, role, logging and tags."""
        aws = around.aws
        found = aws.find(
            "stepfunctions", "describe_state_machine", stateMachineArn=resource_id
        )
        if found is None:
            return None
        tags = aws.call(
            "stepfunctions", "list_tags_for_resource", resourceArn=resource_id
        )
        logging = found.block("loggingConfiguration")
        asked = state.has("loggingConfiguration")
        return {
            "name": found.text("name"),
            "arn": resource_id,
            "creationDate": found.maybe_text("creationDate"),
            "definition": found.text("definition"),
            "loggingConfiguration": _logging(logging) if asked else None,
            "revisionId": found.maybe_text("revisionId"),
            "roleArn": found.text("roleArn"),
            "status": found.text("status", "ACTIVE"),
            "type": found.text("type", "STANDARD"),
            "tagsAll": tagging.from_list(tags.blocks("tags"), "key", "value"),
        }

    def update(
        self, around: Surroundings, resource_id: str, olds: Block, news: Block
    ) -> None:
        """Change the machine; executions that run keep the old definition."""
        aws = around.aws
        aws.call(
            "stepfunctions",
            "update_state_machine",
            stateMachineArn=resource_id,
            **_content(news),
        )
        listed = aws.call(
            "stepfunctions", "list_tags_for_resource", resourceArn=resource_id
        )
        now = {tag.text("key"): tag.text("value") for tag in listed.blocks("tags")}
        self._retag(aws, resource_id, now, tagging.tags_of(news))

    def delete(
        self, around: Surroundings, resource_id: str, state: Block, *, force: bool
    ) -> None:
        """Delete the machine; what still runs is ended by Step Functions."""
        around.aws.find(
            "stepfunctions", "delete_state_machine", stateMachineArn=resource_id
        )

    def id_of(self, around: Surroundings, inputs: Block) -> str:
        """Return the ARN that a machine of that name has."""
        account = around.aws.call("sts", "get_caller_identity").text("Account")
        region, name = around.aws.region, inputs.text("name")
        return f"arn:aws:states:{region}:{account}:stateMachine:{name}"

    def _retag(
        self, aws: Aws, arn: str, now: dict[str, str], tags: dict[str, str]
    ) -> None:
        if gone := tagging.removed(now, tags):
            aws.call("stepfunctions", "untag_resource", resourceArn=arn, tagKeys=gone)
        if tags and now != tags:
            new = tagging.as_list(tags, "key", "value")
            aws.call("stepfunctions", "tag_resource", resourceArn=arn, tags=new)


def _content(inputs: Block) -> dict[str, Argument]:
    logging = inputs.block("loggingConfiguration")
    return {
        "definition": as_text(inputs.value("definition")),
        "roleArn": inputs.text("roleArn"),
        "loggingConfiguration": None if logging is None else _destinations(logging),
    }


def _destinations(logging: Block) -> dict[str, Argument]:
    request: dict[str, Argument] = {
        "level": logging.text("level", "OFF"),
        "includeExecutionData": logging.flag("includeExecutionData"),
    }
    if (group := logging.maybe_text("logDestination")) is not None:
        request["destinations"] = [{_GROUP: {"logGroupArn": group}}]
    return request


def _logging(found: Block | None) -> Properties | None:
    if found is None:
        return None
    groups = [one.block(_GROUP) for one in found.blocks("destinations")]
    arns = [group.text("logGroupArn") for group in groups if group is not None]
    return {
        "includeExecutionData": found.flag("includeExecutionData"),
        "level": found.text("level", "OFF"),
        **({"logDestination": arns[0]} if arns else {}),
    }
