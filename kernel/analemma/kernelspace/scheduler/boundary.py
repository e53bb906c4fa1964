"""Look at a run between two supersteps: what is pending, and what it waits for.

The surprise: ``invoke(None)`` on an interrupted thread runs the interrupted
nodes again and walks past static breakpoints, so a slice has to look here
before it does anything.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.types import PregelTask

from analemma.errors import AnalemmaError
from analemma.kernelspace.interrupts.approvals import Question
from analemma.kernelspace.langgraph_compat import (
    ERROR_SOURCE_NODE,
    PUSH,
    RESUME,
    read_task_statuses,
)
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.program import Graph


@dataclass(frozen=True, slots=True)
class Boundary:
    """A run at rest.

    ``unfinished`` are the tasks of the next superstep that have no output yet;
    ``sent`` counts the superstep's tasks that a ``Send`` made; ``sends`` are the
    ids of those that are unfinished and that nothing holds back; ``failed`` are
    those with a recorded error that no error handler takes. ``joins`` says that
    finished tasks wait for the join that applies their writes. ``questions`` are
    what people have to answer first.
    """

    checkpoint_id: str
    step: int
    sealed_at: datetime
    unfinished: tuple[PregelTask, ...]
    joins: bool
    sent: int
    sends: tuple[str, ...]
    failed: tuple[PregelTask, ...]
    questions: tuple[Question, ...]

    @property
    def finished(self) -> bool:
        """Whether no superstep is left to run."""
        return not self.unfinished and not self.joins


def look(graph: Graph, saver: PagedSaver, config: RunnableConfig) -> Boundary | None:
    """Return where the run stands, or None when it has no checkpoint yet."""
    head = saver.get_tuple(config)
    if head is None:
        return None
    tasks = _tasks(graph, head, config)
    statuses = read_task_statuses(head.pending_writes or ())
    handled = {
        task_id
        for task_id, channel, _ in head.pending_writes or ()
        if channel == ERROR_SOURCE_NODE
    }
    done = handled | {task_id for task_id, each in statuses.items() if each.finished}
    unfinished = tuple(task for task in tasks if task.id not in done)
    stops = _breakpoint(graph, saver, head, unfinished)
    return Boundary(
        checkpoint_id=head.checkpoint["id"],
        step=head.metadata.get("step", -1),
        sealed_at=datetime.fromisoformat(head.checkpoint["ts"]),
        unfinished=unfinished,
        joins=len(unfinished) < len(tasks),
        sent=sum(task.path[0] == PUSH for task in tasks),
        sends=tuple(
            task.id
            for task in unfinished
            if task.path[0] == PUSH and not task.interrupts
        ),
        failed=tuple(task for task in unfinished if task.error is not None),
        questions=(
            *_questions(saver, config, head, unfinished),
            *((Question.breakpoint(head.checkpoint["id"], stops),) if stops else ()),
        ),
    )


def _tasks(
    graph: Graph, head: CheckpointTuple, config: RunnableConfig
) -> tuple[PregelTask, ...]:
    """Return the tasks of the coming superstep.

    For a thread's present state LangGraph also applies what finished tasks wrote,
    and a reducer may refuse that. The superstep will fail for it; looking must not.
    """
    try:
        return graph.get_state(config).tasks
    except AnalemmaError:
        raise
    except Exception:  # noqa: BLE001  # whatever a reducer raises
        return graph.get_state(head.config).tasks


def output_of(graph: Graph, saver: PagedSaver, config: RunnableConfig) -> Any:
    """Return what ``invoke`` returns for this state: the output channels.

    Any, because a graph's output is whatever its author declared.
    """
    channels = graph.output_channels
    if isinstance(channels, str):
        head = saver.get_tuple(config)
        values = {} if head is None else head.checkpoint["channel_values"]
        return values.get(channels)
    state = graph.get_state(config).values
    return {name: state[name] for name in channels if name in state}


def _questions(
    saver: PagedSaver,
    config: RunnableConfig,
    head: CheckpointTuple,
    tasks: Sequence[PregelTask],
) -> list[Question]:
    run_id = str(config["configurable"]["thread_id"])
    return [
        Question(
            checkpoint_id=head.checkpoint["id"],
            interrupt_id=interrupt.id,
            node=task.name,
            turn=_turn(saver, run_id, head, task),
            value=interrupt.value,
        )
        for task in tasks
        for interrupt in task.interrupts
    ]


def _turn(
    saver: PagedSaver, run_id: str, head: CheckpointTuple, task: PregelTask
) -> int:
    """Return which question of its task this is.

    A task records the answers it has taken. A subgraph records its own, out of
    sight here, so there every parking counts as another turn.
    """
    if task.state is not None:
        return saver.parkings(run_id, head.checkpoint["id"], task.id)
    return sum(
        len(value) if isinstance(value, list) else 1
        for task_id, channel, value in head.pending_writes or ()
        if task_id == task.id and channel == RESUME
    )


def _breakpoint(
    graph: Graph,
    saver: PagedSaver,
    head: CheckpointTuple,
    unfinished: Sequence[PregelTask],
) -> tuple[str, ...]:
    """Return the nodes at which a static breakpoint holds this boundary."""
    if not unfinished:
        return ()
    before = _chosen(graph.interrupt_before_nodes, (task.name for task in unfinished))
    if before or not graph.interrupt_after_nodes or head.parent_config is None:
        return before
    parent = saver.get_tuple(head.parent_config)
    seen = head.checkpoint["versions_seen"]
    seen_before = {} if parent is None else parent.checkpoint["versions_seen"]
    ran = (name for name in seen if seen[name] != seen_before.get(name))
    return _chosen(graph.interrupt_after_nodes, ran)


def _chosen(wanted: str | Sequence[str], names: Iterable[str]) -> tuple[str, ...]:
    if isinstance(wanted, str):  # "*", every node
        wanted = tuple(name for name in names if not name.startswith("__"))
        return tuple(sorted(set(wanted)))
    return tuple(sorted(set(wanted).intersection(names)))
