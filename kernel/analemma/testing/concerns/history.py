"""A graph's past, and what is done from it, equals ``InMemorySaver``'s.

LangGraph shows a past superstep's results from the writes of its tasks. A saver
that leaves writes out because the checkpoint after them has their effect loses
exactly this.
"""

from collections.abc import Callable

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command, StateSnapshot

from analemma.testing.check import Concern
from analemma.testing.graphs import (
    Builders,
    Notes,
    asking,
    chain,
    commanding,
    failing,
    nesting,
    parallel,
)
from analemma.testing.opened import Opened, config_of
from analemma.testing.program import Program
from analemma.testing.sameness import expect_same
from analemma.testing.trial import Trial, attempt

Programs = Callable[[], Program]
Script = Callable[[Programs, RunnableConfig], None]


def lone_tasks_show_their_results(trial: Trial) -> None:
    """Each step of a chain shows its one task's result."""
    _expect_same_past(trial, chain, _run)


def parallel_tasks_show_their_results(trial: Trial) -> None:
    """A step of 12 Sends and a branch shows all results in order."""
    _expect_same_past(trial, parallel, _run)


def commands_show_their_results(trial: Trial) -> None:
    """A step that a ``Command`` ended shows its update and what it sent."""
    _expect_same_past(trial, commanding, _run)


def interrupts_show_what_was_asked_and_answered(trial: Trial) -> None:
    """Steps that waited show their questions; answered, their results."""
    _expect_same_past(trial, asking, _answer)


def a_waiting_run_shows_its_questions(trial: Trial) -> None:
    """A run that waits shows its tasks and questions, and nothing as done."""
    _expect_same_past(trial, asking, _run)


def subgraphs_show_their_results(trial: Trial) -> None:
    """A node that is a graph shows its result, and its own past its own."""
    _expect_same_past(trial, nesting, _answer)


def a_waiting_subgraph_shows_its_state(trial: Trial) -> None:
    """The state of a subgraph that waits is inside the state of its graph."""
    seen = []
    for programs in _programs(trial, nesting):
        config = config_of(trial.thread_id())
        programs().invoke({"log": []}, config)
        task = programs().state(config, subgraphs=True).tasks[0]
        inner = task.state
        told = _told(inner, []) if isinstance(inner, StateSnapshot) else None
        seen.append(told)
    expect_same("the state of the waiting subgraph", seen[0], seen[1])


def a_retried_failure_shows_its_result(trial: Trial) -> None:
    """A step whose task failed and ran again shows what came of it."""

    def script(programs: Programs, config: RunnableConfig) -> None:
        attempt(lambda: programs().invoke({"log": []}, config))
        programs().invoke(None, config)

    _expect_same_past(trial, failing, script)


def a_failure_shows_its_error(trial: Trial) -> None:
    """A step whose task failed shows its error, and nothing as done."""

    def script(programs: Programs, config: RunnableConfig) -> None:
        attempt(lambda: programs().invoke({"log": []}, config))

    _expect_same_past(trial, failing, script)


def a_second_input_continues_the_past(trial: Trial) -> None:
    """A thread that is invoked three times shows all three runs."""

    def script(programs: Programs, config: RunnableConfig) -> None:
        for number in range(3):
            programs().invoke({"log": [f"input {number}"]}, config)

    _expect_same_past(trial, chain, script)


def an_edit_in_the_middle_makes_a_branch(trial: Trial) -> None:
    """A state edited in the middle runs on from there; the trunk stays."""
    _expect_same_past(trial, chain, _edit("two"))


def an_edit_as_a_node_makes_a_branch(trial: Trial) -> None:
    """A state edited as if a node had written goes on after that node."""

    def script(programs: Programs, config: RunnableConfig) -> None:
        programs().invoke({"log": []}, config)
        past = _where(programs(), config, "two")
        edited = programs().update(past, {"log": ["instead of two"]}, as_node="two")
        programs().invoke(None, edited)

    _expect_same_past(trial, chain, script)


def a_replay_from_the_middle_makes_a_branch(trial: Trial) -> None:
    """A run that goes on from an old checkpoint, as it was, is a branch."""

    def script(programs: Programs, config: RunnableConfig) -> None:
        programs().invoke({"log": []}, config)
        programs().invoke(None, _where(programs(), config, "two"))

    _expect_same_past(trial, chain, script)


def a_replay_of_parallel_tasks_makes_a_branch(trial: Trial) -> None:
    """A replay from before a step of many tasks ends as the run did."""

    def script(programs: Programs, config: RunnableConfig) -> None:
        programs().invoke({"log": []}, config)
        programs().invoke(None, _where(programs(), config, "plan"))

    _expect_same_past(trial, parallel, script)


def an_edit_of_a_waiting_run_makes_a_branch(trial: Trial) -> None:
    """A run edited while it waits asks again, and takes its answers."""

    def script(programs: Programs, config: RunnableConfig) -> None:
        programs().invoke({"log": []}, config)
        programs().update(config, {"log": ["edited"]}, as_node="__start__")
        programs().invoke(None, config)
        _answers(programs, config)

    _expect_same_past(trial, asking, script)


def two_branches_of_one_state_stay_apart(trial: Trial) -> None:
    """Two edits of one old state make two branches that share no later step."""

    def script(programs: Programs, config: RunnableConfig) -> None:
        programs().invoke({"log": []}, config)
        past = _where(programs(), config, "three")
        for name in ("left", "right"):
            edited = programs().update(past, {"log": [name]})
            programs().invoke(None, edited)

    _expect_same_past(trial, chain, script)


def _run(programs: Programs, config: RunnableConfig) -> None:
    programs().invoke({"log": []}, config)


def _answer(programs: Programs, config: RunnableConfig) -> None:
    programs().invoke({"log": []}, config)
    _answers(programs, config)


def _answers(programs: Programs, config: RunnableConfig) -> None:
    """Answer one question at a time until none is left."""
    while waiting := programs().state(config).interrupts:
        asked = min(waiting, key=lambda interrupt: str(interrupt.value))
        given = {asked.id: f"answer to {asked.value}"}
        programs().invoke(Command(resume=given), config)


def _edit(node: str) -> Script:
    def script(programs: Programs, config: RunnableConfig) -> None:
        programs().invoke({"log": []}, config)
        edited = programs().update(_where(programs(), config, node), {"log": ["edit"]})
        programs().invoke(None, edited)

    return script


def _where(program: Program, config: RunnableConfig, node: str) -> RunnableConfig:
    """Return the newest state of which ``node`` is next."""
    return next(s.config for s in program.history(config) if s.next == (node,))


def _expect_same_past(trial: Trial, builders: Builders, script: Script) -> None:
    notes: list[Notes] = [[], []]
    pasts, latest = [], []
    for programs, noted in zip(_programs(trial, builders, notes), notes, strict=True):
        config = config_of(trial.thread_id())
        script(programs, config)
        states = programs().history(config)
        pasts.append([_told(state, states) for state in states])
        latest.append(_told(programs().state(config), states))
        noted.sort()
    expect_same("how many states there are", len(pasts[0]), len(pasts[1]))
    for number, (wanted, seen) in enumerate(zip(*pasts, strict=True)):
        expect_same(f"state {number} of the history, newest first", wanted, seen)
    expect_same("the latest state", latest[0], latest[1])
    expect_same("the nodes that ran", notes[0], notes[1])


def _programs(
    trial: Trial, builders: Builders, notes: list[Notes] | None = None
) -> list[Programs]:
    """Return what opens the graph: on ``InMemorySaver``, then on the subject.

    The subject's graph has a fresh saver each time.
    """
    reference = trial.reference()
    noted = notes or [[], []]

    def opening(open_saver: Callable[[], Opened], into: Notes) -> Programs:
        return lambda: trial.program(open_saver(), builders(into))

    return [opening(lambda: reference, noted[0]), opening(trial.open, noted[1])]


def _told(state: StateSnapshot, states: list[StateSnapshot]) -> dict[str, object]:
    """Return a state without the ids that differ from run to run.

    Whether a task that succeeded in the end still shows an earlier error is left
    to the saver.
    """
    metadata = state.metadata or {}
    ids = [each.config["configurable"]["checkpoint_id"] for each in states]
    parent = state.parent_config
    parent_id = parent["configurable"]["checkpoint_id"] if parent else None
    return {
        "step": metadata.get("step"),
        "source": metadata.get("source"),
        "next": state.next,
        "values": state.values,
        "parent": ids.index(parent_id) if parent_id in ids else None,
        "tasks": [
            {
                "name": task.name,
                "error": None if task.result else repr(task.error),
                "asked": [interrupt.value for interrupt in task.interrupts],
                "result": task.result,
            }
            for task in state.tasks
        ],
    }


CHECKS = Concern(
    "history",
    (
        lone_tasks_show_their_results,
        parallel_tasks_show_their_results,
        commands_show_their_results,
        interrupts_show_what_was_asked_and_answered,
        a_waiting_run_shows_its_questions,
        subgraphs_show_their_results,
        a_waiting_subgraph_shows_its_state,
        a_failure_shows_its_error,
        a_retried_failure_shows_its_result,
        a_second_input_continues_the_past,
        an_edit_in_the_middle_makes_a_branch,
        an_edit_as_a_node_makes_a_branch,
        a_replay_from_the_middle_makes_a_branch,
        a_replay_of_parallel_tasks_makes_a_branch,
        an_edit_of_a_waiting_run_makes_a_branch,
        two_branches_of_one_state_stay_apart,
    ),
)
