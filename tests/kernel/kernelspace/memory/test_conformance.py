"""LangGraph's own suite for checkpointers, and ours, over every back end."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from langgraph.checkpoint.conformance import checkpointer_test, validate

from analemma.testing import Check, checks
from memory_backends import Backend, aws_backend
from stores_aws import EmulatedAws
from testing_subjects import backend_subject, local_subject

OFFERED = {
    "put",
    "put_writes",
    "get_tuple",
    "list",
    "delete_thread",
    "delete_for_runs",
    "copy_thread",
    "prune",
}


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
    assert sum(result.tests_passed for result in report.results.values()) == 81


def chosen(*patterns: str) -> pytest.MarkDecorator:
    found = [each for _, each in checks(list(patterns))]
    return pytest.mark.parametrize("check", found, ids=lambda each: each.name)


@chosen("*/sync")
def test_our_own_suite_passes_on_a_laptop(check: Check, tmp_path: Path) -> None:
    check(local_subject(tmp_path / "home"))


@pytest.mark.whole
@chosen("*/async")
def test_our_own_suite_passes_on_threads(check: Check, tmp_path: Path) -> None:
    check(local_subject(tmp_path / "home"))


@chosen("fencing/*/sync", "attempts/*/sync", "copying/*/sync")
def test_what_hangs_on_the_store_passes_in_the_cloud(
    check: Check, aws: EmulatedAws
) -> None:
    check(backend_subject(aws_backend(aws)))


@pytest.mark.whole
@chosen("*/sync")
def test_our_own_suite_passes_in_the_cloud(check: Check, aws: EmulatedAws) -> None:
    check(backend_subject(aws_backend(aws)))
