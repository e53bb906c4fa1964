"""Five hundred runs of one workflow at once: none ever sees another's state."""

import operator
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphDrained
from langgraph.graph import END, START, StateGraph

from analemma.kernelspace.memory.verify import verify
from emulator_fixture import Emulator
from matrix_server import Loopback
from memory_backends import OWNER, Backend, aws_backend, local_backend
from memory_graphs import OneSuperstep

RUNS = 500
SAVERS = 4
THREADS = 16
PADDING = "longer than what stands where its reference would stand " * 2


class Own(TypedDict):
    """What one run knows; ``items`` are all its own."""

    run: str
    items: Annotated[list[str], operator.add]


def workflow() -> StateGraph[Any, Any, Any, Any]:
    """Return a graph whose tasks refuse a state that is not of one run."""

    def task(name: str) -> Any:
        def run(state: Own) -> dict[str, Any]:
            strange = [i for i in state["items"] if not i.startswith(state["run"])]
            assert not strange, (state["run"], strange)
            return {"items": [item(state["run"], name)]}

        return run

    graph = StateGraph(Own)
    for name in ("note", "left", "right"):
        graph.add_node(name, task(name))
    graph.add_edge(START, "note")
    graph.add_edge("note", "left")
    graph.add_edge("note", "right")
    graph.add_edge("left", END)
    graph.add_edge("right", END)
    return graph


@pytest.fixture(params=["laptop", "cloud"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """Not moto: it sorts a whole table for each query."""
    if request.param == "laptop":
        with local_backend(tmp_path) as backend:
            yield backend
    else:
        emulator: Emulator = request.getfixturevalue("emulator")
        yield aws_backend(Loopback(emulator.endpoint))


def item(run_id: str, name: str) -> str:
    return f"{run_id} {name} {PADDING}"


def config(run_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": run_id}}


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_interleaved_runs_read_only_their_own_state(stores: Backend) -> None:
    run_ids = [f"run-{number:04d}" for number in range(RUNS)]
    # Savers are shared by many runs, and a run goes from saver to saver.
    savers = [stores.saver() for _ in range(SAVERS)]
    plain = [workflow().compile(checkpointer=saver) for saver in savers[::2]]
    bound = [saver.bind(workflow().compile()) for saver in savers[1::2]]
    graphs = [*plain, *bound]
    source = random.Random(500)

    def advance(run_id: str, turn: int) -> None:
        graph = graphs[(int(run_id[-4:]) + turn) % SAVERS]
        given = None if turn else {"run": run_id, "items": [item(run_id, "start")]}
        with suppress(GraphDrained):
            graph.invoke(
                given, config(run_id), durability="sync", control=OneSuperstep()
            )

    with ThreadPoolExecutor(THREADS) as pool:
        for turn in range(3):
            source.shuffle(run_ids)
            for _ in pool.map(advance, run_ids, [turn] * RUNS):
                pass
    reader = workflow().compile(checkpointer=stores.saver())
    for run_id in run_ids:
        state = reader.get_state(config(run_id))
        assert not state.tasks
        assert state.values == {
            "run": run_id,
            "items": [item(run_id, n) for n in ("start", "note", "left", "right")],
        }
    for run_id in run_ids[:20]:
        assert verify(stores.records, stores.pages, OWNER, run_id).ok
