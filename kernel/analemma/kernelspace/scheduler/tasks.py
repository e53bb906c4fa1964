"""Tell apart the tasks that LangGraph's runner hands to the submit hook."""

from langgraph.types import PregelExecutableTask

_NESTED = "|"
_ERROR_HANDLER = "node_error_handler"


def as_failure(raised: Exception | SystemExit) -> Exception:
    """Return what a node raised as an ordinary error.

    A tool that calls ``sys.exit`` inside a node must not end the kernel, and
    least of all with success.
    """
    if isinstance(raised, SystemExit):
        return RuntimeError(f"a node called sys.exit({raised.code!r})")
    return raised


def is_error_handler_task(task: PregelExecutableTask) -> bool:
    """Say whether the task handles another task's error."""
    return _ERROR_HANDLER in task.path


def is_boundary_task(task: PregelExecutableTask) -> bool:
    """Say whether the task belongs to the root graph's superstep itself.

    Not so: a subgraph's task, a functional task that a task called (its path
    ends in True), an error handler.
    """
    configurable = task.config.get("configurable", {})
    return (
        _NESTED not in str(configurable.get("checkpoint_ns", ""))
        and task.path[-1] is not True
        and not is_error_handler_task(task)
    )


def is_functional_task(task: PregelExecutableTask) -> bool:
    """Say whether another task called it as a function."""
    return task.path[-1] is True
