"""Errors of functions, and what Retry and Catch make of them."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analemma_platform.emulator.step_functions.definition import Retrier
from analemma_platform.emulator.step_functions.failures import StateFailed
from analemma_platform.emulator.step_functions.retry import Retries, sees
from emulator_deployments import invoking

COUNTING = """
    import os
    class Throttled(Exception): pass
    def handle(event, context):
        count = event.get("count_file")
        with open(count, "a") as tally:
            tally.write(".")
        if os.path.getsize(count) <= event["failures"]:
            raise Throttled(f"attempt {os.path.getsize(count)}")
        return os.path.getsize(count)
"""


@pytest.fixture
def counting(lambdas, tmp_path):
    arn = lambdas.deploy("counting", COUNTING)
    return arn, str(tmp_path / "count")


def test_retry_goes_on_until_the_function_succeeds(emulator, machines, counting):
    emulator.scale_waits(0)
    arn, path = counting
    retry = [{"ErrorEquals": ["Throttled"], "IntervalSeconds": 30, "MaxAttempts": 3}]
    run = machines.run(
        {"Only": {**invoking(arn), "Retry": retry, "End": True}},
        {"count_file": path, "failures": 2},
    )
    assert run.output() == 3
    assert run.types().count("TaskScheduled") == 3
    assert run.types().count("TaskFailed") == 2


def test_spent_retries_leave_the_error_to_the_catch(emulator, machines, counting):
    emulator.scale_waits(0)
    arn, path = counting
    state = {
        **invoking(arn),
        "Retry": [{"ErrorEquals": ["Throttled"], "MaxAttempts": 1}],
        "Catch": [
            {"ErrorEquals": ["Other"], "Next": "Wrong"},
            {"ErrorEquals": ["States.ALL"], "ResultPath": "$.why", "Next": "Right"},
        ],
        "End": True,
    }
    states = {
        "Only": state,
        "Wrong": {"Type": "Fail"},
        "Right": {"Type": "Pass", "OutputPath": "$.why", "End": True},
    }
    run = machines.run(states, {"count_file": path, "failures": 9})
    said = run.output()
    assert said["Error"] == "Throttled"
    document = json.loads(said["Cause"])
    assert document["errorType"] == "Throttled"
    assert document["errorMessage"] == "attempt 2"
    assert document["stackTrace"]


def test_uncaught_error_fails_the_execution_with_its_name(lambdas, machines):
    arn = lambdas.deploy("raises", "def handle(e, c): raise KeyError('missing')")
    facts = machines.run({"Only": {**invoking(arn), "End": True}}).ended()
    assert (facts["status"], facts["error"]) == ("FAILED", "KeyError")
    assert json.loads(facts["cause"])["errorMessage"] == "'missing'"


def test_killed_worker_is_an_exit_error_that_a_retry_may_name(
    emulator, lambdas, machines, tmp_path
):
    emulator.scale_waits(0)
    arn = lambdas.deploy(
        "dies",
        """
        import os, signal
        def handle(event, context):
            try:
                open(event["file"], "x")
            except FileExistsError:
                return "survived"
            os.kill(os.getpid(), signal.SIGKILL)
        """,
    )
    retry = [{"ErrorEquals": ["Runtime.ExitError"], "MaxAttempts": 1}]
    run = machines.run(
        {"Only": {**invoking(arn), "Retry": retry, "End": True}},
        {"file": str(tmp_path / "once")},
    )
    assert run.output() == "survived"


def test_throttled_function_is_lambda_too_many_requests(emulator, lambdas, machines):
    arn = lambdas.deploy("closed", "def handle(e, c): return 1")
    emulator.client("lambda").put_function_concurrency(
        FunctionName="closed", ReservedConcurrentExecutions=0
    )
    facts = machines.run({"Only": {**invoking(arn), "End": True}}).ended()
    assert facts["error"] == "Lambda.TooManyRequestsException"


def test_unknown_function_is_named(machines):
    facts = machines.run({"Only": {**invoking("absent"), "End": True}}).ended()
    assert facts["error"] == "Lambda.ResourceNotFoundException"
    assert "absent" in facts["cause"]


def test_task_over_its_time_limit_is_states_timeout(lambdas, machines):
    arn = lambdas.deploy("slow", "import time\ndef handle(e, c): time.sleep(20)")
    state = {
        **invoking(arn, TimeoutSeconds=1),
        "Catch": [
            {"ErrorEquals": ["States.TaskFailed"], "Next": "Wrong"},
            {"ErrorEquals": ["States.Timeout"], "Next": "Right"},
        ],
        "End": True,
    }
    states = {"Only": state, "Wrong": {"Type": "Fail"}, "Right": {"Type": "Succeed"}}
    run = machines.run(states)
    assert run.output()["Error"] == "States.Timeout"
    assert "TaskTimedOut" in run.types()


def retrier(**fields: object) -> Retrier:
    return Retrier.model_validate({"ErrorEquals": ["States.ALL"], **fields})


def delays(*retriers: Retrier, failures: int = 9) -> list[float | None]:
    retries = Retries(retriers, lambda most: most / 2)
    return [retries.delay_seconds(StateFailed("E")) for _ in range(failures)]


def test_delays_back_off_up_to_the_longest_and_then_give_up():
    one = retrier(IntervalSeconds=2, BackoffRate=3, MaxDelaySeconds=20, MaxAttempts=4)
    assert delays(one, failures=6) == [2, 6, 18, 20, None, None]


def test_defaults_are_three_attempts_after_one_two_and_four_seconds():
    assert delays(retrier(), failures=4) == [1, 2, 4, None]


def test_zero_attempts_never_retry_and_shadow_later_retriers():
    assert delays(retrier(MaxAttempts=0), retrier(), failures=1) == [None]


def test_full_jitter_draws_below_the_delay():
    one = retrier(IntervalSeconds=8, JitterStrategy="FULL", MaxAttempts=2)
    assert delays(one, failures=2) == [4, 8]


@given(st.integers(0, 2**32))
def test_jittered_delay_is_never_longer_than_the_plain_one(seed):
    source = random.Random(seed)
    one = retrier(IntervalSeconds=5, JitterStrategy="FULL")
    drawn = Retries([one], lambda most: source.uniform(0, most))
    found = drawn.delay_seconds(StateFailed("E"))
    assert found is not None
    assert 0 <= found <= 5


@pytest.mark.parametrize(
    ("names", "error", "expected"),
    [
        (["States.ALL"], "Anything", True),
        (["States.ALL"], "States.Timeout", True),
        (["States.ALL"], "States.DataLimitExceeded", False),
        (["States.DataLimitExceeded"], "States.DataLimitExceeded", True),
        (["States.TaskFailed"], "Anything", True),
        (["States.TaskFailed"], "States.Timeout", False),
        (["Mine"], "Other", False),
    ],
)
def test_wildcards_see_what_aws_lets_them_see(names, error, expected):
    assert sees(names, error) is expected
