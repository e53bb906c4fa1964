"""Walk an execution from state to state until it ends.

A state's output is measured before it moves on: what passes 256 KiB fails the
state with ``States.DataLimitExceeded``, which a Catch may name.
"""

import logging
import random
import threading
from datetime import UTC, datetime

from analemma_platform.emulator import seams
from analemma_platform.emulator.step_functions import branches, map_run, task
from analemma_platform.emulator.step_functions.choice import matches, parse_timestamp
from analemma_platform.emulator.step_functions.definition import (
    ChoiceState,
    FailState,
    MapState,
    ParallelState,
    PassState,
    State,
    StateGraph,
    SucceedState,
    TaskState,
    WaitState,
    parse_definition,
)
from analemma_platform.emulator.step_functions.execution import (
    Execution,
    Flow,
    Status,
    context_of,
    live,
)
from analemma_platform.emulator.step_functions.failures import (
    RUNTIME,
    TIMEOUT,
    ExecutionBroken,
    ExecutionStopped,
    StateFailed,
    require_size,
)
from analemma_platform.emulator.step_functions.history import INCLUDED, Trail
from analemma_platform.emulator.step_functions.json_values import (
    Json,
    compact,
    parse,
)
from analemma_platform.emulator.step_functions.paths import parse_path, read, write
from analemma_platform.emulator.step_functions.retry import Retries, catcher_for
from analemma_platform.emulator.step_functions.starting import machine_of
from analemma_platform.emulator.step_functions.templates import expression, fill

_log = logging.getLogger("analemma.emulator.states")

Step = tuple[Json, str | None]
"""A state's output, and the name of the next state (None: the end)."""


def run_execution(arn: str) -> None:
    """Run the execution at ``arn``, which ministack has recorded, to its end."""
    record = seams.executions().get(arn)
    if record is None:
        return
    execution = live(record) or Execution(
        record, machine_of(str(record["stateMachineArn"]))
    )
    definition = parse_definition(execution.machine.definition)
    timer: threading.Timer | None = None
    if definition.timeout_seconds is not None:
        timer = threading.Timer(
            definition.timeout_seconds,
            execution.end,
            (Status.TIMED_OUT, TIMEOUT, None),
        )
        timer.daemon = True
        timer.start()
    try:
        run_graph(execution, definition)
    finally:
        if timer is not None:
            timer.cancel()


def run_graph(execution: Execution, graph: StateGraph) -> None:
    """Walk ``graph`` and end ``execution`` as the walk ends. Never raises."""
    flow = Flow(
        execution,
        graph,
        Trail(execution.history),
        context_of(execution),
        execution.cancellation,
    )
    try:
        output = walk(flow, parse(str(execution.record["input"])))
    except ExecutionStopped:
        return
    except StateFailed as failure:
        execution.end(Status.FAILED, failure.error, failure.cause)
    except Exception:  # noqa: BLE001 - a defect, ours or ministack's
        # The execution must end all the same, or who waits for it never stops.
        _log.exception("execution %s broke the interpreter", execution.arn)
        execution.end(Status.FAILED, RUNTIME, "the embedded cloud failed: see its log")
    else:
        execution.succeed(compact(output))


def walk(flow: Flow, data: Json) -> Json:
    """Go from state to state; return the last one's output.

    Raises:
        StateFailed: a state failed and nothing caught it.
        ExecutionStopped: the execution ended meanwhile.
    """
    name: str | None = flow.graph.start_at
    while name is not None:
        flow.cancellation.check()
        state = flow.graph.states[name]
        flow.context["State"] = {
            "Name": name,
            "EnteredTime": seams.now_iso(),
            "RetryCount": 0,
        }
        entered = flow.trail.add(
            f"{state.type}StateEntered",
            name=name,
            input=compact(data),
            inputDetails=INCLUDED,
        )
        try:
            data, following = _run(name, state, data, flow)
        except ExecutionBroken as broken:
            raise _located(broken, name, entered) from broken
        flow.cancellation.check()
        flow.trail.add(
            f"{state.type}StateExited",
            name=name,
            output=compact(data),
            outputDetails=INCLUDED,
        )
        name = following
    return data


def _located(broken: ExecutionBroken, name: str, entered: int) -> ExecutionBroken:
    if broken.cause.startswith("An error occurred while executing the state"):
        return broken
    return ExecutionBroken(
        f"An error occurred while executing the state '{name}' "
        f"(entered at the event id #{entered}). {broken.cause}"
    )


def _run(name: str, state: State, data: Json, flow: Flow) -> Step:
    if isinstance(state, TaskState | MapState | ParallelState):
        return _work(name, state, data, flow)
    if isinstance(state, FailState):
        raise _failure(state, data, flow.context)
    effective = _select(state.input_path, data, flow.context)
    match state:
        case PassState():
            output, following = _pass(state, data, effective, flow.context), state.next
        case ChoiceState():
            output, following = effective, _choose(state, effective, flow.context)
        case WaitState():
            _wait(state, effective, flow)
            output, following = effective, state.next
        case SucceedState():
            output, following = effective, None
    output = _select(state.output_path, output, flow.context)
    require_size(output, name)
    return output, following


def _select(path: str | None, data: Json, context: Json) -> Json:
    return {} if path is None else read(parse_path(path), data, context)


def _work(
    name: str, state: TaskState | MapState | ParallelState, data: Json, flow: Flow
) -> Step:
    """Attempt ``state`` until it succeeds, or nothing retries it any more."""
    retries = Retries(state.retry, lambda most: random.SystemRandom().uniform(0, most))
    while True:
        try:
            return _attempt(name, state, data, flow), state.next
        except ExecutionBroken:
            raise
        except StateFailed as failure:
            flow.cancellation.check()
            delay_seconds = retries.delay_seconds(failure)
            if delay_seconds is not None:
                flow.cancellation.wait(delay_seconds * seams.wait_scale())
                flow.context["State"] = {
                    "Name": name,
                    "EnteredTime": seams.now_iso(),
                    "RetryCount": retries.count,
                }
                continue
            catcher = catcher_for(state.catch, failure)
            if catcher is None:
                raise
            said: Json = {"Error": failure.error, "Cause": failure.cause}
            output = write(catcher.result_path, data, said)
            require_size(output, name)
            return output, catcher.next


def _attempt(
    name: str, state: TaskState | MapState | ParallelState, data: Json, flow: Flow
) -> Json:
    effective = _select(state.input_path, data, flow.context)
    match state:
        case TaskState():
            result = task.perform(state, effective, flow)
        case MapState() if state.distributed:
            result = map_run.perform(state, effective, flow, run_graph)
        case MapState():
            result = branches.inline_map(state, name, effective, flow, walk)
        case ParallelState():
            if "parameters" in state.model_fields_set:
                effective = fill(state.parameters, effective, flow.context)
            result = branches.parallel(state, effective, flow, walk)
    if "result_selector" in state.model_fields_set:
        result = fill(state.result_selector, result, flow.context)
    output = write(state.result_path, data, result)
    output = _select(state.output_path, output, flow.context)
    require_size(output, name)
    return output


def _pass(state: PassState, data: Json, effective: Json, context: Json) -> Json:
    result = effective
    if "parameters" in state.model_fields_set:
        result = fill(state.parameters, effective, context)
    if "result" in state.model_fields_set:
        result = state.result
    return write(state.result_path, data, result)


def _choose(state: ChoiceState, data: Json, context: Json) -> str:
    for choice in state.choices:
        if matches(choice.rule, data, context):
            return choice.next
    if state.default is None:
        raise StateFailed(
            "States.NoChoiceMatched", "No choice rule matched and no Default"
        )
    return state.default


def _wait(state: WaitState, data: Json, flow: Flow) -> None:
    seconds: Json = state.seconds
    moment: Json = state.timestamp
    if state.seconds_path is not None:
        seconds = read(parse_path(state.seconds_path), data, flow.context)
    if state.timestamp_path is not None:
        moment = read(parse_path(state.timestamp_path), data, flow.context)
    if moment is not None:
        until = parse_timestamp(moment)
        if until is None:
            raise ExecutionBroken(f"'{moment}' is not a timestamp")
        seconds = max(0.0, (until - datetime.now(UTC)).total_seconds())
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise ExecutionBroken("The SecondsPath parameter does not reference a number")
    flow.cancellation.wait(max(0.0, seconds) * seams.wait_scale())


def _failure(state: FailState, data: Json, context: Json) -> StateFailed:
    error, cause = state.error, state.cause
    if state.error_path is not None:
        error = _text(state.error_path, data, context)
    if state.cause_path is not None:
        cause = _text(state.cause_path, data, context)
    return StateFailed(error or "States.Fail", cause or "")


def _text(source: str, data: Json, context: Json) -> str:
    value = expression(source, data, context)
    if not isinstance(value, str):
        raise ExecutionBroken(f"The value of '{source}' must be a string")
    return value
