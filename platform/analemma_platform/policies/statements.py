"""Statements of an IAM policy, and the documents made of them.

Only ``Allow``: what is not granted is denied, so a ``Deny`` here would hide
that something was granted too widely.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

_VERSION = "2012-10-17"
"""Of the policy language; IAM knows no later one."""


@dataclass(frozen=True, slots=True)
class Statement:
    """These actions on these ARNs. ``sid`` says what for, in letters only.

    ``partitions`` narrows it to DynamoDB items whose partition matches one of
    these patterns (``*`` is any text); None is every item. ``via`` narrows it to
    requests that one of these services makes for whoever has the right; None is
    every request.
    """

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    partitions: tuple[str, ...] | None = None
    via: tuple[str, ...] | None = None

    def as_json(self) -> dict[str, object]:
        """Return the statement as IAM reads it."""
        statement: dict[str, object] = {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": list(self.actions),
            "Resource": list(self.resources),
        }
        if condition := self._condition():
            statement["Condition"] = condition
        return statement

    def _condition(self) -> dict[str, dict[str, list[str]]]:
        condition = {}
        if self.partitions is not None:
            keys = {"dynamodb:LeadingKeys": list(self.partitions)}
            condition["ForAllValues:StringLike"] = keys
        if self.via is not None:
            condition["StringEquals"] = {"kms:ViaService": list(self.via)}
        return condition


def document(statements: Iterable[Statement]) -> str:
    """Return the policy of ``statements`` as JSON, the same text every time."""
    return _json(statement.as_json() for statement in statements)


def trust_document(service: str, *, account: str | None = None) -> str:
    """Return who may take a role: ``service``, for ``account`` where it is given.

    Step Functions says for whom it acts, and without the condition another
    customer could have it use the role (AWS calls this the confused deputy).
    Lambda is not asked: whether it says so is not documented.
    """
    statement: dict[str, object] = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": service},
    }
    if account is not None:
        statement["Condition"] = {"StringEquals": {"aws:SourceAccount": account}}
    return _json([statement])


def _json(statements: Iterable[dict[str, object]]) -> str:
    return json.dumps({"Version": _VERSION, "Statement": list(statements)})
