"""States one by one: what each does with its data, and what its history shows."""

import json

import pytest
from botocore.exceptions import ClientError

from emulator_deployments import ending, error_code


def test_history_of_a_task_has_the_events_and_data_that_aws_shows(lambdas, machines):
    arn = lambdas.deploy("echo", "def handle(event, context): return {'got': event}")
    run = machines.run(
        ending(
            {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": arn, "Payload.$": "$.inner"},
                "ResultSelector": {"answer.$": "$.Payload.got"},
                "ResultPath": "$.result",
            }
        ),
        {"inner": {"n": 1}},
    )
    assert run.output() == {"inner": {"n": 1}, "result": {"answer": {"n": 1}}}
    events = run.events()
    assert [(e["id"], e["previousEventId"], e["type"]) for e in events] == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "TaskStateEntered"),
        (3, 2, "TaskScheduled"),
        (4, 3, "TaskStarted"),
        (5, 4, "TaskSucceeded"),
        (6, 5, "TaskStateExited"),
        (7, 6, "ExecutionSucceeded"),
    ]
    assert events[1]["stateEnteredEventDetails"]["input"] == '{"inner":{"n":1}}'
    scheduled = events[2]["taskScheduledEventDetails"]
    assert (scheduled["resourceType"], scheduled["resource"]) == ("lambda", "invoke")
    assert json.loads(scheduled["parameters"])["Payload"] == {"n": 1}
    answer = json.loads(events[4]["taskSucceededEventDetails"]["output"])
    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"
    assert json.loads(events[5]["stateExitedEventDetails"]["output"]) == run.output()


def test_result_path_null_keeps_the_input_and_drops_the_result(lambdas, machines):
    lambdas.deploy("any", "def handle(event, context): return [1, 2, 3]")
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": "any"},
        "ResultPath": None,
    }
    assert machines.run(ending(state), {"kept": 1}).output() == {"kept": 1}


def test_function_arn_as_resource_hands_over_the_input_itself(lambdas, machines):
    arn = lambdas.deploy("direct", "def handle(event, context): return event['n'] + 1")
    run = machines.run(ending({"Type": "Task", "Resource": arn}), {"n": 1})
    assert run.output() == 2
    assert run.types()[2:5] == [
        "LambdaFunctionScheduled",
        "LambdaFunctionStarted",
        "LambdaFunctionSucceeded",
    ]


@pytest.mark.parametrize(
    ("given", "reached"),
    [
        ({"kind": "done"}, "finished"),
        ({"kind": "sleep", "seconds": 5}, "short"),
        ({"kind": "sleep", "seconds": 50}, "long"),
        ({"kind": "other", "flag": None}, "flagged"),
        ({"kind": "other"}, "neither"),
    ],
)
def test_choice_takes_the_first_rule_that_holds(machines, given, reached):
    rules = [
        {"Variable": "$.kind", "StringEquals": "done", "Next": "finished"},
        {
            "And": [
                {"Variable": "$.kind", "StringEquals": "sleep"},
                {"Not": {"Variable": "$.seconds", "NumericGreaterThan": 10}},
            ],
            "Next": "short",
        },
        {
            "Or": [
                {"Variable": "$.kind", "StringEquals": "sleep"},
                {"Variable": "$.kind", "StringEquals": "wait"},
            ],
            "Next": "long",
        },
        {"Variable": "$.flag", "IsPresent": True, "Next": "flagged"},
    ]
    names = ("finished", "short", "long", "flagged", "neither")
    states = {
        "Choose": {"Type": "Choice", "Choices": rules, "Default": "neither"},
        **{name: {"Type": "Pass", "Result": name, "End": True} for name in names},
    }
    assert machines.run(states, given).output() == reached


def test_choice_without_a_match_or_default_fails(machines):
    rule = {"Variable": "$.n", "NumericEquals": 1, "Next": "Only"}
    states = {
        "Choose": {"Type": "Choice", "Choices": [rule]},
        "Only": {"Type": "Succeed"},
    }
    assert machines.run(states, {"n": 2}).ended()["error"] == "States.NoChoiceMatched"


def test_choice_over_a_missing_variable_breaks_the_execution(machines):
    rule = {"Variable": "$.absent", "NumericEquals": 1, "Next": "Only"}
    states = {
        "Choose": {"Type": "Choice", "Choices": [rule], "Default": "Only"},
        "Only": {"Type": "Succeed"},
    }
    facts = machines.run(states).ended()
    assert facts["error"] == "States.Runtime"
    assert "$.absent" in facts["cause"]
    assert "entered at the event id #2" in facts["cause"]


def test_wait_takes_its_seconds_from_the_input(emulator, machines):
    emulator.scale_waits(0.001)
    state = {"Type": "Wait", "SecondsPath": "$.seconds"}
    run = machines.run(ending(state), {"seconds": 100})
    assert run.output() == {"seconds": 100}
    assert run.types()[1:3] == ["WaitStateEntered", "WaitStateExited"]


def test_wait_takes_as_long_as_it_says(machines):
    run = machines.run(ending({"Type": "Wait", "Seconds": 1}))
    run.output()
    facts = run.facts
    assert (facts["stopDate"] - facts["startDate"]).total_seconds() >= 0.9


@pytest.mark.parametrize(
    ("field", "moment"),
    [("Timestamp", "2020-01-01T00:00:00Z"), ("TimestampPath", "$.at")],
)
def test_wait_until_a_moment_that_has_passed_is_over_at_once(machines, field, moment):
    given = {"at": "2020-01-01T00:00:00+02:00"}
    run = machines.run(ending({"Type": "Wait", field: moment}), given)
    assert run.output() == given


@pytest.mark.parametrize(
    ("state", "given"),
    [
        ({"Type": "Wait", "SecondsPath": "$.s"}, {"s": "1"}),
        ({"Type": "Wait", "TimestampPath": "$.s"}, {"s": "soon"}),
        ({"Type": "Map", "ItemProcessor": {}}, {"not": "a list"}),
    ],
)
def test_data_of_the_wrong_type_breaks_the_execution(machines, state, given):
    if "ItemProcessor" in state:
        inner = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
        state = {**state, "ItemProcessor": inner}
    assert machines.run(ending(state), given).ended()["error"] == "States.Runtime"


def test_time_limit_of_a_task_may_come_from_the_input(lambdas, machines):
    arn = lambdas.deploy("slow", "import time\ndef handle(e, c): time.sleep(20)")
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": arn},
        "TimeoutSecondsPath": "$.limit",
    }
    run = machines.run(ending(state), {"limit": 1})
    assert run.ended()["error"] == "States.Timeout"
    assert (
        machines.run(ending(state), {"limit": 0}).ended()["error"] == "States.Runtime"
    )


def test_fail_takes_error_and_cause_from_the_input(machines):
    state = {
        "Type": "Fail",
        "ErrorPath": "$.error",
        "CausePath": "States.Format('{} at {}', $.cause, $$.State.Name)",
    }
    run = machines.run({"Lost": state}, {"error": "Mine", "cause": "why"})
    facts = run.ended()
    assert (facts["status"], facts["error"]) == ("FAILED", "Mine")
    assert facts["cause"] == "why at Lost"
    assert run.types() == ["ExecutionStarted", "FailStateEntered", "ExecutionFailed"]
    assert "output" not in facts


def test_fail_with_fixed_words(machines):
    states = {"Lost": {"Type": "Fail", "Error": "E", "Cause": "C"}}
    facts = machines.run(states).ended()
    assert (facts["error"], facts["cause"]) == ("E", "C")


def test_succeed_ends_with_what_output_path_selects(machines):
    states = {"Done": {"Type": "Succeed", "OutputPath": "$.a[1]"}}
    assert machines.run(states, {"a": [1, {"b": 2}]}).output() == {"b": 2}


def test_context_object_names_the_execution_the_state_and_the_machine(machines):
    wanted = {
        "id.$": "$$.Execution.Id",
        "name.$": "$$.Execution.Name",
        "given.$": "$$.Execution.Input",
        "state.$": "$$.State.Name",
        "retries.$": "$$.State.RetryCount",
        "machine.$": "$$.StateMachine.Id",
    }
    arn = machines.deploy(ending({"Type": "Pass", "Parameters": wanted}))
    run = machines.start(arn, {"n": 1}, name="named")
    assert run.output() == {
        "id": run.arn,
        "name": "named",
        "given": {"n": 1},
        "state": "Only",
        "retries": 0,
        "machine": arn,
    }


def test_intrinsics_compute_from_paths_and_constants(machines):
    wanted = {
        "text.$": r"States.Format('a/{}/\'{}\'/\{\}', $.name, $.list)",
        "sum.$": "States.MathAdd($.n, -1)",
        "parsed.$": "States.StringToJson($.json)",
        "nested.$": "States.ArrayGetItem(States.StringSplit($.name, '.'), 1)",
        "length.$": "States.ArrayLength($.list)",
        "pages.$": "States.ArrayPartition($.list, 2)",
    }
    given = {"name": "x.y", "n": 5, "json": '{"k":[1]}', "list": [1, 2, 3]}
    run = machines.run(ending({"Type": "Pass", "Parameters": wanted}), given)
    assert run.output() == {
        "text": "a/x.y/'[1,2,3]'/{}",
        "sum": 4,
        "parsed": {"k": [1]},
        "nested": "y",
        "length": 3,
        "pages": [[1, 2], [3]],
    }


def test_missing_path_in_parameters_breaks_the_execution_past_any_catch(machines):
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": "any", "Payload.$": "$.absent"},
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}],
        "End": True,
    }
    facts = machines.run({"Only": state, "Caught": {"Type": "Succeed"}}).ended()
    assert facts["error"] == "States.Runtime"
    assert "$.absent" in facts["cause"]


def test_parallel_runs_branches_together_and_keeps_their_order(machines):
    branches = [
        {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "End": True}}},
        {
            "StartAt": "P",
            "States": {"P": {"Type": "Pass", "Result": "quick", "End": True}},
        },
    ]
    run = machines.run(ending({"Type": "Parallel", "Branches": branches}), {"n": 1})
    assert run.output() == [{"n": 1}, "quick"]


def test_failing_branch_stops_its_siblings_at_once(machines):
    slow = {"Type": "Wait", "Seconds": 60, "End": True}
    bad = {"Type": "Fail", "Error": "Bad"}
    branches = [
        {"StartAt": "W", "States": {"W": slow}},
        {"StartAt": "F", "States": {"F": bad}},
    ]
    state = {
        "Type": "Parallel",
        "Branches": branches,
        "Catch": [{"ErrorEquals": ["Bad"], "ResultPath": "$.why", "Next": "Caught"}],
        "End": True,
    }
    run = machines.run({"Only": state, "Caught": {"Type": "Succeed"}}, {"n": 1})
    assert run.output() == {"n": 1, "why": {"Error": "Bad", "Cause": ""}}
    assert "ParallelStateFailed" in run.types()


def test_inline_map_runs_its_processor_on_each_item(machines):
    inner = {
        "StartAt": "P",
        "States": {"P": {"Type": "Pass", "OutputPath": "$.item", "End": True}},
    }
    state = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "ItemSelector": {
            "item.$": "$$.Map.Item.Value",
            "at.$": "$$.Map.Item.Index",
        },
        "MaxConcurrency": 2,
        "ItemProcessor": inner,
        "ResultPath": "$.out",
    }
    run = machines.run(ending(state), {"items": [3, 2, 1]})
    assert run.output()["out"] == [3, 2, 1]
    assert run.types().count("MapIterationSucceeded") == 3


def test_failing_iteration_fails_an_inline_map_with_its_error(machines):
    graph = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Bad"}}}
    run = machines.run(ending({"Type": "Map", "ItemProcessor": graph}), [1])
    assert run.ended()["error"] == "Bad"
    assert run.types()[-3:] == [
        "MapIterationFailed",
        "MapStateFailed",
        "ExecutionFailed",
    ]


def test_execution_over_its_time_limit_is_timed_out(machines):
    run = machines.run(ending({"Type": "Wait", "Seconds": 60}), TimeoutSeconds=1)
    facts = run.ended()
    assert facts["status"] == "TIMED_OUT"
    assert run.types()[-1] == "ExecutionTimedOut"


def test_resource_that_is_no_arn_is_refused(machines):
    with pytest.raises(ClientError) as refused:
        machines.deploy(ending({"Type": "Task", "Resource": "lambda"}))
    assert error_code(refused.value) == "InvalidDefinition"


def test_other_services_are_reached_through_their_integrations(emulator, machines):
    emulator.client("dynamodb").create_table(
        TableName="table",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::dynamodb:putItem",
        "Parameters": {"TableName": "table", "Item": {"id": {"S.$": "$.id"}}},
        "ResultPath": None,
    }
    machines.run(ending(state), {"id": "a"}).output()
    items = emulator.client("dynamodb").scan(TableName="table")["Items"]
    assert items == [{"id": {"S": "a"}}]
    gone = {**state, "Parameters": {"TableName": "gone", "Item": {}}}
    facts = machines.run(ending(gone)).ended()
    assert "ResourceNotFound" in facts["error"]
