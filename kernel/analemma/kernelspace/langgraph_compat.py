"""The private names of LangGraph that the kernel needs, in this one place.

No other module may import a name or a module of LangGraph that starts with an
underscore; a test holds that, and pins what each name here is worth, so that a
new release of LangGraph fails a test instead of a run.
"""

from typing import Any

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
from langgraph.pregel._read import PregelNode
from langgraph.pregel._task_status import (
    CONTROL_WRITES,
    TaskStatus,
    read_task_statuses,
)
from langgraph.pregel._write import PASSTHROUGH, ChannelWrite, ChannelWriteEntry

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
    "edge_writes",
    "read_task_statuses",
    "task_path_str",
]


def edge_writes(node: PregelNode) -> list[tuple[str, Any]]:
    """Return what a node writes for its plain edges, whatever it computed.

    Not what a conditional edge would: that hangs on the state it never made.
    """
    # Any: what a channel is given; a trigger channel is given None or a name.
    return [
        (entry.channel, entry.value)
        for writer in node.writers
        if isinstance(writer, ChannelWrite)
        for entry in writer.writes
        if isinstance(entry, ChannelWriteEntry) and entry.value is not PASSTHROUGH
    ]
