"""CloudWatch alarms on one metric."""

from collections.abc import Mapping
from typing import ClassVar

from analemma_platform.engine.values import Properties
from analemma_platform.realisers import tagging
from analemma_platform.realisers.aws import Argument, Aws
from analemma_platform.realisers.block import Block
from analemma_platform.realisers.realiser import (
    NameRule,
    Property,
    Realiser,
    Surroundings,
)

_LISTS = {
    "alarmActions": "AlarmActions",
    "insufficientDataActions": "InsufficientDataActions",
    "okActions": "OKActions",
}
_TEXTS = {
    "alarmDescription": "AlarmDescription",
    "comparisonOperator": "ComparisonOperator",
    "extendedStatistic": "ExtendedStatistic",
    "metricName": "MetricName",
    "namespace": "Namespace",
    "statistic": "Statistic",
    "treatMissingData": "TreatMissingData",
    "unit": "Unit",
}
_NUMBERS = {
    "datapointsToAlarm": "DatapointsToAlarm",
    "evaluationPeriods": "EvaluationPeriods",
    "period": "Period",
}


class MetricAlarm(Realiser):
    """``aws:cloudwatch/metricAlarm:MetricAlarm``; its id is its name."""

    token = "aws:cloudwatch/metricAlarm:MetricAlarm"  # noqa: S105 - a type token
    name_rule = NameRule(255, prefix_property=None)
    properties: ClassVar[Mapping[str, Property]] = {
        "actionsEnabled": Property(default=True),
        "comparisonOperator": Property(required=True),
        "dimensions": Property(),
        "evaluationPeriods": Property(required=True),
        "threshold": Property(required=True),
        "treatMissingData": Property(default="missing"),
        **{
            name: Property()
            for name in (*_LISTS, *_TEXTS, *_NUMBERS)
            if name
            not in ("comparisonOperator", "evaluationPeriods", "treatMissingData")
        },
    }
    computed = ("arn",)
    taggable = True

    def create(self, around: Surroundings, inputs: Block) -> str:
        """Make the alarm."""
        tags = tagging.as_list(tagging.tags_of(inputs))
        self._put(around.aws, inputs, tags or None)
        return inputs.text("name")

    def read(
        self, around: Surroundings, resource_id: str, state: Block
    ) -> Properties | None:
        """Return the alarm as CloudWatch has it."""
        alarm = _find(around.aws, resource_id)
        if alarm is None:
            return None
        arn = alarm.text("AlarmArn")
        tags = around.aws.call("cloudwatch", "list_tags_for_resource", ResourceARN=arn)
        dimensions = alarm.blocks("Dimensions")
        found: Properties = {
            "name": resource_id,
            "arn": arn,
            "actionsEnabled": alarm.flag("ActionsEnabled", default=True),
            "dimensions": tagging.from_list(dimensions, key="Name") or None,
            "threshold": _tidy(alarm.maybe_real("Threshold")),
            "tagsAll": tagging.from_list(tags.blocks("Tags")),
        }
        for ours, theirs in _LISTS.items():
            listed = alarm.texts(theirs)
            found[ours] = [*listed] if listed or state.has(ours) else None
        for ours, theirs in _TEXTS.items():
            found[ours] = alarm.maybe_text(theirs) or None
        for ours, theirs in _NUMBERS.items():
            found[ours] = alarm.maybe_number(theirs)
        return found

    def update(
        self, around: Surroundings, resource_id: str, olds: Block, news: Block
    ) -> None:
        """Put the alarm anew; its tags are not part of it by then."""
        aws = around.aws
        self._put(aws, news, None)
        alarm = _find(aws, resource_id)
        arn = "" if alarm is None else alarm.text("AlarmArn")
        listed = aws.call("cloudwatch", "list_tags_for_resource", ResourceARN=arn)
        now = {tag.text("Key"): tag.text("Value") for tag in listed.blocks("Tags")}
        tags = tagging.tags_of(news)
        if gone := tagging.removed(now, tags):
            aws.call("cloudwatch", "untag_resource", ResourceARN=arn, TagKeys=gone)
        if tags and now != tags:
            new = tagging.as_list(tags)
            aws.call("cloudwatch", "tag_resource", ResourceARN=arn, Tags=new)

    def delete(
        self, around: Surroundings, resource_id: str, state: Block, *, force: bool
    ) -> None:
        """Delete the alarm."""
        around.aws.find("cloudwatch", "delete_alarms", AlarmNames=[resource_id])

    def id_of(self, around: Surroundings, inputs: Block) -> str:
        """Return the alarm's name."""
        return inputs.text("name")

    def _put(self, aws: Aws, inputs: Block, tags: Argument) -> None:
        request: dict[str, Argument] = {
            "AlarmName": inputs.text("name"),
            "ActionsEnabled": inputs.flag("actionsEnabled", default=True),
            "Dimensions": [
                {"Name": name, "Value": value}
                for name, value in sorted(inputs.text_map("dimensions").items())
            ],
            "Threshold": inputs.maybe_real("threshold"),
            "Tags": tags,
        }
        for ours, theirs in _LISTS.items():
            request[theirs] = inputs.texts(ours)
        for ours, theirs in _TEXTS.items():
            request[theirs] = inputs.maybe_text(ours)
        for ours, theirs in _NUMBERS.items():
            request[theirs] = inputs.maybe_number(ours)
        aws.call("cloudwatch", "put_metric_alarm", **request)


def _find(aws: Aws, name: str) -> Block | None:
    found = aws.call("cloudwatch", "describe_alarms", AlarmNames=[name])
    alarms = found.blocks("MetricAlarms")
    return alarms[0] if alarms else None


def _tidy(number: float | None) -> float | int | None:
    return int(number) if number is not None and number.is_integer() else number
