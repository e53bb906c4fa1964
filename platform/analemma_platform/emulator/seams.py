"""Every private name of ministack that we call or replace, in one place.

ministack is released almost daily and promises nothing about these names, so
the version is pinned exactly and importing this module asserts each of them:
an upgrade fails here, in one line, and not in the middle of an execution.
See docs/adr/0005.
"""

import importlib.metadata
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeAlias

from analemma.errors import CloudUnavailable

VERSION = "1.5.33"

Foreign: TypeAlias = Any
"""Whatever ministack hands out. Any: ministack ships no types."""

Response: TypeAlias = tuple[int, dict[str, str], bytes]
"""Status, headers and body, as ministack's actions answer."""

Action: TypeAlias = Callable[[dict[str, Foreign]], Response]
"""One API call of ministack's Step Functions: request in, response out."""

_STATES = "ministack.services.stepfunctions"
_LAMBDA = "ministack.services.lambda_svc"
_RESPONSES = "ministack.core.responses"


@dataclass(frozen=True, slots=True)
class Seam:
    """One attribute of one module of ministack."""

    module: str
    attribute: str

    def get(self) -> Foreign:
        """Return what stands there now."""
        return getattr(import_module(self.module), self.attribute)

    def replace(self, value: object) -> None:
        """Put ``value`` there, for every caller inside ministack."""
        setattr(import_module(self.module), self.attribute, value)

    @property
    def present(self) -> bool:
        """Whether the attribute exists."""
        return hasattr(import_module(self.module), self.attribute)

    def __str__(self) -> str:
        return f"{self.module}.{self.attribute}"


APP = Seam("ministack.app", "app")

RUN_EXECUTION = Seam(_STATES, "_run_execution")
START_EXECUTION = Seam(_STATES, "_start_execution")
STOP_EXECUTION = Seam(_STATES, "_stop_execution")
SEND_SUCCESS = Seam(_STATES, "_send_task_success")
SEND_FAILURE = Seam(_STATES, "_send_task_failure")
SEND_HEARTBEAT = Seam(_STATES, "_send_task_heartbeat")
CREATE_MACHINE = Seam(_STATES, "_create_state_machine")
UPDATE_MACHINE = Seam(_STATES, "_update_state_machine")
DELETE_MACHINE = Seam(_STATES, "_delete_state_machine")
VALIDATE_MACHINE = Seam(_STATES, "_validate_state_machine_definition")
MACHINE_FOR_EXECUTION = Seam(_STATES, "_describe_state_machine_for_execution")
RESET_STATES = Seam(_STATES, "reset")
RUN_FUNCTION = Seam(_LAMBDA, "_execute_function_dispatch")

REPLACED: tuple[Seam, ...] = (
    RUN_EXECUTION,
    START_EXECUTION,
    STOP_EXECUTION,
    SEND_SUCCESS,
    SEND_FAILURE,
    SEND_HEARTBEAT,
    CREATE_MACHINE,
    UPDATE_MACHINE,
    DELETE_MACHINE,
    VALIDATE_MACHINE,
    MACHINE_FOR_EXECUTION,
    RESET_STATES,
    RUN_FUNCTION,
)

_EXECUTIONS = Seam(_STATES, "_executions")
_MACHINES = Seam(_STATES, "_state_machines")
_VERSIONS = Seam(_STATES, "_state_machine_versions")
_VERSION_OF = Seam(_STATES, "_execution_version_arn")
_RESOLVE_MACHINE = Seam(_STATES, "_resolve_state_machine_arn")
_MAP_RUNS = Seam(_STATES, "_map_runs")
_TASK_TOKENS = Seam(_STATES, "_task_tokens")
_EMIT_STATUS = Seam(_STATES, "_emit_execution_status_event")
_WAIT_SCALE = Seam(_STATES, "_SFN_WAIT_SCALE")
_INVOKE_RESOURCE = Seam(_STATES, "_invoke_resource")
_EXECUTION_ERROR = Seam(_STATES, "_ExecutionError")
_READ_ITEMS = Seam(_STATES, "_read_map_items")
_FIND_FUNCTION = Seam(_LAMBDA, "_get_func_record_for_ref")
_FUNCTION_RECORD = Seam(_LAMBDA, "_execution_record_for_config")
_CALL_FUNCTION = Seam(_LAMBDA, "_execute_function_with_config_scope")
_EMIT_LOGS = Seam(_LAMBDA, "_emit_lambda_logs")
_EMIT_METRICS = Seam(_LAMBDA, "_emit_lambda_metrics")
_NOW = Seam(_RESPONSES, "now_iso")
_ANSWER = Seam(_RESPONSES, "json_response")
_REFUSE = Seam(_RESPONSES, "error_response_json")
_ACCOUNT = Seam(_RESPONSES, "get_account_id")
_REGION = Seam(_RESPONSES, "get_region")

CALLED: tuple[Seam, ...] = (
    APP,
    _EXECUTIONS,
    _MACHINES,
    _VERSIONS,
    _VERSION_OF,
    _RESOLVE_MACHINE,
    _MAP_RUNS,
    _TASK_TOKENS,
    _EMIT_STATUS,
    _WAIT_SCALE,
    _INVOKE_RESOURCE,
    _EXECUTION_ERROR,
    _READ_ITEMS,
    _FIND_FUNCTION,
    _FUNCTION_RECORD,
    _CALL_FUNCTION,
    _EMIT_LOGS,
    _EMIT_METRICS,
    _NOW,
    _ANSWER,
    _REFUSE,
    _ACCOUNT,
    _REGION,
)


def require(version: str, names: tuple[Seam, ...]) -> None:
    """Return if ministack is ``version`` and has all of ``names``.

    Raises:
        CloudUnavailable: says what is missing.
    """
    found = importlib.metadata.version("ministack")
    if found != version:
        raise CloudUnavailable(
            f"ministack {found} is installed, the embedded cloud needs exactly "
            f"{version}: install analemma[platform] again"
        )
    missing = [str(seam) for seam in names if not seam.present]
    if missing:
        raise CloudUnavailable(
            f"ministack {version} lacks {', '.join(missing)}: "
            "reinstall it, it is not the released package"
        )


require(VERSION, CALLED + REPLACED)

Record: TypeAlias = dict[str, Foreign]
"""One execution, machine or Map run as ministack keeps it."""

_EXECUTION_ERROR_CLASS: type[Exception] = _EXECUTION_ERROR.get()


def executions() -> MutableMapping[str, Record]:
    """Return the executions of the calling account and region, by ARN."""
    table: MutableMapping[str, Record] = _EXECUTIONS.get()
    return table


def machines() -> MutableMapping[str, Record]:
    """Return the state machines of the calling account and region, by ARN."""
    table: MutableMapping[str, Record] = _MACHINES.get()
    return table


def map_runs() -> MutableMapping[str, Record]:
    """Return the Map runs of the calling account and region, by ARN."""
    table: MutableMapping[str, Record] = _MAP_RUNS.get()
    return table


def task_tokens() -> MutableMapping[str, Foreign]:
    """Return what is known about task tokens, by token."""
    table: MutableMapping[str, Foreign] = _TASK_TOKENS.get()
    return table


def every_execution() -> list[Record]:
    """Return the executions of all accounts and regions."""
    return list(_EXECUTIONS.get().all_values())


def published(arn: str) -> Record | None:
    """Return the published version that executions of ``arn`` run, or None."""
    version = _VERSION_OF.get()(arn)
    found: Record | None = _VERSIONS.get().get(version) if version else None
    return found


def resolve_machine(arn: str) -> str | None:
    """Return the ARN of the machine behind ``arn`` (machine, version, alias)."""
    found: str | None = _RESOLVE_MACHINE.get()(arn)
    return found


def emit_status_event(record: Record) -> None:
    """Publish the status change of an execution to EventBridge."""
    _EMIT_STATUS.get()(record)


def wait_scale() -> float:
    """Return what waits are multiplied with; 1 unless a test made them short."""
    return float(_WAIT_SCALE.get())


class IntegrationFailed(Exception):
    """A service refused what a task asked of it."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(error)
        self.error = error
        self.cause = cause


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except _EXECUTION_ERROR_CLASS as error:
        foreign: Foreign = error
        raise IntegrationFailed(str(foreign.error), str(foreign.cause)) from error


def read_items(reader: Record) -> Foreign:
    """Return what an ItemReader with resolved parameters names.

    Raises:
        IntegrationFailed: the object is not there.
    """
    with _translated():
        return _READ_ITEMS.get()(reader, {}, {})


def invoke_resource(resource: str, parameters: Foreign) -> Foreign:
    """Call a service integration other than Lambda's.

    Raises:
        IntegrationFailed: the service refused.
    """
    with _translated():
        return _INVOKE_RESOURCE.get()(resource, parameters)


def find_function(reference: str) -> tuple[Record, Record] | None:
    """Return a function's record and the configuration its qualifier names."""
    record, config, _ = _FIND_FUNCTION.get()(reference)
    return (record, config) if record and config else None


def call_function(record: Record, config: Record, event: Foreign) -> Record:
    """Invoke a function, counting it against its reserved concurrency."""
    result: Record = _CALL_FUNCTION.get()(_FUNCTION_RECORD.get()(record, config), event)
    return result


def emit_metrics(name: str, seconds: float, *, failed: bool, throttled: bool) -> None:
    """Count one invocation in the function's CloudWatch metrics."""
    _EMIT_METRICS.get()(
        name, duration_ms=seconds * 1000, error=failed, throttle=throttled
    )


def emit_logs(
    function: Record, request_id: str, text: str, *, failed: bool, milliseconds: int
) -> None:
    """Write one invocation's lines to the function's CloudWatch log group."""
    _EMIT_LOGS.get()(function, request_id, text, failed, milliseconds, log_source=None)


def now_iso() -> str:
    """Return the time now as ministack writes it into records."""
    return str(_NOW.get()())


def account_id() -> str:
    """Return the account of the request being served."""
    return str(_ACCOUNT.get()())


def region() -> str:
    """Return the region of the request being served."""
    return str(_REGION.get()())


def answer(body: Record) -> Response:
    """Return ``body`` as a response."""
    response: Response = _ANSWER.get()(body)
    return response


def refuse(code: str, message: str) -> Response:
    """Return an error response with HTTP status 400."""
    response: Response = _REFUSE.get()(code, message, 400)
    return response
