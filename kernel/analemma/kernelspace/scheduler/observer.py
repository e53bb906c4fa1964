"""Watch tasks start and fail, for the log and for error messages.

LangGraph calls back once per attempt of a task, also for attempts that its own
retry policy makes, which is the only place where attempts can be counted.
"""

import threading
from typing import Any
from uuid import UUID

import structlog
from langchain_core.callbacks import BaseCallbackHandler

_NESTED = "|"
_STEP_TAG = "graph:step:"


class TaskObserver(BaseCallbackHandler):
    """Counts the attempts of every root task and logs each as it starts.

    Logged are the node's name, the task's id and the attempt: never inputs.
    """

    run_inline = True

    def __init__(self, log: structlog.typing.FilteringBoundLogger) -> None:
        self._log = log
        self._attempts: dict[str, int] = {}
        self._lock = threading.Lock()

    def attempts(self, task_id: str) -> int:
        """Return how often the task was started here, at least 1."""
        return max(1, self._attempts.get(task_id, 0))

    def on_chain_start(
        self,
        serialized: dict[str, Any] | None,  # LangChain's signature
        inputs: Any,  # LangChain's signature
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,  # LangChain's signature
    ) -> None:
        """Count a task's attempt; called for every chain, most are not tasks."""
        if not metadata or not any(tag.startswith(_STEP_TAG) for tag in tags or ()):
            return
        namespace = str(metadata.get("langgraph_checkpoint_ns", ""))
        if not namespace or _NESTED in namespace:
            return
        node = str(metadata["langgraph_node"])
        task_id = namespace.rpartition(":")[2]
        with self._lock:
            attempt = self._attempts.get(task_id, 0) + 1
            self._attempts[task_id] = attempt
        self._log.info("task started", node=node, task_id=task_id, attempt=attempt)
