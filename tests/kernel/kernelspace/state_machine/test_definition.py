"""The generated state machine: lint, policy, and every state's input and output."""

import json
from typing import Any, get_args

import pytest
from statelint.linter import Linter

from analemma.errors import retryable_names
from analemma.kernelspace.state_machine import FunctionArns, definition
from analemma.records.envelope import (
    BuryEvent,
    ParkEvent,
    ParkItem,
    SliceEvent,
    WorkerEvent,
)
from analemma.records.policy import FanOutPolicy, RetryPolicy
from analemma.records.transition import (
    TRANSITION,
    AwaitApproval,
    Continue,
    Done,
    Failed,
    FanOut,
    Renew,
    Sleep,
    Terminated,
    TerminationReason,
    Transition,
)

REF = "a" * 64
IDS = {"run_id": "run-1", "owner": "local"}
EXAMPLES = (
    Continue(**IDS),
    FanOut(**IDS, ref=REF, batches=3),
    AwaitApproval(**IDS, ref=REF, approvals=1),
    Sleep(**IDS, seconds=5),
    Renew(**IDS, generation=2),
    Done(**IDS, ref=REF),
    Failed(**IDS, ref=REF),
    Terminated(**IDS, reason=TerminationReason.TOKENS, ref=REF),
)
CONTEXT = {
    "Execution": {"Id": "arn:aws:states:eu-west-1:123456789012:execution:k:run-1"},
    "StateMachine": {"Id": "arn:aws:states:eu-west-1:123456789012:stateMachine:k"},
    "Task": {"Token": "token"},
}
# What statelint, which knows the language, calls unknown although AWS defines it.
AWS_ONLY = ('Field "Label" not allowed', 'Field "InputType" not allowed')


def machine(**changes: Any) -> dict[str, Any]:
    arguments = {
        "retry": RetryPolicy(),
        "fan_out": FanOutPolicy(),
        "functions": FunctionArns(
            *(f"arn:aws:lambda:eu-west-1:123456789012:function:{n}" for n in "swpb")
        ),
        "bucket": "pages-bucket",
    }
    return definition(**{**arguments, **changes})


def resolve(template: Any, data: dict[str, Any]) -> Any:
    """Fill a payload template as Step Functions does, for the paths we use."""
    if template == {} or not isinstance(template, dict):
        return template
    filled = {}
    for name, value in template.items():
        if name.endswith(".$"):
            filled[name[:-2]] = path(value, data)
        else:
            filled[name] = resolve(value, data)
    return filled


def path(expression: str, data: dict[str, Any]) -> Any:
    if expression.startswith("States.Format("):
        form, *arguments = expression[14:-1].split(", ")
        return form.strip("'").format(*(path(each, data) for each in arguments))
    start: Any = CONTEXT if expression.startswith("$$") else data
    for part in expression.lstrip("$").strip(".").split("."):
        start = start[part] if part else start
    return start


def next_after(transition: Transition, states: dict[str, Any]) -> str:
    kind = transition.model_dump(mode="json")["kind"]
    for choice in states["Route"]["Choices"]:
        if choice["StringEquals"] == kind:
            return choice["Next"]
    return states["Route"]["Default"]


def test_definition_passes_the_lint_of_the_language() -> None:
    problems = [
        problem
        for problem in Linter.validate(machine())
        if not problem.startswith(AWS_ONLY)
    ]

    assert problems == []


def test_lint_would_find_a_state_that_does_not_exist() -> None:
    broken = machine()
    broken["States"]["Sleep"]["Next"] = "Nowhere"

    assert any("Nowhere" in problem for problem in Linter.validate(broken))


def test_every_kind_of_transition_has_an_example_here() -> None:
    union = get_args(get_args(Transition)[0])

    assert {type(example) for example in EXAMPLES} == set(union)


@pytest.mark.parametrize("transition", EXAMPLES, ids=lambda each: each.kind)
def test_every_transition_is_routed_to_a_state_of_its_own(
    transition: Transition,
) -> None:
    states = machine()["States"]

    target = next_after(transition, states)

    assert target in states
    assert target != "UnknownTransition"
    assert [
        other.kind for other in EXAMPLES if next_after(other, states) == target
    ] == [transition.kind]


@pytest.mark.parametrize("transition", EXAMPLES, ids=lambda each: each.kind)
def test_a_slice_can_run_after_every_transition(transition: Transition) -> None:
    payload = machine()["States"]["Slice"]["Parameters"]["Payload"]

    event = resolve(payload, transition.model_dump(mode="json"))

    assert SliceEvent.model_validate(event).run_id == "run-1"


def test_slice_output_is_the_transition_and_nothing_around_it() -> None:
    state = machine()["States"]["Slice"]
    answer = {"StatusCode": 200, "Payload": EXAMPLES[0].model_dump(mode="json")}

    assert TRANSITION.validate_python(path(state["OutputPath"], answer)) == EXAMPLES[0]


@pytest.mark.parametrize("name", ["FanOut", "AwaitApprovals"])
def test_a_map_reads_its_items_from_the_page_that_the_transition_names(
    name: str,
) -> None:
    state = machine()["States"][name]

    parameters = resolve(
        state["ItemReader"]["Parameters"], {"owner": "local", "ref": REF}
    )

    assert parameters == {"Bucket": "pages-bucket", "Key": f"pages/local/{REF}"}
    assert state["ToleratedFailurePercentage"] == 100
    assert state["ResultPath"] is None
    assert state["Next"] == {"FanOut": "Join", "AwaitApprovals": "Slice"}[name]


def test_the_slice_after_a_fan_out_is_told_which_one_it_joins() -> None:
    join = machine()["States"]["Join"]
    transition = FanOut(**IDS, ref=REF, batches=3).model_dump(mode="json")

    event = resolve(join["Parameters"]["Payload"], transition)

    assert SliceEvent.model_validate(event).joins == REF
    assert join["Next"] == "Route"


def test_a_worker_gets_its_item_as_it_is_and_its_answer_is_dropped() -> None:
    worker = machine()["States"]["FanOut"]["ItemProcessor"]["States"]["Worker"]
    item = WorkerEvent(**IDS, ref=REF, batch=0).model_dump(mode="json")

    event = path(worker["Parameters"]["Payload.$"], item)

    assert WorkerEvent.model_validate(event) == WorkerEvent(**IDS, ref=REF, batch=0)
    assert path(worker["OutputPath"], {"StatusCode": 200, "Payload": {}}) == {}


def test_a_park_gets_its_item_and_a_token_of_its_own() -> None:
    waits = machine()["States"]["AwaitApprovals"]
    park = waits["ItemProcessor"]["States"]["Park"]
    item = ParkItem(**IDS, approval_id="ap-1").model_dump(mode="json")
    assert waits["ItemSelector"] == {
        "item.$": "$$.Map.Item.Value",
        "seconds.$": "$.seconds",
    }

    event = resolve(park["Parameters"]["Payload"], {"item": item, "seconds": 9})

    assert ParkEvent.model_validate(event).token == "token"
    assert park["Resource"].endswith(".waitForTaskToken")


def test_a_wait_ends_unanswered_before_its_execution_does_and_is_not_retried() -> None:
    states = machine()["States"]["AwaitApprovals"]["ItemProcessor"]["States"]
    park = states["Park"]

    assert park["TimeoutSecondsPath"] == "$.seconds"
    assert not any("States.Timeout" in each["ErrorEquals"] for each in park["Retry"])
    (caught,) = park["Catch"]
    assert caught["ErrorEquals"] == ["States.Timeout"]
    assert states[caught["Next"]] == {"Type": "Succeed"}


def test_a_buried_run_is_named_with_what_was_caught() -> None:
    states = machine()["States"]
    caught = {**IDS, "caught": {"Error": "Runtime.ExitError", "Cause": "killed"}}

    event = resolve(states["Bury"]["Parameters"]["Payload"], caught)

    assert BuryEvent.model_validate(event).error == "Runtime.ExitError"
    assert states[states["Bury"]["Next"]]["Type"] == "Fail"


def test_a_renewed_execution_is_named_by_run_and_generation() -> None:
    renew = machine()["States"]["Renew"]
    transition = Renew(**IDS, generation=7).model_dump(mode="json")

    parameters = resolve(renew["Parameters"], transition)

    assert parameters["Name"] == "run-1-7"
    assert parameters["Input"] == IDS


def test_policy_decides_retries_and_concurrency_and_nothing_else() -> None:
    calm = machine()
    eager = machine(
        retry=RetryPolicy(max_attempts=9, interval_seconds=7, backoff_rate=3.0),
        fan_out=FanOutPolicy(max_concurrency=50),
    )

    assert eager["States"]["FanOut"]["MaxConcurrency"] == 50
    assert eager["States"]["Slice"]["Retry"][1]["MaxAttempts"] == 9
    assert without_policy(eager) == without_policy(calm)


def without_policy(document: Any) -> Any:
    if isinstance(document, dict):
        return {
            name: without_policy(value)
            for name, value in document.items()
            if name not in ("Retry", "MaxConcurrency")
        }
    if isinstance(document, list):
        return [without_policy(value) for value in document]
    return document


def test_every_retryable_error_is_retried_and_no_rejection_is() -> None:
    (retrier,) = [
        each
        for each in machine()["States"]["Slice"]["Retry"]
        if "LeaseLost" in each["ErrorEquals"]
    ]

    assert set(retryable_names()) <= set(retrier["ErrorEquals"])
    assert "Rejected" not in retrier["ErrorEquals"]
    assert "States.ALL" not in retrier["ErrorEquals"]


def test_every_task_catches_what_is_left_except_the_one_that_buries() -> None:
    states = machine()["States"]

    for name in ("Slice", "Join", "FanOut", "AwaitApprovals", "Renew"):
        (catcher,) = states[name]["Catch"]
        assert catcher["ErrorEquals"] == ["States.ALL"]
        assert catcher["Next"] == "Bury"


@pytest.mark.parametrize("transition", EXAMPLES, ids=lambda each: each.kind)
def test_a_transition_is_far_below_its_limit(transition: Transition) -> None:
    longest = transition.model_copy(update={"run_id": "r" * 64, "owner": "o" * 64})

    assert len(longest.model_dump_json()) < 512
    assert json.loads(longest.model_dump_json())["kind"] == transition.kind
