"""Tasks that wait for somebody: handed out, answered once, stopped."""

import json

import pytest
from botocore.exceptions import ClientError

from emulator_deployments import Run, error_code, until

PARK = """
    import json
    def handle(event, context):
        print("token=" + event["token"])
"""


def waiting(function: str, **more: object) -> dict:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {
            "FunctionName": function,
            "Payload": {"token.$": "$$.Task.Token", "given.$": "$"},
        },
        "End": True,
        **more,
    }


def token_of(run: Run) -> str:
    until(lambda: "TaskSubmitted" in run.types())
    events = [e for e in run.events() if e["type"] == "TaskScheduled"]
    details = events[-1]["taskScheduledEventDetails"]
    return json.loads(details["parameters"])["Payload"]["token"]


def refusal(call: object, **request: object) -> str:
    with pytest.raises(ClientError) as refused:
        call(**request)
    return error_code(refused.value)


@pytest.fixture
def park(lambdas):
    return lambdas.deploy("park", PARK)


def test_success_resumes_the_task_with_its_output(machines, park):
    run = machines.run({"Only": waiting(park)}, {"n": 1})
    token = token_of(run)
    assert run.facts["status"] == "RUNNING"
    run.states.send_task_success(taskToken=token, output='{"yes": true}')
    assert run.output() == {"yes": True}
    assert run.types()[2:6] == [
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
    ]


def test_failure_fails_the_task_with_error_and_cause(machines, park):
    run = machines.run({"Only": waiting(park)})
    run.states.send_task_failure(taskToken=token_of(run), error="No", cause="because")
    facts = run.ended()
    assert (facts["error"], facts["cause"]) == ("No", "because")


def test_token_answers_once(machines, park):
    run = machines.run({"Only": waiting(park)})
    token = token_of(run)
    run.states.send_task_success(taskToken=token, output="1")
    for call, request in (
        (run.states.send_task_success, {"output": "2"}),
        (run.states.send_task_failure, {}),
        (run.states.send_task_heartbeat, {}),
    ):
        assert refusal(call, taskToken=token, **request) == "TaskTimedOut"
    assert run.output() == 1


def test_token_nobody_handed_out_is_invalid(emulator):
    states = emulator.client("stepfunctions")
    code = refusal(states.send_task_success, taskToken="made-up", output="1")
    assert code == "InvalidToken"


def test_output_that_is_no_json_is_refused_and_the_task_still_waits(machines, park):
    run = machines.run({"Only": waiting(park)})
    token = token_of(run)
    success = run.states.send_task_success
    assert refusal(success, taskToken=token, output="{") == "InvalidOutput"
    too_large = json.dumps("x" * 262_144)
    assert refusal(success, taskToken=token, output=too_large) == "ValidationException"
    success(taskToken=token, output="1")
    assert run.output() == 1


def test_failing_function_fails_the_waiting_task_at_once(lambdas, machines):
    arn = lambdas.deploy("cannot", "def handle(e, c): raise ValueError('no park')")
    run = machines.run({"Only": waiting(arn)})
    assert run.ended()["error"] == "ValueError"


def test_wait_ends_with_the_task_time_limit(machines, park):
    run = machines.run({"Only": waiting(park, TimeoutSeconds=1)})
    token = token_of(run)
    assert run.ended()["error"] == "States.Timeout"
    success = run.states.send_task_success
    assert refusal(success, taskToken=token, output="1") == "TaskTimedOut"


def test_silence_longer_than_a_heartbeat_fails_the_task(machines, park):
    run = machines.run({"Only": waiting(park, HeartbeatSeconds=1)})
    run.states.send_task_heartbeat(taskToken=token_of(run))
    assert run.ended()["error"] == "States.HeartbeatTimeout"


def test_function_may_answer_its_own_token(emulator, lambdas, machines):
    arn = lambdas.deploy(
        "itself",
        """
        import json, os, urllib.request
        def handle(event, context):
            body = json.dumps({"taskToken": event["token"], "output": '"self"'})
            urllib.request.urlopen(urllib.request.Request(
                os.environ["AWS_ENDPOINT_URL"], body.encode(), {
                    "X-Amz-Target": "AWSStepFunctions.SendTaskSuccess",
                    "Content-Type": "application/x-amz-json-1.0",
                    "Authorization": "AWS4-HMAC-SHA256 Credential="
                    + os.environ["AWS_ACCESS_KEY_ID"]
                    + "/20260101/us-east-1/states/aws4_request",
                })).read()
        """,
    )
    assert machines.run({"Only": waiting(arn)}).output() == "self"


def test_stopping_reaches_a_parked_task(machines, park):
    run = machines.run({"Only": waiting(park)})
    token = token_of(run)
    run.states.stop_execution(executionArn=run.arn, error="Enough", cause="by hand")
    facts = run.facts
    assert (facts["status"], facts["error"], facts["cause"]) == (
        "ABORTED",
        "Enough",
        "by hand",
    )
    last = run.events()[-1]
    assert last["type"] == "ExecutionAborted"
    assert last["executionAbortedEventDetails"] == {
        "error": "Enough",
        "cause": "by hand",
    }
    success = run.states.send_task_success
    assert refusal(success, taskToken=token, output="1") == "TaskTimedOut"
    run.states.stop_execution(executionArn=run.arn, error="Again")
    assert run.facts["error"] == "Enough"
