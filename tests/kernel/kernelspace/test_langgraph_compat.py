"""What the kernel takes from LangGraph's private side, pinned."""

import ast
from concurrent.futures import Future
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langgraph.errors import GraphBubbleUp
from langgraph.graph import START, StateGraph
from langgraph.types import Interrupt

import analemma
from analemma.kernelspace import langgraph_compat as compat

KERNEL = Path(analemma.__file__).parent
COMPAT = Path(compat.__file__)


def private_imports(source: Path) -> list[str]:
    """Return what a module imports of LangGraph with an underscore in its path."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found += [
            name
            for name in names
            if name.startswith("langgraph.")
            and any(part.startswith("_") for part in name.split("."))
        ]
    return found


def test_only_one_module_imports_private_names_of_langgraph() -> None:
    offenders = {
        str(source.relative_to(KERNEL)): private_imports(source)
        for source in KERNEL.rglob("*.py")
        if source != COMPAT and private_imports(source)
    }
    assert offenders == {}


def test_that_module_is_found_by_the_search() -> None:
    assert private_imports(COMPAT)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONFIG_KEY_RUNNER_SUBMIT", "__pregel_runner_submit"),
        ("ERROR", "__error__"),
        ("ERROR_SOURCE_NODE", "__error_source_node__"),
        ("INTERRUPT", "__interrupt__"),
        ("NO_WRITES", "__no_writes__"),
        ("NULL_TASK_ID", "00000000-0000-0000-0000-000000000000"),
        ("PULL", "__pregel_pull"),
        ("PUSH", "__pregel_push"),
        ("RESUME", "__resume__"),
        ("SCHEDULED", "__scheduled__"),
        ("TASKS", "__pregel_tasks"),
    ],
)
def test_private_constant_is_worth_what_the_formats_say(name: str, value: str) -> None:
    assert getattr(compat, name) == value


def test_control_writes_are_the_four_the_memory_knows() -> None:
    assert {
        compat.ERROR,
        compat.ERROR_SOURCE_NODE,
        compat.INTERRUPT,
        compat.RESUME,
    } == compat.CONTROL_WRITES


def test_task_with_an_output_write_reads_as_finished() -> None:
    asked = Interrupt(value="?", id="1")
    statuses = compat.read_task_statuses(
        [
            ("done", "channel", 1),
            ("silent", compat.NO_WRITES, None),
            ("waiting", compat.INTERRUPT, [asked]),
            ("failed", compat.ERROR, ValueError("no")),
            (compat.NULL_TASK_ID, "channel", 1),
        ]
    )
    assert {task for task, status in statuses.items() if status.finished} == {
        "done",
        "silent",
    }
    assert statuses["waiting"].pending_interrupts == (asked,)
    assert isinstance(statuses["failed"].error, ValueError)
    assert compat.NULL_TASK_ID not in statuses


def test_langgraph_hands_its_tasks_to_the_submit_hook_of_the_config() -> None:
    class State(TypedDict):
        seen: str

    class Refused(GraphBubbleUp):
        pass

    offered: list[str] = []

    def submit(_: object, task: Any, *args: object, **options: object) -> Future[None]:
        # Any: LangGraph's task, whose class is private.
        offered.append(task.name)
        refused: Future[None] = Future()
        refused.set_exception(Refused())
        return refused

    graph = StateGraph(State)
    graph.add_node("node", lambda state: {"seen": "ran here"})
    graph.add_edge(START, "node")
    config: Any = {"configurable": {compat.CONFIG_KEY_RUNNER_SUBMIT: lambda: submit}}
    with pytest.raises(Refused):
        for _ in graph.compile().stream(
            {"seen": "not yet"}, config, stream_mode=["custom"]
        ):
            pass
    assert offered == ["__start__"]


def test_installed_langgraph_is_the_minor_release_the_names_were_read_in() -> None:
    assert version("langgraph").startswith("1.2.")
