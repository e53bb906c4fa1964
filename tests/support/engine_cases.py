"""One case a resource type: what it takes to make, change and delete it."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from analemma_platform.engine.assets import with_digests
from analemma_platform.engine.values import ARCHIVE, SIGNATURE, Properties

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


def policy(action: str) -> str:
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}],
        }
    )


def key_policy(*actions: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
        "Action": actions,
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def machine(seconds: int) -> str:
    return json.dumps(
        {
            "StartAt": "Wait",
            "States": {
                "Wait": {"Type": "Wait", "Seconds": seconds, "Next": "End"},
                "End": {"Type": "Succeed"},
            },
        }
    )


def zip_code(folder: Path, text: str) -> Properties:
    """A zip archive with a handler that returns ``text``, as a program's value."""
    path = folder / f"{text}.zip"
    with zipfile.ZipFile(path, "w") as packed:
        source = f"def handler(event, context):\n    return {text!r}\n"
        packed.writestr(zipfile.ZipInfo("app.py"), source)
    archive: Properties = {"code": {SIGNATURE: ARCHIVE, "path": path.name}}
    return with_digests(archive, folder)


def id_of_before(number: int) -> str:
    """What stands in a case's inputs for the id of one of its ``before``."""
    return f"id of before {number}"


@dataclass(frozen=True)
class Case:
    """A type, the inputs of a resource, and inputs an update can reach.

    ``before`` are resources that must exist, type and inputs. Their ids are not
    known here; ``id_of_before`` stands for one.
    """

    token: str
    inputs: Callable[[Path], Properties]
    changed: Callable[[Path], Properties]
    before: tuple[tuple[str, Properties], ...] = ()
    replaced_by: Properties = field(default_factory=dict)

    @property
    def noun(self) -> str:
        return self.token.rsplit(":", 1)[-1]


_BUCKET = "aws:s3/bucket:Bucket"
_KEY = "aws:kms/key:Key"
_KEY_POLICY = key_policy("kms:DescribeKey", "kms:PutKeyPolicy")
_ROLE = "aws:iam/role:Role"
_TABLE = "aws:dynamodb/table:Table"
_KEYS: Properties = {
    "hashKey": "pk",
    "rangeKey": "sk",
    "attributes": [{"name": "pk", "type": "S"}, {"name": "sk", "type": "S"}],
}


def _function(folder: Path) -> Properties:
    return {
        "role": "arn:aws:iam::000000000000:role/case",
        "runtime": "python3.13",
        "handler": "app.handler",
        "architectures": ["arm64"],
        "timeout": 7,
        "ephemeralStorage": {"size": 1024},
        "environment": {"variables": {"COLOUR": "red"}},
        "reservedConcurrentExecutions": 3,
        "tags": {"team": "kernel"},
        **zip_code(folder, "one"),
    }


def _alarm(threshold: float) -> Properties:
    return {
        "namespace": "AWS/States",
        "metricName": "ExecutionsFailed",
        "dimensions": {"StateMachineArn": "arn:aws:states:eu-west-1:0:stateMachine:x"},
        "statistic": "Sum",
        "period": 60,
        "evaluationPeriods": 1,
        "threshold": threshold,
        "comparisonOperator": "GreaterThanOrEqualToThreshold",
        "treatMissingData": "notBreaching",
        "alarmDescription": "Too many failures.",
        "alarmActions": [],
        "tags": {"team": "kernel"},
    }


def _item(body: str) -> Properties:
    item = {"pk": {"S": "p"}, "sk": {"S": "s"}, "body": {"B": body}, "n": {"N": "1"}}
    return {
        "tableName": "case-items",
        "hashKey": "pk",
        "rangeKey": "sk",
        "item": json.dumps(item),
    }


def _constant(properties: Properties) -> Callable[[Path], Properties]:
    return lambda folder: properties


def _case(token: str, inputs: Properties, changed: Properties, **more: object) -> Case:
    case = Case(token, _constant(inputs), _constant({**inputs, **changed}))
    return Case(case.token, case.inputs, case.changed, **more)  # type: ignore[arg-type] # the two fields left


def _lifecycle(days: int) -> Properties:
    return {
        "rules": [
            {
                "id": "forget",
                "status": "Enabled",
                "filter": {"prefix": ""},
                "abortIncompleteMultipartUpload": {"daysAfterInitiation": days},
            }
        ]
    }


CASES = (
    _case(
        _BUCKET,
        {"forceDestroy": True, "tags": {"team": "kernel"}},
        {"tags": {"team": "platform", "cost": "low"}},
    ),
    _case(
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        {"bucket": "case-private", "blockPublicAcls": True, "ignorePublicAcls": True},
        {"restrictPublicBuckets": True},
        before=((_BUCKET, {"bucket": "case-private"}),),
    ),
    _case(
        "aws:s3/bucketServerSideEncryptionConfiguration"
        ":BucketServerSideEncryptionConfiguration",
        {
            "bucket": "case-sealed",
            "rules": [
                {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}
            ],
        },
        {
            "rules": [
                {
                    "applyServerSideEncryptionByDefault": {
                        "sseAlgorithm": "aws:kms",
                        "kmsMasterKeyId": "alias/case-sealed",
                    },
                    "bucketKeyEnabled": True,
                }
            ]
        },
        before=((_BUCKET, {"bucket": "case-sealed"}),),
    ),
    _case(
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        {"bucket": "case-mortal", **_lifecycle(7)},
        _lifecycle(9),
        before=((_BUCKET, {"bucket": "case-mortal"}),),
    ),
    _case(
        "aws:s3/bucketVersioning:BucketVersioning",
        {"bucket": "case-versions", "versioningConfiguration": {"status": "Enabled"}},
        {"versioningConfiguration": {"status": "Suspended"}},
        before=((_BUCKET, {"bucket": "case-versions"}),),
    ),
    _case(
        _TABLE,
        {**_KEYS, "billingMode": "PAY_PER_REQUEST", "tags": {"team": "kernel"}},
        {
            "deletionProtectionEnabled": False,
            "pointInTimeRecovery": {"enabled": True},
            "ttl": {"attributeName": "dies", "enabled": True},
            "tags": {"team": "platform"},
        },
    ),
    _case(
        "aws:dynamodb/tableItem:TableItem",
        _item("b25l"),
        _item("dHdv"),
        before=((_TABLE, {"name": "case-items", **_KEYS}),),
    ),
    _case(
        _ROLE,
        {"assumeRolePolicy": TRUST, "tags": {"team": "kernel"}},
        {"description": "Runs.", "maxSessionDuration": 7200, "tags": {"a": "b"}},
    ),
    _case(
        "aws:iam/rolePolicy:RolePolicy",
        {"role": "case-role", "policy": policy("s3:GetObject")},
        {"policy": policy("s3:PutObject")},
        before=((_ROLE, {"name": "case-role", "assumeRolePolicy": TRUST}),),
    ),
    _case(
        "aws:iam/policy:Policy",
        {
            "policy": policy("s3:GetObject"),
            "description": "For whom it is attached to.",
            "tags": {"team": "kernel"},
        },
        {"policy": policy("s3:PutObject"), "tags": {"a": "b"}},
    ),
    _case(
        _KEY,
        {
            "policy": _KEY_POLICY,
            "enableKeyRotation": True,
            "deletionWindowInDays": 7,
            "tags": {"team": "kernel"},
        },
        {
            "policy": key_policy("kms:PutKeyPolicy"),
            "description": "Seals.",
            "enableKeyRotation": False,
            "tags": {"team": "platform"},
        },
    ),
    _case(
        "aws:kms/alias:Alias",
        {"name": "alias/case", "targetKeyId": id_of_before(0)},
        {"targetKeyId": id_of_before(1)},
        before=((_KEY, {"policy": _KEY_POLICY}), (_KEY, {"policy": _KEY_POLICY})),
    ),
    Case(
        "aws:lambda/function:Function",
        _function,
        lambda folder: {
            **_function(folder),
            "timeout": 11,
            "memorySize": 256,
            "environment": {"variables": {"COLOUR": "blue"}},
            "reservedConcurrentExecutions": -1,
            "tags": {"team": "platform"},
            **zip_code(folder, "two"),
        },
    ),
    _case(
        "aws:cloudwatch/logGroup:LogGroup",
        {"retentionInDays": 7, "tags": {"team": "kernel"}},
        {"retentionInDays": 30, "tags": {"team": "platform"}},
    ),
    _case(
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        _alarm(1),
        {**_alarm(5), "period": 120},
    ),
    _case(
        "aws:sfn/stateMachine:StateMachine",
        {
            "definition": machine(1),
            "roleArn": "arn:aws:iam::000000000000:role/case",
            "tags": {"team": "kernel"},
        },
        {"definition": machine(2), "tags": {"team": "platform"}},
    ),
    _case(
        "aws:secretsmanager/secret:Secret",
        {"recoveryWindowInDays": 0, "description": "One.", "tags": {"team": "kernel"}},
        {"description": "Two.", "tags": {"team": "platform"}},
    ),
)
