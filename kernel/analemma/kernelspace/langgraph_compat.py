"""The private names of LangGraph that the kernel needs, in this one place.

No other module may import a name or a module of LangGraph that starts with an
underscore; a test holds that, and pins what each name here is worth, so that a
new release of LangGraph fails a test instead of a run.
"""

from langgraph._internal._config import DEFAULT_RECURSION_LIMIT
from langgraph._internal._constants import (
    CONFIG_KEY_RUNNER_SUBMIT,
    ERROR_SOURCE_NODE,
    NO_WRITES,
    NULL_TASK_ID,
    PULL,
    PUSH,
)
from langgraph.checkpoint.serde.types import (
    ERROR,
    INTERRUPT,
    RESUME,
    SCHEDULED,
    TASKS,
)
from langgraph.pregel._algo import task_path_str
from langgraph.pregel._task_status import (
    CONTROL_WRITES,
    TaskStatus,
    read_task_statuses,
)

__all__ = [
    "CONFIG_KEY_RUNNER_SUBMIT",
    "CONTROL_WRITES",
    "DEFAULT_RECURSION_LIMIT",
    "ERROR",
    "ERROR_SOURCE_NODE",
    "INTERRUPT",
    "NO_WRITES",
    "NULL_TASK_ID",
    "PULL",
    "PUSH",
    "RESUME",
    "SCHEDULED",
    "TASKS",
    "TaskStatus",
    "read_task_statuses",
    "task_path_str",
]
