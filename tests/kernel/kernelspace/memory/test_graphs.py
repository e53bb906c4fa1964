"""LangGraph over the memory: the same runs as over its own saver."""

from langgraph.checkpoint.memory import InMemorySaver

from memory_backends import Backend, MemoryBackend
from memory_graphs import history, run_in_slices, run_whole


def test_whole_run_ends_as_over_langgraphs_own_saver(backend: Backend) -> None:
    saver = backend.saver()
    own = InMemorySaver()
    assert run_whole(lambda: saver) == run_whole(lambda: own)


def test_run_resumed_at_every_superstep_by_a_fresh_saver_ends_the_same(
    backend: Backend,
) -> None:
    own = InMemorySaver()
    assert run_in_slices(backend.saver) == run_whole(lambda: own)


def test_history_tells_what_langgraphs_own_saver_tells(memory: MemoryBackend) -> None:
    own = InMemorySaver()
    run_in_slices(lambda: own)
    run_in_slices(memory.saver)
    assert history(memory.saver()) == history(own)
