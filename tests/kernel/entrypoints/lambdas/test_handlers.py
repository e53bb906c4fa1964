"""The kernel's Lambdas, called as Lambda calls them, on an emulated AWS."""

import hashlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import structlog

from analemma.entrypoints.lambdas import burial, invocation, parking, slices, workers
from analemma.errors import InputInvalid, RunNotFound, TargetInvalid
from analemma.hardware.aws.clients import AwsClients
from analemma.ids import LOCAL_OWNER, PageId
from analemma.kernelspace import layout
from analemma.kernelspace.admission import admit
from analemma.kernelspace.interrupts.approvals import Answer, ApprovalDesk
from analemma.kernelspace.memory.log import state_at
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.process_table import ProcessTable
from analemma.kernelspace.value_pages import load_value
from analemma.records.approval import ApprovalRecord
from analemma.records.run import RunRecord, RunStatus, WorkflowRef
from kernel_machines import REF
from stores_aws import REGION, EmulatedAws, Turnstile, emulated_aws

GRAPH = '''
"""Scatter, ask, and tell."""
import operator
from typing import Annotated, TypedDict
from langgraph.graph import START, StateGraph
from langgraph.types import Send, interrupt

class State(TypedDict, total=False):
    seen: Annotated[list[str], operator.add]

def scatter(state):
    return [Send("work", {"seen": [str(n)]}) for n in range(5)]

def work(state):
    return {"seen": [f"did {state['seen'][0]}"]}

def ask(state):
    return {"seen": [str(interrupt({"done": len(state["seen"])}))]}

graph = (
    StateGraph(State).add_node(work).add_node(ask)
    .add_conditional_edges(START, scatter, ["work"]).add_edge("work", "ask").compile()
)
'''
POLICY = '{"fan_out": {"min_tasks": 2, "batch_size": 2}}'
IDS = {"run_id": "run-1", "owner": "local"}
Handle = Callable[[object, Any], dict[str, object]]


class Context:
    """Lambda's context object, as far as we use it."""

    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@dataclass
class Tokens:
    """Takes note of the tokens that were released."""

    released: list[str] = field(default_factory=list)

    def release(self, token: str) -> bool:
        self.released.append(token)
        return True


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> Tokens:
    tokens = Tokens()
    monkeypatch.setattr(parking, "task_tokens", lambda settings: tokens)
    return tokens


@pytest.fixture(autouse=True, scope="module")
def function(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The environment of a deployed function, and its process: both outlive calls."""
    before = structlog.get_config()
    cached = (invocation.machine, invocation.loaded, invocation.traffic)
    with emulated_aws() as aws, pytest.MonkeyPatch.context() as patch:
        for name, value in environment(aws).items():
            patch.setenv(name, value)
        patch.setattr(AwsClients, "dynamodb", one_at_a_time(AwsClients.dynamodb))
        for each in cached:
            each.cache_clear()
        file = tmp_path_factory.mktemp("deployed") / "lambda_agent.py"
        file.write_text(GRAPH)
        workflow = WorkflowRef(name="agent", target=f"{file}:graph")
        invocation.machine().records.put(
            layout.workflows_partition("dev"),
            "agent",
            workflow.model_dump_json().encode(),
        )
        yield
    for each in cached:
        each.cache_clear()
    structlog.configure(**before)


def one_at_a_time(make: Callable[[AwsClients], Any]) -> Callable[[AwsClients], Any]:
    """Let one request to moto's DynamoDB through at a time; see ``stores_aws``."""

    def dynamodb(self: AwsClients) -> Any:
        client = make(self)
        Turnstile(client)
        return client

    return dynamodb


def environment(aws: EmulatedAws) -> dict[str, str]:
    return {
        "ANALEMMA_STACK": "dev",
        "ANALEMMA_TABLE": aws.new_table(),
        "ANALEMMA_BUCKET": aws.new_bucket(),
        "ANALEMMA_POLICY": POLICY,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }


@pytest.fixture
def logged() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Everything that is logged meanwhile, as the JSON it is written as."""
    lines = io.StringIO()
    before = structlog.get_config()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(lines))
    yield lambda: [json.loads(line) for line in lines.getvalue().splitlines()]
    structlog.configure(**before)


def admitted(workflow: str = "agent", seen: str = "") -> RunRecord:
    return admit(
        invocation.machine(),
        owner=LOCAL_OWNER,
        workflow=WorkflowRef(name=workflow, target="what a run says does not count"),
        value={"seen": [seen] if seen else []},
    ).record


def record(run_id: str) -> RunRecord:
    return ProcessTable(invocation.machine().records).get(LOCAL_OWNER, run_id).record


def call(handle: Handle, event: object) -> dict[str, Any]:
    """Call a handler through JSON, as Lambda does."""
    answer = handle(json.loads(json.dumps(event)), Context())
    text = json.dumps(answer)
    assert len(text) < 2048
    return dict(json.loads(text))


def items(ref: str) -> list[dict[str, Any]]:
    """Return the items that the state machine's map reads from a page."""
    page = invocation.machine().pages(LOCAL_OWNER).get(PageId(ref))
    return list(json.loads(page))


def answered(run_id: str, approval_id: str) -> ApprovalRecord:
    machine = invocation.machine()
    return ApprovalDesk(machine.records, LOCAL_OWNER).answer(
        run_id, approval_id, Answer(approved=True, by="t"), machine.clock.now()
    )


def waiting(run: RunRecord | None = None) -> tuple[RunRecord, str]:
    """Return a run that asks, and the id of its approval."""
    run = run or admitted()
    event = {"run_id": run.run_id, "owner": run.owner, "execution": "arn"}
    fan_out = call(slices.handle, event)
    assert fan_out["kind"] == "fan_out", record(run.run_id).failure
    for item in items(fan_out["ref"]):
        call(workers.handle, item)
    waits = call(slices.handle, {**event, "joins": fan_out["ref"]})
    assert waits["kind"] == "await_approval", record(run.run_id).failure
    (item,) = items(waits["ref"])
    return run, item["approval_id"]


def test_a_run_goes_from_handler_to_handler_until_it_is_done(tokens: Tokens) -> None:
    run = admitted()
    event = {"run_id": run.run_id, "owner": run.owner, "execution": "arn"}

    fan_out = call(slices.handle, event)
    assert (fan_out["kind"], fan_out["batches"]) == ("fan_out", 3)
    assert [call(workers.handle, item) for item in items(fan_out["ref"])] == [{}] * 3

    waits = call(slices.handle, {**event, "joins": fan_out["ref"]})
    assert (waits["kind"], waits["approvals"]) == ("await_approval", 1)
    (item,) = items(waits["ref"])
    assert call(parking.handle, {**item, "token": "t0ken"}) == {}
    parked = answered(run.run_id, item["approval_id"])
    assert parked.task_token == "t0ken"
    assert tokens.released == []  # whoever answers releases the token there is

    assert call(slices.handle, event)["kind"] == "done"
    assert record(run.run_id).status is RunStatus.DONE
    assert record(run.run_id).execution == "arn"


KIB = 1024
SIZES = [256 * KIB - 1, 256 * KIB, 256 * KIB + 1, KIB * KIB, 5 * KIB * KIB, 20 * KIB**2]


@pytest.mark.parametrize("size", SIZES)
def test_what_crosses_is_small_whatever_the_size_of_input_and_result(
    size: int, tokens: Tokens
) -> None:
    text = hashlib.shake_128(b"analemma").hexdigest(size // 2 + 1)[:size]
    run, approval_id = waiting(admitted(seen=text))  # every answer is measured
    answered(run.run_id, approval_id)

    done = call(slices.handle, {"run_id": run.run_id, "owner": run.owner})

    assert done["kind"] == "done", record(run.run_id).failure
    values = state_of(run.run_id)
    assert values["seen"] == [text, *(f"did {n}" for n in range(5)), "True"]
    machine = invocation.machine()
    assert load_value(machine.pages(LOCAL_OWNER), run.input_ref) == {"seen": [text]}
    assert len(record(run.run_id).model_dump_json()) < 2048


def state_of(run_id: str) -> dict[str, Any]:
    """Return a run's channels."""
    machine = invocation.machine()
    saver = PagedSaver(
        machine.records,
        machine.pages(LOCAL_OWNER),
        owner=LOCAL_OWNER,
        writer="reader",
        serde=machine.serde,
    )
    state = state_at(saver, run_id)
    assert state is not None
    return state.checkpoint["channel_values"]


def test_a_token_that_comes_after_the_answer_is_released_at_once(
    tokens: Tokens,
) -> None:
    run, approval_id = waiting()
    answered(run.run_id, approval_id)

    call(
        parking.handle,
        {
            "run_id": run.run_id,
            "owner": run.owner,
            "approval_id": approval_id,
            "token": "late",
        },
    )

    assert tokens.released == ["late"]


def test_a_run_is_buried_with_what_was_caught() -> None:
    run = admitted()
    event = {"run_id": run.run_id, "owner": run.owner}

    buried = call(burial.handle, {**event, "error": "Sandbox.Timedout", "cause": "5 s"})

    assert buried["kind"] == "failed"
    failure = record(run.run_id).failure
    assert failure is not None
    assert failure.cause == "Sandbox.Timedout: 5 s"
    assert call(slices.handle, event) == buried  # a slice that comes late


def test_the_registry_and_not_the_run_says_which_code_it_is() -> None:
    run = admitted("os")

    with pytest.raises(TargetInvalid, match=r"no workflow 'os' in dev.*agent"):
        call(slices.handle, {"run_id": run.run_id, "owner": run.owner})


GOOD: dict[str, tuple[Handle, dict[str, object]]] = {
    "slice": (slices.handle, IDS),
    "worker": (workers.handle, {**IDS, "ref": REF, "batch": 0}),
    "park": (parking.handle, {**IDS, "approval_id": "ap-1", "token": "t0ken"}),
    "bury": (burial.handle, {**IDS, "error": "E", "cause": "c"}),
}
BAD = [
    *((name, missing, None) for name in GOOD for missing in ("run_id", "owner")),
    *((name, "surprise", "x") for name in GOOD),
    ("slice", "joins", "not a page"),
    ("worker", "batch", -1),
    ("worker", "ref", "../other"),
    ("park", "token", None),
    ("bury", "error", None),
]


@pytest.mark.parametrize(("name", "field_name", "value"), BAD)
def test_an_event_of_another_shape_is_refused_by_the_name_of_the_field(
    name: str, field_name: str, value: object
) -> None:
    handle, event = GOOD[name]
    wrong = {key: each for key, each in event.items() if key != field_name}
    if value is not None:
        wrong[field_name] = value

    with pytest.raises(InputInvalid, match=f"Event: {field_name}: ") as refused:
        call(handle, wrong)

    assert "t0ken" not in str(refused.value)


@pytest.mark.parametrize("event", [None, [], "text", 7])
def test_an_event_that_is_no_object_is_refused(event: object) -> None:
    with pytest.raises(InputInvalid, match="SliceEvent: event: "):
        slices.handle(event, Context())


@pytest.mark.parametrize("name", ["slice", "worker", "bury"])
def test_an_error_leaves_without_its_traceback(name: str) -> None:
    """A caught cause becomes the input of a state, and those stay small."""
    handle, event = GOOD[name]

    with pytest.raises(RunNotFound, match="run-1") as raised:
        handle(event, Context())

    frames = raised.traceback
    assert raised.value.__cause__ is None
    assert not any("process_table" in str(frame.path) for frame in frames)


def test_an_invocation_logs_what_it_called_and_no_token(
    tokens: Tokens, logged: Callable[[], list[dict[str, Any]]]
) -> None:
    run, approval_id = waiting()

    call(
        parking.handle,
        {
            "run_id": run.run_id,
            "owner": run.owner,
            "approval_id": approval_id,
            "token": "t0ken",
        },
    )

    events = logged()
    last = events[-1]
    assert (last["event"], last["request"]) == ("invocation ended", "request-1")
    assert last["aws_calls"]["dynamodb.UpdateItem"]["calls"] == 1
    assert "t0ken" not in str(events)
