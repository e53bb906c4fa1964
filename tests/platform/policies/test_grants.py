import fnmatch
import inspect
import json
import re
from pathlib import Path

import pytest

import analemma
from analemma.kernelspace import layout
from analemma_platform.policies import (
    Reach,
    Statement,
    bury_statements,
    document,
    machine_statements,
    park_statements,
    slice_statements,
    sweep_statements,
    trust_document,
    worker_statements,
)
from analemma_platform.policies.uses import SWEEP_USES, USES

MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:analemma-dev-kernel"
REACH = Reach(
    table="arn:aws:dynamodb:eu-west-1:123456789012:table/analemma-dev-records",
    bucket="arn:aws:s3:::analemma-dev-pages-123456789012",
    machine=MACHINE,
    functions=("arn:aws:lambda:eu-west-1:123456789012:function:analemma-dev-slice",),
    secret="arn:aws:secretsmanager:eu-west-1:123456789012:secret:analemma-dev-keys",
    key="arn:aws:kms:eu-west-1:123456789012:key/7e1c0fa0",
)
STORES = ("dynamodb:", "s3:", "kms:")
LOGS = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/analemma-dev-slice"

ROLES = {
    "slice": slice_statements(REACH, LOGS),
    "worker": worker_statements(REACH, LOGS),
    "park": park_statements(REACH, LOGS),
    "bury": bury_statements(REACH, LOGS),
    "machine": machine_statements(REACH),
}
SWEEP = sweep_statements(REACH)
POLICIES = {**ROLES, "sweep": SWEEP}


def actions(policy: str) -> set[str]:
    return {action for statement in POLICIES[policy] for action in statement.actions}


def granted() -> set[str]:
    return set().union(*(actions(role) for role in ROLES))


@pytest.mark.parametrize("policy", POLICIES)
def test_no_action_has_a_wildcard(policy: str) -> None:
    assert not [action for action in actions(policy) if "*" in action or "?" in action]


@pytest.mark.parametrize("policy", POLICIES)
def test_every_resource_is_an_arn_of_this_stack(policy: str) -> None:
    for statement in POLICIES[policy]:
        for resource in statement.resources:
            assert resource.startswith("arn:aws:"), statement.sid
            # A key is named by an id of KMS's own, whole.
            known = "analemma-dev-" in resource.partition("*")[0]
            assert known or resource == REACH.key, statement.sid


@pytest.mark.parametrize("policy", POLICIES)
def test_sids_are_letters_and_differ(policy: str) -> None:
    sids = [statement.sid for statement in POLICIES[policy]]
    assert len(sids) == len(set(sids))
    assert all(sid.isalpha() for sid in sids)


def test_every_grant_has_its_reason_and_every_reason_its_grant() -> None:
    assert granted() == {use.action for use in USES}
    assert len(USES) == len({use.action for use in USES})


def test_a_sweep_has_what_a_slice_has_of_the_stores_and_its_own_reasons() -> None:
    beside = {use.action for use in SWEEP_USES}
    stores = {each for each in actions("slice") if each.startswith(STORES)}
    assert actions("sweep") == stores | beside


@pytest.mark.parametrize(
    "use", [*USES, *SWEEP_USES], ids=lambda use: f"{use.action} {use.call}"
)
def test_every_granted_call_is_made_by_the_kernel(use) -> None:
    if use.call is None:
        callers = ("the machine", "Lambda", "S3")
        assert use.why.startswith(callers), "AWS must be the caller"
        return
    kernel = Path(analemma.__file__).parent
    code = "\n".join(path.read_text() for path in kernel.rglob("*.py"))
    assert re.search(rf"\.{use.call}\(", code), f"nothing calls {use.call}"


@pytest.mark.parametrize(
    ("service", "prefix"), [("dynamodb", "dynamodb:"), ("s3", "s3:")]
)
def test_every_store_call_of_the_kernel_is_granted_to_a_slice_or_a_sweep(
    service: str, prefix: str
) -> None:
    calls = {
        "dynamodb": {"get_item", "put_item", "update_item", "delete_item"}
        | {"batch_get_item", "batch_write_item", "transact_write_items", "scan"},
        "s3": {"get_object", "put_object", "delete_object", "head_object"}
        | {"list_objects_v2", "copy_object"},
    }[service]
    adapters = Path(analemma.__file__).parent / "hardware" / "aws"
    code = "\n".join(path.read_text() for path in adapters.rglob("*.py"))
    made = {call for call in calls if re.search(rf"client\.{call}\(", code)}
    allowed = {use.call for use in USES if use.action in actions("slice")}
    assert made <= allowed | {use.call for use in SWEEP_USES}


def test_only_a_sweep_deletes_pages_and_reads_other_runs_without_asking() -> None:
    for action in ("s3:DeleteObject", "s3:DeleteObjectVersion", "dynamodb:Scan"):
        assert [one for one in POLICIES if action in actions(one)] == ["sweep"]


@pytest.mark.parametrize("policy", POLICIES)
def test_the_key_opens_only_what_a_store_holds(policy: str) -> None:
    for statement in POLICIES[policy]:
        of_key = any(action.startswith("kms:") for action in statement.actions)
        assert of_key == (statement.resources == (REACH.key,))
        assert of_key == (statement.via is not None), statement.sid


def test_without_a_key_of_its_own_nobody_may_use_one() -> None:
    plain = Reach(REACH.table, REACH.bucket, MACHINE)
    for policy in (slice_statements(plain, LOGS), sweep_statements(plain)):
        assert "kms" not in document(policy)


def test_only_what_runs_agents_reads_the_model_keys() -> None:
    readers = {
        role for role in ROLES if "secretsmanager:GetSecretValue" in actions(role)
    }
    assert readers == {"slice", "worker"}


def test_without_a_secret_nobody_may_read_one() -> None:
    statements = slice_statements(Reach(REACH.table, REACH.bucket, MACHINE), LOGS)
    assert "secretsmanager" not in document(statements)


def test_only_park_may_answer_a_wait() -> None:
    assert [role for role in ROLES if "states:SendTaskSuccess" in actions(role)] == [
        "park"
    ]


def test_park_cannot_touch_pages() -> None:
    assert not [action for action in actions("park") if action.startswith("s3:")]


def test_the_machine_starts_itself_and_handles_its_maps_executions() -> None:
    resources = {
        action: statement.resources
        for statement in ROLES["machine"]
        for action in statement.actions
    }
    execution = MACHINE.replace(":stateMachine:", ":execution:")
    assert resources["states:StartExecution"] == (MACHINE,)
    child = f"{execution}/Worker:0c1d"
    for action in ("Describe", "Stop", "Redrive"):
        patterns = resources[f"states:{action}Execution"]
        assert any(fnmatch.fnmatchcase(child, pattern) for pattern in patterns), action


def writable(partition: str) -> bool:
    (write,) = (
        statement for statement in ROLES["slice"] if "UpdateItem" in str(statement)
    )
    assert write.partitions is not None
    return any(fnmatch.fnmatchcase(partition, one) for one in write.partitions)


def test_functions_write_runs_and_never_the_registry_of_code() -> None:
    assert writable(layout.run_partition("local", "run-1"))
    assert writable(layout.runs_partition("local"))
    assert not writable(layout.workflows_partition("dev"))


def test_every_partition_of_the_layout_was_thought_of_here() -> None:
    found = {
        name
        for name, _ in inspect.getmembers(layout, inspect.isfunction)
        if name.endswith("_partition")
    }
    assert found == {"run_partition", "runs_partition", "workflows_partition"}


def test_a_sweep_writes_runs_and_never_the_registry_of_code() -> None:
    writes = [one for one in SWEEP if "dynamodb:DeleteItem" in one.actions]
    assert [one.partitions for one in writes] == [
        ("run/*", "runs/*", "admission/*", "breakers", "budgets")
    ]


def test_a_document_is_the_policy_language_and_nothing_else() -> None:
    statement = Statement("KeepRuns", ("dynamodb:UpdateItem",), ("arn:x",), ("run/*",))
    assert json.loads(document([statement])) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "KeepRuns",
                "Effect": "Allow",
                "Action": ["dynamodb:UpdateItem"],
                "Resource": ["arn:x"],
                "Condition": {
                    "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["run/*"]}
                },
            }
        ],
    }


def test_a_right_by_way_of_a_service_says_so() -> None:
    statement = Statement("Open", ("kms:Decrypt",), ("arn:x",), via=("s3.y.com",))
    (found,) = json.loads(document([statement]))["Statement"]
    assert found["Condition"] == {"StringEquals": {"kms:ViaService": ["s3.y.com"]}}


def test_step_functions_may_take_a_role_for_this_account_only() -> None:
    (statement,) = json.loads(
        trust_document("states.amazonaws.com", account="123456789012")
    )["Statement"]
    assert statement["Principal"] == {"Service": "states.amazonaws.com"}
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"}
    }
