"""The auditor through the deployed state machine, its processes killed."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from analemma.records.run import RunRecord
from auditor_example import AUDITOR, AloneRun
from cloud_histories import Payload, payloads
from cloud_stack import CloudStack
from cloud_workers import Kill, kill_slice, kill_workers

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cloud")]

INPUT = {"package": "langchain-core"}
MEBIBYTE = 1024 * 1024
SMALL_BYTES = 2048


@dataclass(frozen=True)
class Audit:
    """A finished run, and the kills on its way: of workers, then of a slice."""

    record: RunRecord
    kills: tuple[Kill, Kill]
    values: dict[str, Any]
    started: Counter[str]
    nodes: dict[str, str]
    payloads: list[Payload]


@pytest.fixture(scope="module")
def audit(cloud: CloudStack) -> Audit:
    """Run it, kill its workers and a slice, approve by the command line."""
    run_id = cloud.start("auditor", INPUT)
    kills = (kill_workers(cloud, run_id), kill_slice(cloud, run_id))
    (approval,) = cloud.waits(run_id)
    approved = cloud("approve", approval.approval_id)
    assert approved.code == 0, approved.err
    record = cloud.rest(run_id)
    assert cloud.execution(run_id)["status"] == "SUCCEEDED"
    started = [each for each in cloud.events(run_id) if each["event"] == "task started"]
    return Audit(
        record,
        kills,
        cloud.values(run_id),
        Counter(each["task_id"] for each in started),
        {each["task_id"]: each["node"] for each in started},
        list(payloads(cloud, cloud.execution_arn(run_id))),
    )


@pytest.fixture(scope="module")
def plain(cloud: CloudStack) -> Iterator[dict[str, Any]]:
    """The state that plain LangGraph reaches on the very code that is deployed.

    On the packages of the test's own interpreter two things differ, and rightly:
    a Lambda zip holds no installer's RECORD, so there the auditor finds modules
    by name (``distribution.found_by``), and its report has a line that says so.
    """
    code = cloud.analemma.home / "functions" / cloud.outputs["artifactSha256"]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(code))
        run = AloneRun(AUDITOR)
        run.start(INPUT)
        run.answer(True)
        yield json.loads(json.dumps(run.snapshot().values))


def test_killed_audit_ends_in_the_state_of_a_plain_invoke(audit, plain):
    assert audit.values["report"] == plain["report"]
    assert audit.values["totals"] == plain["totals"]
    assert audit.values == plain


def test_kills_were_seen_by_step_functions_and_cost_work_in_flight(audit):
    died = [each for each in audit.payloads if each.text == "Runtime.ExitError"]
    machines = {each.execution_arn.split(":")[6] for each in died}
    assert machines == {"analemma-dev-kernel", "analemma-dev-kernel/Worker"}
    again = {task for task, starts in audit.started.items() if starts > 1}
    assert audit.kills[0].in_flight & again


def test_no_finished_task_ran_again_and_those_in_flight_once_more(audit):
    for task, starts in audit.started.items():
        cut = sum(task in kill.in_flight for kill in audit.kills)
        # A node that interrupts begins again when it is answered: LangGraph's rule.
        answered = audit.nodes[task] == "ask_approval"
        assert starts <= 1 + cut + answered, (audit.nodes[task], starts)
    modules = [node for node in audit.nodes.values() if node == "audit_module"]
    assert len(modules) == audit.values["totals"]["modules"]


def test_state_passes_a_mebibyte_and_nothing_that_crosses_passes_two_kibibytes(audit):
    _, state = JsonPlusSerializer().dumps_typed(audit.values)
    assert len(state) > MEBIBYTE
    checked = Counter(payload.member for payload in audit.payloads)
    executions = {payload.execution_arn for payload in audit.payloads}
    batches = -(-audit.values["totals"]["modules"] // 10)
    assert len(executions) > batches
    assert checked["input"] > 2 * batches
    assert checked["output"] > 2 * batches
    largest = max(audit.payloads, key=lambda payload: payload.size_bytes)
    assert largest.size_bytes < SMALL_BYTES, largest
