"""A node's tool call behind the breaker of the tool."""

import asyncio
from collections.abc import Iterator

import pytest
from langgraph.graph import END, START, StateGraph

from analemma.kernelspace.backoff.breaker import CURRENT_BREAKERS, Breakers
from analemma.records.concurrency_policy import BreakerPolicy
from analemma.tools import CircuitOpen, guarded
from kernel_machines import HandClock
from memory_stores import MemoryRecordStore


class Down(Exception):
    """The tool did not answer."""


@pytest.fixture
def breakers() -> Iterator[Breakers]:
    there = Breakers(MemoryRecordStore(), HandClock(), BreakerPolicy(failures=2))
    token = CURRENT_BREAKERS.set(there)
    yield there
    CURRENT_BREAKERS.reset(token)


def fail(name: str, **options: object) -> None:
    with pytest.raises(Down), guarded(name, **options):
        raise Down


async def fail_async(name: str) -> None:
    async with guarded(name):
        raise Down


@pytest.mark.usefixtures("breakers")
def test_a_tool_that_failed_often_is_not_called() -> None:
    for _ in range(2):
        fail("search")

    with pytest.raises(CircuitOpen, match="tool:search") as refused, guarded("search"):
        pytest.fail("the tool was called")
    assert refused.value.retry_after_seconds >= 10
    with guarded("fetch"):  # another tool is
        pass


@pytest.mark.usefixtures("breakers")
async def test_async_tools_share_the_breaker() -> None:
    fail("search")
    with pytest.raises(Down):
        await fail_async("search")

    with pytest.raises(CircuitOpen):
        async with guarded("search"):
            pytest.fail("the tool was called")


async def test_a_cancelled_call_does_not_speak_against_the_tool(
    breakers: Breakers,
) -> None:
    async def hang() -> None:
        async with guarded("search"):
            raise asyncio.CancelledError

    for _ in range(3):
        with pytest.raises(asyncio.CancelledError):
            await hang()

    assert breakers.of_tool("search").enter().probe is None


@pytest.mark.usefixtures("breakers")
def test_only_the_named_errors_speak_against_the_tool() -> None:
    for _ in range(5):
        with pytest.raises(KeyError), guarded("search", failures=(Down,)):
            raise KeyError("no such argument")

    with guarded("search"):
        pass


def test_outside_a_run_the_block_simply_runs() -> None:
    for _ in range(10):
        fail("search")


@pytest.mark.usefixtures("breakers")
def test_nodes_find_the_breakers_of_their_run() -> None:
    def node(state: dict[str, int]) -> dict[str, int]:
        with guarded("search"):
            raise Down

    graph = (
        StateGraph(dict)
        .add_node("search", node)
        .add_edge(START, "search")
        .add_edge("search", END)
        .compile()
    )
    for error in (Down, Down, CircuitOpen):
        with pytest.raises(error):
            graph.invoke({})
