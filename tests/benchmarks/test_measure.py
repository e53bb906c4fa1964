"""Real savers on small runs: what is counted is what happened."""

from pathlib import Path

import pytest

from benchmarks.memory import ours, stock
from benchmarks.memory.cloud import CloudClients
from benchmarks.memory.contents import Contents
from benchmarks.memory.growth import Grown
from benchmarks.memory.measure import later_supersteps, whole_run
from benchmarks.memory.places import Contender
from benchmarks.memory.plan import QUICK, Plan
from benchmarks.memory.resume import resume
from benchmarks.memory.turns import CapReached
from benchmarks.memory.workloads import (
    TASKS,
    channels,
    english,
    messages,
    parallel,
    texts,
)


@pytest.fixture(scope="module")
def clients() -> CloudClients:
    return CloudClients()


@pytest.fixture
def contenders(tmp_path: Path, clients: CloudClients) -> dict[str, Contender]:
    found = [*stock.contenders(tmp_path), *ours.contenders(tmp_path, clients)]
    return {contender.name: contender for contender in found}


@pytest.mark.parametrize("name", ["InMemorySaver", "SqliteSaver, file"])
def test_stock_saver_writes_each_superstep_twice_and_its_start_three_times(
    name: str, contenders: dict[str, Contender]
) -> None:
    with contenders[name].open() as place:
        cost = whole_run(place, texts(), 10, None)

    # Two checkpoints and one task's writes for the input and __start__.
    assert cost.calls.writes == 2 * 10 + 3
    assert cost.stored_bytes > sum(1000 * number for number in range(1, 11))


@pytest.mark.parametrize("name", [ours.SQLITE_EVERY, ours.AWS_EVERY])
def test_ours_with_every_task_writes_as_often(
    name: str, contenders: dict[str, Contender]
) -> None:
    with contenders[name].open() as place:
        cost = whole_run(place, messages(), 10, None)

    assert cost.calls.writes == 2 * 10 + 3


@pytest.mark.parametrize("name", [ours.SQLITE_EVERY, ours.AWS_EVERY])
def test_every_parallel_task_is_a_write(
    name: str, contenders: dict[str, Contender]
) -> None:
    with contenders[name].open() as place:
        cost = whole_run(place, parallel(), 5, None)

    assert cost.calls.writes == (TASKS + 1) * 5 + 3


@pytest.mark.parametrize("name", ["SqliteSaver, file", ours.SQLITE, ours.AWS])
def test_fresh_saver_finds_the_run(name: str, contenders: dict[str, Contender]) -> None:
    with contenders[name].open() as place:
        whole_run(place, messages(), 5, None)
        found = resume(place, messages(), 5)

    assert found is not None
    assert found.state_bytes > 5 * 1000
    assert found.calls.reads >= 1
    assert found.calls.writes == 0


def test_nothing_survives_in_memory(contenders: dict[str, Contender]) -> None:
    with contenders["InMemorySaver"].open() as place:
        whole_run(place, texts(), 2, None)

        assert resume(place, texts(), 2) is None


@pytest.mark.parametrize("name", ["SqliteSaver, file", ours.AWS])
def test_what_was_stored_before_is_not_what_supersteps_cost(
    name: str, contenders: dict[str, Contender]
) -> None:
    with contenders[name].open() as place:
        cost = later_supersteps(place, channels(), 3, None)
        stored = place.stored_bytes()

    assert cost.before_bytes > 15 * 1000
    assert cost.before_bytes + cost.stored_bytes == stored


def test_row_that_takes_too_long_is_stopped(contenders: dict[str, Contender]) -> None:
    with contenders["InMemorySaver"].open() as place, pytest.raises(CapReached):
        whole_run(place, texts(), 5, cap_seconds=0.0)


def test_equal_seeds_give_equal_texts_of_the_right_size() -> None:
    for make in (Contents.letters, Contents.english):
        first, again = Contents(7), Contents(7)
        text = make(first)

        assert len(text) == 1000
        assert text.isascii()
        assert text == make(again)
        assert text != make(first)


def test_workloads_leave_the_state_to_the_messages() -> None:
    for workload in (texts(), english(), messages(), parallel()):
        assert set(workload.builder.channels) == {"messages"}


@pytest.mark.parametrize("plan", [Plan(), QUICK], ids=["whole", "quick"])
def test_every_size_with_a_pass_line_is_run(plan: Plan) -> None:
    sizes = set(plan.sizes(is_ours=True, leaves_out=True))

    assert sizes >= {*plan.shown, *plan.checked}
    assert sizes >= {size for pair in plan.pairs for size in pair}


def test_ratio_is_of_measured_sizes_only(contenders: dict[str, Contender]) -> None:
    grown = Grown(contenders["InMemorySaver"])
    with contenders["InMemorySaver"].open() as place:
        grown.costs[8] = whole_run(place, texts(), 8, None)

    assert grown.ratio(8) is None
    assert grown.computed(32) is None
