"""What every kernel Lambda does around its work: read, run, report.

The machine and the programs are made once per process and reused by every
invocation of it. An error that leaves here is one of ``analemma.errors``, whose
class name Step Functions matches; its traceback is cut, because a caught cause
becomes the input of a state and those stay small.
"""

import functools
import os
from collections.abc import Callable
from dataclasses import asdict
from typing import Protocol, TypeVar

import structlog
from pydantic import BaseModel, ValidationError

from analemma.entrypoints.logs import log_as_json
from analemma.errors import AnalemmaError, InputInvalid
from analemma.hardware.aws.traffic import CallCount, Counts, Traffic
from analemma.kernelspace.machine import Machine
from analemma.kernelspace.program import Program
from analemma.kernelspace.registry import WorkflowRegistry
from analemma.userspace.targets import load_program, parse_target
from analemma.wiring import STACK, cloud_machine, settings_of_lambda

Event = TypeVar("Event", bound=BaseModel)


class LambdaContext(Protocol):
    """What we use of Lambda's context object."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the invocation may still run, in milliseconds."""
        ...


@functools.cache
def traffic() -> Traffic:
    """Return this process's count of AWS calls and bytes."""
    return Traffic()


@functools.cache
def machine() -> Machine:
    """Return this process's machine, from the function's environment."""
    log_as_json()
    return cloud_machine(settings_of_lambda(os.environ), traffic=traffic())


def program(name: str) -> Program:
    """Return the workflow called ``name`` as the environment's registry has it.

    The registry is asked every time: a process outlives what it once said.

    Raises:
        TargetInvalid: the registry has no such workflow, or it cannot be loaded.
    """
    workflow = WorkflowRegistry(machine().records, os.environ[STACK]).get(name)
    return loaded(workflow.target)


@functools.cache
def loaded(target: str) -> Program:
    """Return the program of a target, loaded once per process.

    Raises:
        TargetInvalid: it cannot be loaded.
    """
    return load_program(parse_target(target))


def answer(
    shape: type[Event],
    event: object,
    context: LambdaContext,
    work: Callable[[Event], dict[str, object]],
) -> dict[str, object]:
    """Read ``event`` as ``shape``, do the work, return its JSON.

    Raises:
        InputInvalid: the event has another shape; repeating it is useless.
        AnalemmaError: what the work raised, without its traceback.
    """
    before = traffic().counts()
    with structlog.contextvars.bound_contextvars(request=context.aws_request_id):
        try:
            return work(_read(shape, event))
        except AnalemmaError as error:
            raise error.with_traceback(None) from None
        finally:
            structlog.get_logger().info("invocation ended", aws_calls=_since(before))


def _since(before: Counts) -> dict[str, dict[str, int]]:
    """Return what was called since ``before``: calls, bytes out and bytes in."""
    return {
        f"{service}.{operation}": asdict(
            count - before.get((service, operation), CallCount())
        )
        for (service, operation), count in traffic().counts().items()
        if count != before.get((service, operation))
    }


def _read(shape: type[Event], event: object) -> Event:
    try:
        return shape.model_validate(event)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "event"
        raise InputInvalid(
            f"{shape.__name__}: {place}: {first['msg']}; "
            "the state machine and the function are of different releases"
        ) from None
