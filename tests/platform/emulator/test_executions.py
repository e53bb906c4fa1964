"""Executions as a whole: names, limits, definitions that change or are wrong."""

import json

import pytest
from botocore.exceptions import ClientError

from emulator_deployments import ROLE, Run, ending, error_code, until

PASS = ending({"Type": "Pass"})
WAIT = ending({"Type": "Wait", "Seconds": 60})
LIMIT = 262_144


def test_starting_again_by_name_and_input_finds_the_running_execution(machines):
    arn = machines.deploy(WAIT)
    first = machines.start(arn, {"n": 1}, name="once")
    assert machines.start(arn, {"n": 1}, name="once").arn == first.arn


def test_starting_by_a_name_in_use_with_another_input_is_refused(machines):
    arn = machines.deploy(WAIT)
    machines.start(arn, {"n": 1}, name="once")
    with pytest.raises(ClientError) as refused:
        machines.start(arn, {"n": 2}, name="once")
    assert error_code(refused.value) == "ExecutionAlreadyExists"


def test_starting_by_the_name_of_an_ended_execution_is_refused(machines):
    arn = machines.deploy(PASS)
    machines.start(arn, {}, name="once").output()
    with pytest.raises(ClientError) as refused:
        machines.start(arn, {}, name="once")
    assert error_code(refused.value) == "ExecutionAlreadyExists"


@pytest.mark.parametrize(
    ("request_part", "code"),
    [
        ({"input": "{"}, "InvalidExecutionInput"),
        ({"input": json.dumps("x" * LIMIT)}, "ValidationException"),
        ({"name": "a b"}, "InvalidName"),
        ({"stateMachineArn": "arn:aws:states:us-east-1:1:stateMachine:no"}, None),
    ],
)
def test_malformed_starts_are_refused(emulator, machines, request_part, code):
    request = {"stateMachineArn": machines.deploy(PASS), **request_part}
    with pytest.raises(ClientError) as refused:
        emulator.client("stepfunctions").start_execution(**request)
    assert error_code(refused.value) == (code or "StateMachineDoesNotExist")


def test_task_starts_another_execution_and_does_not_wait(machines):
    inner = machines.deploy(WAIT)
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution",
        "Parameters": {
            "StateMachineArn": inner,
            "Name.$": "States.Format('{}-next', $.name)",
            "Input": {"from.$": "$$.Execution.Id"},
        },
    }
    run = machines.run(ending(state), {"name": "run"})
    other = Run(run.states, run.output()["ExecutionArn"])
    assert other.arn.endswith(":run-next")
    assert json.loads(other.facts["input"]) == {"from": run.arn}
    assert other.facts["status"] == "RUNNING"
    again = machines.run(ending(state), {"name": "run"}).ended()
    assert again["error"] == "StepFunctions.ExecutionAlreadyExistsException"


def test_many_starters_of_one_name_and_input_start_one_execution(machines):
    inner = machines.deploy(WAIT)
    start = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution",
        "Parameters": {"StateMachineArn": inner, "Name": "one", "Input": {}},
        "OutputPath": "$.ExecutionArn",
        "End": True,
    }
    graph = {"StartAt": "S", "States": {"S": start}}
    state = {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": graph}
    run = machines.run(ending(state), {"items": list(range(16))})
    assert len(set(run.output())) == 1
    found = run.states.list_executions(stateMachineArn=inner)["executions"]
    assert len(found) == 1


def test_task_that_waits_for_another_execution_gets_its_output(machines):
    inner = machines.deploy(ending({"Type": "Pass", "Result": {"n": 1}}))
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Parameters": {"StateMachineArn": inner},
        "OutputPath": "$.Output",
    }
    assert machines.run(ending(state)).output() == {"n": 1}


def test_running_execution_keeps_its_definition_through_an_update(machines):
    states = {
        "First": {"Type": "Wait", "Seconds": 1, "Next": "Second"},
        "Second": {"Type": "Pass", "Result": "old", "End": True},
    }
    arn = machines.deploy(states)
    run = machines.start(arn)
    states["Second"]["Result"] = "new"
    definition = json.dumps({"StartAt": "First", "States": states})
    run.states.update_state_machine(stateMachineArn=arn, definition=definition)
    assert run.output() == "old"
    kept = run.states.describe_state_machine_for_execution(executionArn=run.arn)
    assert '"old"' in kept["definition"]
    assert machines.start(arn).output() == "new"


def test_deleting_a_machine_ends_its_executions(emulator, machines):
    arn = machines.deploy(WAIT)
    run = machines.start(arn)
    emulator.client("stepfunctions").delete_state_machine(stateMachineArn=arn)
    with pytest.raises(ClientError) as gone:
        run.states.describe_execution(executionArn=run.arn)
    assert error_code(gone.value) == "ExecutionDoesNotExist"


def test_function_result_over_the_limit_is_data_limit_exceeded(lambdas, machines):
    arn = lambdas.deploy("large", "def handle(e, c): return 'x' * 262_144")
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": arn},
        "ResultPath": None,
        "Retry": [{"ErrorEquals": ["States.ALL"]}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}],
        "End": True,
    }
    run = machines.run({"Only": state, "Caught": {"Type": "Succeed"}})
    assert run.ended()["error"] == "States.DataLimitExceeded"
    assert run.types().count("TaskScheduled") == 1


def test_output_just_within_the_limit_passes_and_one_byte_more_fails(machines):
    text = "x" * (LIMIT - 2)
    machines.run(PASS, text).output()
    wider = ending({"Type": "Pass", "Parameters": {"a.$": "$"}})
    assert machines.run(wider, text).ended()["error"] == "States.DataLimitExceeded"


def test_execution_ends_at_25000_events(machines):
    loop = {"Again": {"Type": "Pass", "Next": "Again"}}
    run = machines.run(loop)
    facts = run.ended(30)
    assert facts["error"] == "States.Runtime"
    assert "25000" in facts["cause"]
    last = run.states.get_execution_history(
        executionArn=run.arn, maxResults=1, reverseOrder=True
    )["events"][0]
    assert (last["id"], last["type"]) == (25_000, "ExecutionFailed")


BAD = {
    "dangling next": {"A": {"Type": "Pass", "Next": "B"}},
    "unreachable state": {"A": {"Type": "Succeed"}, "B": {"Type": "Succeed"}},
    "no way out": {"A": {"Type": "Pass"}},
    "unknown type": {"A": {"Type": "Past", "End": True}},
    "unknown field": {"A": {"Type": "Pass", "Nxt": "A", "End": True}},
    "bad path": {"A": {"Type": "Pass", "InputPath": "$.a[", "End": True}},
    "bad intrinsic": {
        "A": {"Type": "Pass", "Parameters": {"a.$": "States.No()"}, "End": True}
    },
    "dangling catch": {
        "A": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Z"}],
            "End": True,
        }
    },
    "wrong operand": {
        "A": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.n", "NumericEquals": "1", "Next": "A"}],
        }
    },
    "dangling inside a map": {
        "A": {
            "Type": "Map",
            "ItemProcessor": {
                "StartAt": "I",
                "States": {"I": {"Type": "Pass", "Next": "J"}},
            },
            "End": True,
        }
    },
}


@pytest.mark.parametrize("states", BAD.values(), ids=BAD)
def test_invalid_definitions_are_refused_and_change_nothing(emulator, machines, states):
    client = emulator.client("stepfunctions")
    definition = json.dumps({"StartAt": "A", "States": states})
    verdict = client.validate_state_machine_definition(definition=definition)
    assert verdict["result"] == "FAIL"
    assert verdict["diagnostics"][0]["location"].startswith("/")
    with pytest.raises(ClientError) as refused:
        machines.deploy(states, start="A")
    assert error_code(refused.value) == "InvalidDefinition"
    arn = machines.deploy(PASS)
    with pytest.raises(ClientError) as refused:
        client.update_state_machine(stateMachineArn=arn, definition=definition)
    assert error_code(refused.value) == "InvalidDefinition"
    assert machines.start(arn, {"still": "works"}).output() == {"still": "works"}


def test_valid_definition_is_called_valid(emulator):
    definition = json.dumps({"StartAt": "Only", "States": PASS})
    client = emulator.client("stepfunctions")
    verdict = client.validate_state_machine_definition(definition=definition)
    assert (verdict["result"], verdict["diagnostics"]) == ("OK", [])


def test_machine_keeps_tags_and_logging(emulator):
    client = emulator.client("stepfunctions")
    group = "arn:aws:logs:us-east-1:000000000000:log-group:states:*"
    arn = client.create_state_machine(
        name="kept",
        roleArn=ROLE,
        definition=json.dumps({"StartAt": "Only", "States": PASS}),
        tags=[{"key": "env", "value": "dev"}],
        loggingConfiguration={
            "level": "ERROR",
            "includeExecutionData": False,
            "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}],
        },
    )["stateMachineArn"]
    facts = client.describe_state_machine(stateMachineArn=arn)
    assert facts["loggingConfiguration"]["level"] == "ERROR"
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == [
        {"key": "env", "value": "dev"}
    ]


def test_reset_ends_what_runs(emulator, machines):
    run = machines.run(WAIT)
    until(lambda: "WaitStateEntered" in run.types())
    emulator.reset()
    with pytest.raises(ClientError):
        run.states.describe_execution(executionArn=run.arn)
