"""Marks find every page that a run needs, however it is named."""

import json
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

from analemma.errors import ManifestMismatch, PageMissing
from analemma.hardware.ports import Record
from analemma.ids import PageId, page_id
from analemma.kernelspace.layout import (
    RECORD,
    after,
    approval_sort,
    log_sort,
    run_partition,
)
from analemma.kernelspace.memory.manifest import Checkpoint
from analemma.kernelspace.memory.marks import Marks, mark_run
from analemma.kernelspace.memory.namespaces import LOGS
from analemma.kernelspace.memory.reader import read_line
from analemma.kernelspace.memory.remains import Remains
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.memory.taskwrites import TaskWrites
from analemma.kernelspace.memory.verify import verify
from analemma.kernelspace.scheduler.fan_out import plan
from analemma.kernelspace.value_pages import CHUNK_BYTES, value_page
from memory_backends import OWNER, RUN, MemoryBackend, config_of
from memory_checkpoints import put
from memory_stores import MemoryPageStore

PARTITION = run_partition(OWNER, RUN)


@dataclass
class ReadPages(MemoryPageStore):
    """Pages that know which of them were read."""

    read: set[PageId] = field(default_factory=set)

    def get(self, page: PageId) -> bytes:
        self.read.add(page)
        return super().get(page)


@pytest.fixture
def pages() -> ReadPages:
    return ReadPages()


@pytest.fixture
def memory(pages: ReadPages) -> MemoryBackend:
    return MemoryBackend(pages=pages)


def lines(memory: MemoryBackend) -> list[Any]:  # Any: an entry of whatever kind
    """Return what the records of the log say."""
    found = memory.records.query(PARTITION, low=LOGS, high=after(LOGS))
    return [read_line(record).entry for record in found]


def marked(memory: MemoryBackend) -> set[PageId]:
    """Return what the run's records name."""
    marks = Marks(memory.pages)
    mark_run(memory.records, PARTITION, memory.records.query(PARTITION), marks)
    return marks.live & memory.pages.cells.keys()


def needed(memory: MemoryBackend, pages: ReadPages) -> set[PageId]:
    """Return the pages that verifying and loading every state reads."""
    pages.read.clear()
    found = verify(memory.records, pages, OWNER, RUN)
    assert found.ok, found.first
    for state in memory.saver().list(config_of()):
        assert state.checkpoint
    return {*pages.read}


def wide(count: int) -> dict[str, Any]:
    """Return more channels than a record's frame has room for. Any: for ``**``."""
    return {f"channel {n}": text(n, 40) for n in range(count)}


def text(number: int, size: int = 9_000) -> str:
    """Return a text that is like no other."""
    return (f"{number:08d}" * (size // 8 + 1))[:size]


# -- logs


def one_value(saver: PagedSaver) -> None:
    put(saver, a=text(1))


def cut_value(saver: PagedSaver) -> None:
    put(saver, a=text(1, 300_000), b=b"\0\1" * 90_000)


def many_small_values(saver: PagedSaver) -> None:
    put(saver, a=[text(n, 600) for n in range(1_000)])


def value_in_a_list_in_a_map(saver: PagedSaver) -> None:
    put(saver, a={f"key {n}": [text(n), text(n + 1, 70_000)] for n in range(70)})


def patched(saver: PagedSaver) -> None:
    config = put(saver, a=text(1), b=text(2))
    config = put(saver, config, step=1, a=text(1), b=text(3))
    put(saver, config, step=2, a=text(4), b=text(3))


def task_writes(saver: PagedSaver) -> None:
    config = put(saver, a=1)
    saver.put_writes(config, [("a", text(1)), ("b", text(2, 200_000))], "task-1")
    saver.put_writes(config, [("__interrupt__", text(3))], "task-2")
    saver.put_writes(config, [("__error__", text(4))], "task-3")


def other_namespace(saver: PagedSaver) -> None:
    put(saver, namespace="inner:1|deeper:2", a=text(1))


def pruned(saver: PagedSaver) -> None:
    patched(saver)
    assert saver.keep_latest(RUN) > 0


@pytest.mark.parametrize(
    "write",
    [
        one_value,
        cut_value,
        many_small_values,
        value_in_a_list_in_a_map,
        patched,
        task_writes,
        other_namespace,
        pruned,
    ],
    ids=lambda write: write.__name__,
)
def test_every_page_that_a_log_needs_is_marked_and_no_other(
    write: Callable[[PagedSaver], None], memory: MemoryBackend, pages: ReadPages
) -> None:
    write(memory.saver())
    memory.pages.put(b"an orphan")

    found = marked(memory)

    assert found >= needed(memory, pages)
    assert found
    assert page_id(b"an orphan") not in found
    if write is not pruned:
        assert memory.pages.cells.keys() - found == {page_id(b"an orphan")}


def test_packs_and_the_pages_that_only_packed_pages_name_are_marked(
    memory: MemoryBackend, pages: ReadPages
) -> None:
    # A cut value's table is a small page, so it goes into a pack with the others.
    put(memory.saver(), a=[*(text(n, 600) for n in range(1_000)), text(1, 300_000)])
    (checkpoint,) = lines(memory)
    packs = {pack.ref[1:].hex() for pack in checkpoint.holding.packs}

    assert len(packs) > 0
    assert packs < marked(memory)
    assert marked(memory) == needed(memory, pages) == memory.pages.cells.keys()


def test_table_of_packs_in_the_page_store_is_marked(
    memory: MemoryBackend, pages: ReadPages
) -> None:
    put(memory.saver(), a=[text(n, 56) for n in range(14_000)])
    (checkpoint,) = lines(memory)

    assert isinstance(checkpoint.holding.packs, bytes)
    assert marked(memory) == needed(memory, pages) == memory.pages.cells.keys()


def test_frame_in_the_page_store_is_marked_with_what_it_names(
    memory: MemoryBackend, pages: ReadPages
) -> None:
    put(memory.saver(), **wide(1_200), large=text(1))
    (checkpoint,) = lines(memory)

    assert isinstance(checkpoint, Checkpoint)
    assert isinstance(checkpoint.frame, bytes)
    assert page_id_in(checkpoint.frame) in marked(memory)
    assert marked(memory) == needed(memory, pages) == memory.pages.cells.keys()


def test_table_of_writes_in_the_page_store_is_marked_with_what_it_names(
    memory: MemoryBackend, pages: ReadPages
) -> None:
    saver = memory.saver()
    writes = [*wide(1_200).items(), ("large", text(1))]
    saver.put_writes(put(saver, a=1), writes, "task-1")
    recorded = lines(memory)[-1]

    assert isinstance(recorded, TaskWrites)
    assert isinstance(recorded.rows, bytes)
    assert page_id_in(recorded.rows) in marked(memory)
    assert marked(memory) == needed(memory, pages) == memory.pages.cells.keys()


def test_table_of_a_lone_tasks_writes_is_marked_with_what_it_names(
    memory: MemoryBackend, pages: ReadPages
) -> None:
    names = [f"channel_{n}" for n in range(900)]
    # The task's large write is in no channel: this one only counts what it gets.
    counted = Annotated[int, lambda _, text: len(text)]
    # Any: the fields are made up at run time.
    fields: Any = {**dict.fromkeys(names, str), "large": counted}
    kind: Any = TypedDict("kind", fields, total=False)  # type: ignore[misc]

    def write(state: Any) -> Any:
        return {**{name: text(n, 40) for n, name in enumerate(names)}, "large": text(1)}

    saver = memory.saver()
    graph = saver.bind(
        StateGraph(kind).add_node(write).add_edge(START, "write").compile()
    )
    graph.invoke({names[0]: ""}, config_of(), durability="sync")
    lone = [entry.lone for entry in lines(memory) if isinstance(entry, Checkpoint)]
    tables = [each.rows for each in lone if each and isinstance(each.rows, bytes)]

    assert len(tables) == 1
    assert page_id_in(tables[0]) in marked(memory)
    assert marked(memory) >= needed(memory, pages)


def test_tables_of_remains_in_the_page_store_are_marked_with_what_they_name(
    memory: MemoryBackend, pages: ReadPages
) -> None:
    saver = memory.saver()
    channels = wide(1_200)
    config = put(saver, **channels, large=text(1), other=text(2))
    put(saver, config, step=1, **channels, large=text(1), other=text(3))
    saver.keep_latest(RUN)
    remains = lines(memory)[0]

    assert isinstance(remains, Remains)
    assert isinstance(remains.frames, bytes)
    assert page_id_in(remains.frames) in marked(memory)
    assert marked(memory) >= needed(memory, pages)


def test_pages_of_a_graph_that_asks_are_marked(
    memory: MemoryBackend, pages: ReadPages
) -> None:
    class State(TypedDict, total=False):
        log: Annotated[list[str], operator.add]

    def ask(state: State) -> State:
        return {"log": [interrupt(text(1)), text(2)]}

    inner = StateGraph(State).add_node(ask).add_edge(START, "ask").compile()
    graph = StateGraph(State).add_node("inner", inner).add_edge(START, "inner")
    saver = memory.saver()
    bound = saver.bind(graph.compile())
    bound.invoke({"log": [text(3)]}, config_of(), durability="sync")

    assert marked(memory) >= needed(memory, pages)
    assert len(marked(memory)) >= 2


def page_id_in(ref: bytes) -> PageId:
    return PageId(ref[1:].hex())


# -- documents


def document(memory: MemoryBackend, *refs: str, sort: str = RECORD) -> None:
    """Write a record that names pages as run records do."""
    body = json.dumps({"input_ref": refs[0], "transition": {"ref": refs[-1]}})
    memory.records.put(PARTITION, sort, body.encode())


def test_input_of_any_size_is_marked_with_its_chunks(memory: MemoryBackend) -> None:
    small = value_page(text(1)).store(memory.pages)
    large = value_page(b"\0" * (2 * CHUNK_BYTES) + b"end").store(memory.pages)
    document(memory, small, large)

    assert len(memory.pages.cells) == 1 + 1 + 2
    assert marked(memory) == memory.pages.cells.keys()


def test_plan_of_a_fan_out_is_marked_through_its_worker_events(
    memory: MemoryBackend,
) -> None:
    ref, batches = plan(
        memory.pages,
        owner=OWNER,
        run_id=RUN,
        checkpoint_id="c",
        task_ids=["a", "b", "c"],
        batch_size=2,
        round_number=0,
    )
    document(memory, ref)

    assert batches == 2
    assert len(memory.pages.cells) == 2
    assert marked(memory) == memory.pages.cells.keys()


def test_page_that_an_approval_names_is_marked(memory: MemoryBackend) -> None:
    ref = memory.pages.put(b"evidence")
    document(memory, ref, sort=approval_sort("ap-1"))

    assert marked(memory) == {ref}


@pytest.mark.parametrize("met", [0, 1], ids=["the value", "what names it"])
def test_page_that_was_met_further_down_is_followed_as_far_as_any_other(
    met: int, memory: MemoryBackend
) -> None:
    refs = [str(value_page(b"\0" * (CHUNK_BYTES + 1)).store(memory.pages))]
    for _ in range(3):
        refs.append(memory.pages.put(json.dumps({"ref": refs[-1]}).encode()))
    # The value is three documents down, as deep as marks go ...
    document(memory, refs[-1])
    # ... and then it is met again, higher up.
    document(memory, refs[met], sort=f"{RECORD}s")

    assert len(memory.pages.cells) == 1 + 2 + 3
    assert marked(memory) == memory.pages.cells.keys()


def test_digits_that_name_no_page_are_no_error(memory: MemoryBackend) -> None:
    document(memory, "ab" * 32, "cd" * 40)

    assert marked(memory) == set()


# -- what cannot be read


def test_record_that_is_not_as_written_is_refused(memory: MemoryBackend) -> None:
    put(memory.saver(), a=text(1))
    memory.records.replace_body(PARTITION, log_sort("", 1), b"\0" * 80)

    with pytest.raises(ManifestMismatch):
        marked(memory)


def test_record_of_another_place_is_refused(memory: MemoryBackend) -> None:
    put(memory.saver(), a=text(1))
    found = memory.records.get(PARTITION, log_sort("", 1))
    assert found is not None

    with pytest.raises(ManifestMismatch):
        Marks(memory.pages).add(Record(PARTITION, log_sort("", 2), found.body, 1))


@pytest.mark.parametrize(
    "write",
    [
        many_small_values,
        lambda saver: put(saver, **wide(1_500)),
    ],
    ids=["a pack", "a frame"],
)
def test_names_on_a_page_that_is_gone_are_not_taken_for_none(
    write: Callable[[PagedSaver], object], memory: MemoryBackend
) -> None:
    write(memory.saver())
    (gone,) = memory.pages.cells
    del memory.pages.cells[gone]

    with pytest.raises(PageMissing, match=gone):
        marked(memory)
