"""Small runs through the deployed state machine, as a person sees them."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from analemma.records.run import RunStatus
from auditor_example import AloneRun
from cloud_stack import CloudStack

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cloud")]


def test_endless_graph_is_ended_by_its_step_budget_and_goes_on_with_a_larger_one(
    cloud: CloudStack,
):
    run_id = cloud.start("loop-forever", {}, "--budget", "supersteps=5")
    record = cloud.rest(run_id, RunStatus.TERMINATED)
    assert record.transition.reason == "supersteps"
    policy = cloud.project.environment("dev")["kernel"]["budget"]
    assert record.budget.model_dump() == {**policy, "supersteps": 5}
    ended = cloud.execution(run_id)
    assert (ended["status"], ended["error"]) == ("FAILED", "Analemma.Terminated")
    told = cloud("status", run_id)
    assert told.code == 1
    assert "its budget of 5 supersteps is used up" in told.out
    assert f"analemma resume {run_id} --budget supersteps=10 --cloud dev" in told.out
    # The superstep that takes the input in is the first of the five.
    assert cloud.values(run_id)["count"] == 4

    refused = cloud("resume", run_id, "--budget", "supersteps=5")
    assert (refused.code, refused.out) == (2, "")
    assert "N larger than 5" in refused.err
    resumed = cloud("resume", run_id, "--budget", "supersteps=9")
    assert resumed.code == 0, resumed.err
    cloud.rest(run_id, RunStatus.TERMINATED)
    assert cloud.values(run_id)["count"] == 8
    assert cloud.execution(run_id, 2)["error"] == "Analemma.Terminated"
    assert cloud.executions(run_id) == [run_id, f"{run_id}-2"]


def test_failed_run_names_node_attempt_and_cause_and_goes_on_once_that_is_mended(
    cloud: CloudStack, tmp_path
):
    numbers = tmp_path / "numbers"
    run_id = cloud.start("failing", {"path": str(numbers)})
    cloud.rest(run_id, RunStatus.FAILED)
    ended = cloud.execution(run_id)
    assert (ended["status"], ended["error"]) == ("FAILED", "Analemma.Failed")
    told = cloud("status", run_id)
    assert told.code == 1
    assert "node 'add_up' failed at attempt 1: FileNotFoundError" in told.out

    numbers.write_text("1 2 3")
    followed = cloud("resume", run_id, "--follow")
    assert followed.code == 0, followed.out
    values = cloud.values(run_id)
    assert (values["total"], values["started"]) == (6, 1)
    assert cloud.execution(run_id, 2)["status"] == "SUCCEEDED"


def test_rejected_node_gets_false(cloud: CloudStack):
    run_id = cloud.start("approval", {"amount": 120})
    (approval,) = cloud.waits(run_id)
    rejected = cloud("reject", approval.approval_id, "--reason", "too much", "--json")
    assert rejected.code == 0, rejected.err
    assert rejected.document["status"] == "rejected"
    assert rejected.document["reason"] == "too much"
    cloud.rest(run_id)
    assert cloud.values(run_id)["paid"] == 0


def test_answering_twice_is_one_effect_and_answering_otherwise_a_conflict(
    cloud: CloudStack,
):
    run_id = cloud.start("approval", {"amount": 120})
    (approval,) = cloud.waits(run_id)
    with ThreadPoolExecutor() as people:
        answers = [
            people.submit(cloud, "approve", approval.approval_id) for _ in range(2)
        ]
    assert [answer.result().code for answer in answers] == [0, 0]
    otherwise = cloud("reject", approval.approval_id)
    assert otherwise.code == 2
    assert f"approval {approval.approval_id} was already approved" in otherwise.err
    cloud.rest(run_id)
    assert cloud.values(run_id)["paid"] == 120
    # What an invocation logged can be read once it has ended.
    assert cloud.execution(run_id)["status"] == "SUCCEEDED"
    starts = [e for e in cloud.events(run_id) if e["event"] == "task started"]
    assert len(starts) == 2, "once to ask, once with the answer"


@pytest.mark.parametrize("order", [("lawyer", "manager"), ("manager", "lawyer")])
def test_two_waits_of_one_run_are_answered_in_any_order(cloud: CloudStack, order):
    run_id = cloud.start("two-approvals", {"contract": "c"})
    waiting = {each.node: each.approval_id for each in cloud.waits(run_id, 2)}
    assert waiting.keys() == {"lawyer", "manager"}
    first, second = order
    assert cloud("approve", waiting[first]).code == 0
    # One is still open, so nothing may have moved.
    record = cloud.record(run_id)
    assert (record.status, record.slices) == (RunStatus.WAITING, 1)
    edited = cloud("approve", waiting[second], "--edit", json.dumps(second))
    assert edited.code == 0, edited.err
    assert cloud.rest(run_id).slices == 2
    answers = {first: True, second: second}
    assert cloud.values(run_id)["signed"] == [
        f"lawyer: {answers['lawyer']}",
        f"manager: {answers['manager']}",
    ]


def test_one_key_is_one_run_and_one_execution(cloud: CloudStack):
    def start() -> str:
        return cloud.start("counter", {"target": 4}, "--key", "monday")

    with ThreadPoolExecutor() as people:
        first, second = people.map(lambda _: start(), range(2))
    assert first == second
    other = cloud("run", "counter", "-i", '{"target": 5}', "--key", "monday")
    assert other.code == 2
    assert "choose another key" in other.err
    cloud.rest(first)
    # Once more, now that it is done: the same run again, and nothing starts.
    assert start() == first
    assert cloud.values(first)["count"] == 4
    assert cloud.executions(first) == [first]


def test_fan_out_over_workers_gives_what_a_plain_invoke_gives(cloud: CloudStack):
    run_id = cloud.start("fan-out", {"count": 60})
    cloud.rest(run_id)
    plain = AloneRun("minimal/fan_out.py").start({"count": 60})
    assert cloud.values(run_id) == plain
    nodes = [
        each["node"]
        for each in cloud.events(run_id, "worker")
        if each["event"] == "task started"
    ]
    assert nodes == ["square"] * 60, "every task once, on a worker"


def test_cancelled_run_lets_go_of_its_execution_and_can_be_taken_up_again(
    cloud: CloudStack,
):
    run_id = cloud.start("approval", {"amount": 120})
    cloud.waits(run_id)

    told = cloud("cancel", run_id, "--reason", "no money")

    assert told.code == 0, told.err
    assert f"go on: analemma resume {run_id} --cloud dev" in told.out
    assert cloud.rest(run_id, RunStatus.TERMINATED).transition.reason == "cancelled"
    assert cloud.execution(run_id)["status"] == "ABORTED"
    again = cloud("resume", run_id)
    assert again.code == 0, again.err
    (approval,) = cloud.waits(run_id)
    assert cloud("approve", approval.approval_id).code == 0
    cloud.rest(run_id)
    assert cloud.values(run_id)["paid"] == 120
