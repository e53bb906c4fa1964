"""What each kernel role may do, and what whoever sweeps a stack may.

The state machine's ARN is in the grants of functions that the machine invokes,
and the other way round: so a ``Reach`` is built from names, not from resources.

A right to a store under a key of the stack's own is worth nothing without the
right to that key. Each of those grants is bound to the service that holds the
store: nobody can have the key open anything else.
"""

from dataclasses import dataclass

from analemma_platform.policies.statements import Statement

_READ_RECORDS = ("dynamodb:GetItem", "dynamodb:Query")
_WRITE_RECORDS = ("dynamodb:UpdateItem", "dynamodb:DeleteItem")
_WRITTEN_PARTITIONS = ("run/*", "runs/*", "admission/*", "breakers", "budgets")
_PAGES = ("s3:GetObject", "s3:PutObject")
_DELETE_PAGES = ("s3:DeleteObject", "s3:DeleteObjectVersion")
_OPEN = "kms:Decrypt"
_SEAL = "kms:GenerateDataKey"


@dataclass(frozen=True, slots=True)
class Reach:
    """The ARNs of a stack that its roles may be granted something on.

    ``functions`` are the kernel functions, ``secret`` holds the model keys.
    ``key`` is what the stores are encrypted with, None for keys that AWS owns.
    """

    table: str
    bucket: str
    machine: str
    functions: tuple[str, ...] = ()
    secret: str | None = None
    key: str | None = None


def slice_statements(reach: Reach, log_group: str) -> tuple[Statement, ...]:
    """Return what a slice may do: run a graph, and keep all it makes."""
    return (
        _logs(log_group),
        *_records(reach),
        *_pages(reach),
        *_model_keys(reach),
    )


def worker_statements(reach: Reach, log_group: str) -> tuple[Statement, ...]:
    """Return what a worker may do: the same, it runs the same tasks."""
    return slice_statements(reach, log_group)


def park_statements(reach: Reach, log_group: str) -> tuple[Statement, ...]:
    """Return what parking may do: keep a token, or answer it at once.

    The answer may have come before the token did, and then parking gives it.
    """
    return (_logs(log_group), *_records(reach), _answer_wait(reach))


def bury_statements(reach: Reach, log_group: str) -> tuple[Statement, ...]:
    """Return what burying may do: mark a run failed, and keep the evidence."""
    return (_logs(log_group), *_records(reach), *_pages(reach))


def machine_statements(reach: Reach) -> tuple[Statement, ...]:
    """Return what the state machine may do.

    A Distributed Map runs its items as executions of this very machine, and
    Step Functions asks for the right to start, watch, stop and redrive them.
    Those have ARNs of their own: ``…:execution:<name>/<label>:<id>``. Source:
    "IAM policies for using Distributed Map states", Step Functions guide.
    """
    execution = reach.machine.replace(":stateMachine:", ":execution:")
    return (
        Statement("InvokeKernel", ("lambda:InvokeFunction",), reach.functions),
        Statement("ReadItems", ("s3:GetObject",), (_pages_of(reach),)),
        *_key(reach, "OpenItems", (_OPEN,), "s3"),
        Statement("StartItself", ("states:StartExecution",), (reach.machine,)),
        Statement(
            "RunMaps",
            ("states:DescribeExecution", "states:StopExecution"),
            (f"{execution}:*", f"{execution}/*:*"),
        ),
        Statement("RedriveMaps", ("states:RedriveExecution",), (f"{execution}/*:*",)),
    )


def sweep_statements(reach: Reach) -> tuple[Statement, ...]:
    """Return what a sweep may do: read all records, forget runs, delete pages.

    It moves small pages out of the records it forgets, so it writes pages too.
    No role of the stack has this: an agent must not be able to delete what
    other runs rest on.
    """
    return (
        *_records(reach),
        Statement("FindRecords", ("dynamodb:Scan",), (reach.table,)),
        *_pages(reach),
        Statement("DeletePages", _DELETE_PAGES, (_pages_of(reach),)),
    )


def _logs(log_group: str) -> Statement:
    return Statement(
        "WriteLogs",
        ("logs:CreateLogStream", "logs:PutLogEvents"),
        (f"{log_group}:*",),
    )


def _records(reach: Reach) -> tuple[Statement, ...]:
    # The registry names code to import. An agent runs with these rights, and
    # must not be able to register any.
    return (
        Statement("ReadRecords", _READ_RECORDS, (reach.table,)),
        Statement("KeepRuns", _WRITE_RECORDS, (reach.table,), _WRITTEN_PARTITIONS),
        # Writes too only open the table's key; DynamoDB itself made it, by a grant.
        # Source: "DynamoDB encryption at rest: how it works", developer guide.
        *_key(reach, "OpenRecords", (_OPEN,), "dynamodb"),
    )


def _pages(reach: Reach) -> tuple[Statement, ...]:
    return (
        Statement("KeepPages", _PAGES, (_pages_of(reach),)),
        # Without it S3 answers 403 for an absent page, where 404 is the truth.
        Statement("SeePages", ("s3:ListBucket",), (reach.bucket,)),
        *_key(reach, "SealPages", (_OPEN, _SEAL), "s3"),
    )


def _pages_of(reach: Reach) -> str:
    return f"{reach.bucket}/pages/*"


def _key(
    reach: Reach, sid: str, actions: tuple[str, ...], service: str
) -> tuple[Statement, ...]:
    if reach.key is None:
        return ()
    region = reach.key.split(":")[3]
    via = (f"{service}.{region}.amazonaws.com",)
    return (Statement(sid, actions, (reach.key,), via=via),)


def _model_keys(reach: Reach) -> tuple[Statement, ...]:
    if reach.secret is None:
        return ()
    return (
        Statement("ReadModelKeys", ("secretsmanager:GetSecretValue",), (reach.secret,)),
    )


def _answer_wait(reach: Reach) -> Statement:
    # A token names no ARN. The narrowest thing IAM can check is the machine the
    # task belongs to, which for an item of a Distributed Map is <machine>/<label>.
    return Statement(
        "AnswerWaits",
        ("states:SendTaskSuccess",),
        (reach.machine, f"{reach.machine}/*"),
    )
