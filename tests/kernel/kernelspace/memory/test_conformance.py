"""LangGraph's own suite for checkpointers, over every back end."""

from collections.abc import AsyncIterator

from langgraph.checkpoint.conformance import checkpointer_test, validate

from memory_backends import Backend

OFFERED = {"put", "put_writes", "get_tuple", "list", "delete_thread"}


async def test_public_conformance_suite_passes(backend: Backend) -> None:
    @checkpointer_test(name="PagedSaver")
    async def savers() -> AsyncIterator[object]:
        yield backend.saver()

    report = await validate(savers)
    failures = {name: result.failures for name, result in report.results.items()}
    assert not any(failures.values()), failures
    assert report.passed_all_base()
    detected = {name for name, result in report.results.items() if result.detected}
    assert detected == OFFERED
    assert sum(result.tests_passed for result in report.results.values()) == 58
