"""Everything there is in an emulated AWS, of every kind that a stack makes."""

from cloud_aws import Aws

_LISTS = (
    # service, paginated call, its member, the name in it (None: it is the name)
    ("dynamodb", "list_tables", "TableNames", None),
    ("s3", "list_buckets", "Buckets", "Name"),
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("stepfunctions", "list_state_machines", "stateMachines", "name"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("iam", "list_policies", "Policies", "PolicyName"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ("kms", "list_aliases", "Aliases", "AliasName"),
    ("kms", "list_keys", "Keys", "KeyId"),
    ("secretsmanager", "list_secrets", "SecretList", "Name"),
    ("events", "list_rules", "Rules", "Name"),
    ("sqs", "list_queues", "QueueUrls", None),
    ("sns", "list_topics", "Topics", "TopicArn"),
)


def inventory(aws: Aws) -> dict[str, set[str]]:
    """Return the names of what exists, by service and kind; empty kinds left out."""
    found = {
        f"{service} {member}": set(_names(aws, service, call, member, name))
        for service, call, member, name in _LISTS
    }
    return {kind: names for kind, names in found.items() if names}


def _names(
    aws: Aws,
    service: str,
    call: str,
    member: str,
    name: str | None,
) -> list[str]:
    # IAM's AWS-managed policies are part of AWS, not of a stack.
    options = {"Scope": "Local"} if call == "list_policies" else {}
    pages = aws.client(service).get_paginator(call).paginate(**options)
    items = [item for page in pages for item in page.get(member, ())]
    names = [item if name is None else item[name] for item in items]
    return _kept_keys(aws, names) if call == "list_keys" else names


def _kept_keys(aws: Aws, ids: list[str]) -> list[str]:
    """Leave out keys whose deletion was asked for; KMS lists them until the day."""
    kms = aws.client("kms")
    states = {one: kms.describe_key(KeyId=one)["KeyMetadata"] for one in ids}
    return [one for one in ids if states[one]["KeyState"] != "PendingDeletion"]
