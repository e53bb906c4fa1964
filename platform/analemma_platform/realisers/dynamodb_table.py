"""DynamoDB tables. A table is one only once it is ACTIVE."""

from collections.abc import Mapping
from typing import ClassVar

from analemma_platform.engine.failures import ProviderFailure
from analemma_platform.engine.values import Properties, Value
from analemma_platform.realisers import tagging
from analemma_platform.realisers.aws import Argument, Aws
from analemma_platform.realisers.block import Block
from analemma_platform.realisers.realiser import (
    NameRule,
    Property,
    Realiser,
    Surroundings,
)

_ON_DEMAND = "PAY_PER_REQUEST"
_SEALED = ("ENABLED", "ENABLING", "UPDATING")


class Table(Realiser):
    """``aws:dynamodb/table:Table``; its id is its name."""

    token = "aws:dynamodb/table:Table"  # noqa: S105 - a type token
    name_rule = NameRule(255, prefix_property=None)
    properties: ClassVar[Mapping[str, Property]] = {
        "attributes": Property(
            required=True,
            # A table without indexes has no attributes but its keys.
            force_new=True,
            fields={"name": Property(required=True), "type": Property(required=True)},
        ),
        "billingMode": Property(default=_ON_DEMAND),
        "deletionProtectionEnabled": Property(default=False),
        "hashKey": Property(required=True, force_new=True),
        "rangeKey": Property(force_new=True),
        "pointInTimeRecovery": Property(
            fields={
                "enabled": Property(required=True),
                "recoveryPeriodInDays": Property(),
            }
        ),
        "serverSideEncryption": Property(
            fields={"enabled": Property(required=True), "kmsKeyArn": Property()}
        ),
        "ttl": Property(fields={"attributeName": Property(), "enabled": Property()}),
    }
    computed = ("arn",)
    taggable = True

    def create(self, around: Surroundings, inputs: Block) -> str:
        """Make the table, wait for it, then set what only exists on a table."""
        aws, name = around.aws, inputs.text("name")
        if inputs.text("billingMode") != _ON_DEMAND:
            raise ProviderFailure(
                f"table {name}: billingMode must be {_ON_DEMAND}; the embedded cloud "
                "has no capacity to provision"
            )
        tags = tagging.as_list(tagging.tags_of(inputs))
        aws.call(
            "dynamodb",
            "create_table",
            TableName=name,
            KeySchema=_keys(inputs),
            AttributeDefinitions=[
                {"AttributeName": one.text("name"), "AttributeType": one.text("type")}
                for one in inputs.blocks("attributes")
            ],
            BillingMode=_ON_DEMAND,
            DeletionProtectionEnabled=inputs.flag("deletionProtectionEnabled"),
            SSESpecification=_encryption(inputs),
            Tags=tags or None,
        )
        aws.wait("dynamodb", "table_exists", TableName=name)
        if (recovery := inputs.block("pointInTimeRecovery")) is not None:
            _set_recovery(aws, name, recovery)
        if (ttl := inputs.block("ttl")) is not None and ttl.flag("enabled"):
            _set_ttl(aws, name, ttl)
        return name

    def read(
        self, around: Surroundings, resource_id: str, state: Block
    ) -> Properties | None:
        """Return keys, switches and tags of the table."""
        aws = around.aws
        found = aws.find("dynamodb", "describe_table", TableName=resource_id)
        table = None if found is None else found.block("Table")
        if table is None:
            return None
        keys = {
            key.text("KeyType"): key.text("AttributeName")
            for key in table.blocks("KeySchema")
        }
        billing = table.block("BillingModeSummary")
        tags = aws.call(
            "dynamodb", "list_tags_of_resource", ResourceArn=table.text("TableArn")
        )
        return {
            "name": resource_id,
            "arn": table.text("TableArn"),
            "attributes": [
                {"name": one.text("AttributeName"), "type": one.text("AttributeType")}
                for one in table.blocks("AttributeDefinitions")
            ],
            "billingMode": (
                "PROVISIONED"
                if billing is None
                else billing.text("BillingMode", _ON_DEMAND)
            ),
            "deletionProtectionEnabled": table.flag("DeletionProtectionEnabled"),
            "hashKey": keys.get("HASH"),
            "rangeKey": keys.get("RANGE"),
            **_recovery(aws, resource_id),
            **_ttl(aws, resource_id),
            "serverSideEncryption": _key_in_use(table),
            "tagsAll": tagging.from_list(tags.blocks("Tags")),
        }

    def update(
        self, around: Surroundings, resource_id: str, olds: Block, news: Block
    ) -> None:
        """Change the switches and tags that differ."""
        aws = around.aws
        changes: dict[str, Argument] = {}
        protection = "deletionProtectionEnabled"
        if olds.flag(protection) != news.flag(protection):
            changes["DeletionProtectionEnabled"] = news.flag(protection)
        if olds.value("serverSideEncryption") != news.value("serverSideEncryption"):
            changes["SSESpecification"] = _encryption(news) or {"Enabled": False}
        if changes:
            aws.call("dynamodb", "update_table", TableName=resource_id, **changes)
            aws.wait("dynamodb", "table_exists", TableName=resource_id)
        recovery = "pointInTimeRecovery"
        if olds.value(recovery) != news.value(recovery):
            _set_recovery(aws, resource_id, news.block(recovery) or Block({}))
        if olds.value("ttl") != news.value("ttl"):
            _change_ttl(aws, resource_id, olds.block("ttl"), news.block("ttl"))
        self._retag(aws, resource_id, tagging.tags_of(news))

    def delete(
        self, around: Surroundings, resource_id: str, state: Block, *, force: bool
    ) -> None:
        """Delete the table and wait until it is gone."""
        aws = around.aws
        found = aws.find("dynamodb", "describe_table", TableName=resource_id)
        if found is None:
            return
        if force:
            aws.call(
                "dynamodb",
                "update_table",
                TableName=resource_id,
                DeletionProtectionEnabled=False,
            )
        aws.find("dynamodb", "delete_table", TableName=resource_id)
        aws.wait("dynamodb", "table_not_exists", TableName=resource_id)

    def id_of(self, around: Surroundings, inputs: Block) -> str:
        """Return the table's name."""
        return inputs.text("name")

    def _retag(self, aws: Aws, name: str, tags: dict[str, str]) -> None:
        found = aws.call("dynamodb", "describe_table", TableName=name).block("Table")
        arn = "" if found is None else found.text("TableArn")
        listed = aws.call("dynamodb", "list_tags_of_resource", ResourceArn=arn)
        now = {tag.text("Key"): tag.text("Value") for tag in listed.blocks("Tags")}
        if gone := tagging.removed(now, tags):
            aws.call("dynamodb", "untag_resource", ResourceArn=arn, TagKeys=gone)
        if tags and now != tags:
            new = tagging.as_list(tags)
            aws.call("dynamodb", "tag_resource", ResourceArn=arn, Tags=new)


def _keys(inputs: Block) -> list[Argument]:
    keys: list[Argument] = [
        {"AttributeName": inputs.text("hashKey"), "KeyType": "HASH"}
    ]
    if (range_key := inputs.maybe_text("rangeKey")) is not None:
        keys.append({"AttributeName": range_key, "KeyType": "RANGE"})
    return keys


def _encryption(inputs: Block) -> Argument:
    asked = inputs.block("serverSideEncryption")
    if asked is None:
        return None
    key = asked.maybe_text("kmsKeyArn")
    specification: dict[str, Argument] = {"Enabled": asked.flag("enabled")}
    if asked.flag("enabled"):
        specification["SSEType"] = "KMS"
    if key is not None:
        specification["KMSMasterKeyId"] = key
    return specification


def _key_in_use(table: Block) -> Value:
    """Return whose key seals the table, None for the one that AWS owns."""
    description = table.block("SSEDescription") or Block({})
    if description.text("Status", "DISABLED") not in _SEALED:
        return None
    return {"enabled": True, "kmsKeyArn": description.maybe_text("KMSMasterKeyArn")}


def _set_recovery(aws: Aws, name: str, recovery: Block) -> None:
    specification: dict[str, Argument] = {
        "PointInTimeRecoveryEnabled": recovery.flag("enabled")
    }
    if (days := recovery.maybe_number("recoveryPeriodInDays")) is not None:
        specification["RecoveryPeriodInDays"] = days
    aws.call(
        "dynamodb",
        "update_continuous_backups",
        TableName=name,
        PointInTimeRecoverySpecification=specification,
    )


def _recovery(aws: Aws, name: str) -> Properties:
    found = aws.call("dynamodb", "describe_continuous_backups", TableName=name)
    backups = found.block("ContinuousBackupsDescription") or Block({})
    recovery = backups.block("PointInTimeRecoveryDescription") or Block({})
    enabled = recovery.text("PointInTimeRecoveryStatus", "DISABLED") == "ENABLED"
    state: Properties = {"enabled": enabled}
    if (days := recovery.maybe_number("RecoveryPeriodInDays")) is not None:
        state["recoveryPeriodInDays"] = days
    return {"pointInTimeRecovery": state}


def _set_ttl(aws: Aws, name: str, ttl: Block) -> None:
    aws.call(
        "dynamodb",
        "update_time_to_live",
        TableName=name,
        TimeToLiveSpecification={
            "AttributeName": ttl.text("attributeName"),
            "Enabled": ttl.flag("enabled"),
        },
    )


def _change_ttl(aws: Aws, name: str, old: Block | None, new: Block | None) -> None:
    if old is not None and old.flag("enabled"):
        _set_ttl(aws, name, Block({**old.values, "enabled": False}, "ttl"))
    if new is not None and new.flag("enabled"):
        _set_ttl(aws, name, new)


def _ttl(aws: Aws, name: str) -> Properties:
    found = aws.call("dynamodb", "describe_time_to_live", TableName=name)
    description = found.block("TimeToLiveDescription") or Block({})
    if description.text("TimeToLiveStatus", "DISABLED") not in ("ENABLED", "ENABLING"):
        return {}
    attribute = description.text("AttributeName")
    return {"ttl": {"attributeName": attribute, "enabled": True}}
