"""Distributed Map: items from S3, children with histories of their own."""

import json

import pytest

from emulator_deployments import Run, ending, until

ITEMS = [{"batch": number} for number in range(6)]


@pytest.fixture
def bucket(emulator):
    emulator.client("s3").create_bucket(Bucket="pages")
    emulator.client("s3").put_object(
        Bucket="pages", Key="owner/page", Body=json.dumps(ITEMS).encode()
    )
    return "pages"


def distributed(bucket: str, inner: dict, **more: object) -> dict:
    return {
        "Type": "Map",
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "JSON"},
            "Parameters": {
                "Bucket": bucket,
                "Key.$": "States.Format('{}/{}', $.owner, $.ref)",
            },
        },
        "ItemSelector": {"item.$": "$$.Map.Item.Value", "owner.$": "$.owner"},
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": next(iter(inner)),
            "States": inner,
        },
        "MaxConcurrency": 3,
        **more,
    }


def children(run: Run) -> list[Run]:
    maps = run.states.list_map_runs(executionArn=run.arn)["mapRuns"]
    found = run.states.list_executions(mapRunArn=maps[0]["mapRunArn"])["executions"]
    return [Run(run.states, one["executionArn"]) for one in found]


def map_run(run: Run) -> dict:
    maps = run.states.list_map_runs(executionArn=run.arn)["mapRuns"]
    return run.states.describe_map_run(mapRunArn=maps[0]["mapRunArn"])


GIVEN = {"owner": "owner", "ref": "page"}
FAIL_SOME = """
    def handle(event, context):
        if event["item"]["batch"] % 2:
            raise ValueError("odd")
        return event["item"]["batch"]
"""


def task(function: str) -> dict:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function, "Payload.$": "$"},
        "OutputPath": "$.Payload",
        "End": True,
    }


def test_items_of_an_object_become_children_in_their_order(machines, bucket):
    inner = {"Take": {"Type": "Pass", "OutputPath": "$.item.batch", "End": True}}
    run = machines.run(ending(distributed(bucket, inner)), GIVEN)
    assert run.output() == [0, 1, 2, 3, 4, 5]
    assert run.types() == [
        "ExecutionStarted",
        "MapStateEntered",
        "MapStateStarted",
        "MapRunStarted",
        "MapRunSucceeded",
        "MapStateSucceeded",
        "MapStateExited",
        "ExecutionSucceeded",
    ]
    facts = map_run(run)
    assert facts["status"] == "SUCCEEDED"
    assert facts["itemCounts"]["succeeded"] == facts["itemCounts"]["total"] == 6


def test_every_child_has_its_own_input_and_history(machines, bucket):
    inner = {"Take": {"Type": "Pass", "End": True}}
    run = machines.run(ending(distributed(bucket, inner, ResultPath=None)), GIVEN)
    assert run.output() == GIVEN
    inputs = []
    for child in children(run):
        assert child.types() == [
            "ExecutionStarted",
            "PassStateEntered",
            "PassStateExited",
            "ExecutionSucceeded",
        ]
        inputs.append(json.loads(child.facts["input"]))
        assert child.facts["mapRunArn"] == map_run(run)["mapRunArn"]
    assert sorted(inputs, key=lambda one: one["item"]["batch"]) == [
        {"item": item, "owner": "owner"} for item in ITEMS
    ]


def test_tolerated_failures_leave_the_map_successful(lambdas, machines, bucket):
    arn = lambdas.deploy("odd", FAIL_SOME)
    state = distributed(
        bucket, {"Work": task(arn)}, ToleratedFailurePercentage=100, ResultPath=None
    )
    run = machines.run(ending(state), GIVEN)
    assert run.output() == GIVEN
    counts = map_run(run)["itemCounts"]
    assert (counts["succeeded"], counts["failed"]) == (3, 3)
    errors = [child.facts.get("error") for child in children(run)]
    assert sorted(filter(None, errors)) == ["ValueError"] * 3


def test_failure_beyond_the_tolerated_fails_the_map(lambdas, machines, bucket):
    arn = lambdas.deploy("odd", FAIL_SOME)
    state = distributed(bucket, {"Work": task(arn)}, MaxConcurrency=1)
    run = machines.run(ending(state), GIVEN)
    facts = run.ended()
    assert facts["error"] == "States.ExceedToleratedFailureThreshold"
    assert "MapRunFailed" in run.types()
    counts = map_run(run)["itemCounts"]
    assert (counts["failed"], counts["aborted"]) == (1, 4)


def test_no_more_children_run_at_once_than_allowed(lambdas, machines, bucket):
    inner = {"Rest": {"Type": "Wait", "Seconds": 60, "End": True}}
    run = machines.run(ending(distributed(bucket, inner)), GIVEN)
    until(lambda: "MapRunStarted" in run.types())
    until(lambda: map_run(run)["itemCounts"]["running"] == 3)
    assert map_run(run)["itemCounts"]["pending"] == 3
    run.states.stop_execution(executionArn=run.arn)


def test_token_inside_a_child_waits_for_its_own_answer(lambdas, machines, bucket):
    arn = lambdas.deploy("park", "def handle(event, context): pass")
    inner = {
        "Park": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": {
                "FunctionName": arn,
                "Payload": {"token.$": "$$.Task.Token"},
            },
            "End": True,
        }
    }
    state = distributed(bucket, inner, MaxConcurrency=0)
    run = machines.run(ending(state), GIVEN)
    until(lambda: "MapRunStarted" in run.types())
    parked = until(
        lambda: (
            [child for child in children(run) if "TaskSubmitted" in child.types()]
            if len(children(run)) == 6
            and all("TaskSubmitted" in child.types() for child in children(run))
            else None
        )
    )
    for child in reversed(parked):
        scheduled = child.events()[2]["taskScheduledEventDetails"]
        token = json.loads(scheduled["parameters"])["Payload"]["token"]
        batch = json.loads(child.facts["input"])["item"]["batch"]
        run.states.send_task_success(taskToken=token, output=json.dumps(batch))
    assert run.output() == [0, 1, 2, 3, 4, 5]


def test_stopping_the_parent_ends_its_children(lambdas, machines, bucket):
    inner = {"Rest": {"Type": "Wait", "Seconds": 60, "End": True}}
    run = machines.run(ending(distributed(bucket, inner)), GIVEN)
    until(lambda: "MapRunStarted" in run.types() and len(children(run)) == 3)
    run.states.stop_execution(executionArn=run.arn, error="Enough")
    assert {child.facts["status"] for child in children(run)} == {"ABORTED"}
    assert map_run(run)["status"] == "ABORTED"
    assert children(run)[0].types()[-1] == "ExecutionAborted"


def test_missing_object_is_an_item_reader_failure_that_catch_sees(machines, bucket):
    inner = {"Take": {"Type": "Pass", "End": True}}
    state = {
        **distributed(bucket, inner),
        "Catch": [{"ErrorEquals": ["States.ItemReaderFailed"], "Next": "Caught"}],
        "End": True,
    }
    states = {"Only": state, "Caught": {"Type": "Succeed"}}
    run = machines.run(states, {"owner": "owner", "ref": "absent"})
    assert run.output()["Error"] == "States.ItemReaderFailed"


def test_results_together_are_held_to_the_limit_even_when_discarded(
    lambdas, machines, bucket
):
    arn = lambdas.deploy("large", "def handle(e, c): return 'x' * 60_000")
    state = distributed(bucket, {"Work": task(arn)}, ResultPath=None)
    run = machines.run(ending(state), GIVEN)
    assert run.ended()["error"] == "States.DataLimitExceeded"


def test_items_may_come_from_the_input(machines):
    inner = {"Take": {"Type": "Pass", "End": True}}
    state = {**distributed("unused", inner), "ItemsPath": "$.items"}
    del state["ItemReader"], state["ItemSelector"]
    assert machines.run(ending(state), {"items": [1, 2]}).output() == [1, 2]
