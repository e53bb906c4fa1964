"""Who may rely on whose pages, and what is read to find them."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from analemma.kernelspace.langgraph_compat import INTERRUPT
from analemma.kernelspace.layout import run_partition
from analemma.kernelspace.memory.log import entries
from analemma.kernelspace.memory.manifest import CHAIN, Checkpoint
from analemma.kernelspace.memory.reader import LogReader, read_line
from analemma.kernelspace.memory.recollection import Held, Recollection, Seen
from analemma.kernelspace.memory.verify import verify
from memory_backends import OWNER, RUN, MemoryBackend, config_of
from memory_checkpoints import checkpoint_of, loaded, pending, put, values
from memory_stores import MemoryRecordStore

PAGE = "a page of some length " * 20
OTHER = "another page altogether " * 20


def test_record_that_can_be_replaced_holds_all_of_its_pages(
    memory: MemoryBackend,
) -> None:
    saver = memory.saver()
    config = put(saver, xs=[PAGE])
    saver.put_writes(config, [(INTERRUPT, [PAGE])], "task")
    assert verify(memory.records, memory.pages, OWNER, RUN).ok
    (entry,) = entries(memory.records, memory.pages, OWNER, RUN)
    assert [write.new_pages for write in entry.writes] == [1]


def test_nobody_relies_on_a_record_that_can_be_replaced(memory: MemoryBackend) -> None:
    config = put(memory.saver(), xs=[])
    memory.saver().put_writes(config, [(INTERRUPT, [PAGE])], "task")
    reader = memory.saver()
    loaded(reader)
    put(reader, config, xs=[PAGE])
    memory.saver().put_writes(config, [(INTERRUPT, "short")], "task")
    assert values(memory.saver()) == {"xs": [PAGE]}


def test_nobody_relies_on_the_pages_of_an_attempt_that_came_second(
    memory: MemoryBackend,
) -> None:
    config = put(memory.saver(), xs=[])
    first, second = memory.saver(), memory.saver()
    loaded(first)
    loaded(second)
    first.put_writes(config, [("xs", [PAGE])], "task")
    second.put_writes(config, [("xs", [OTHER])], "task")
    put(second, config, xs=[OTHER, PAGE])
    assert values(memory.saver()) == {"xs": [OTHER, PAGE]}
    # The first attempt's page, which the second one learned of, is not repeated.
    (_, last) = entries(memory.records, memory.pages, OWNER, RUN)
    assert last.new_pages == 1


def test_late_writes_do_not_rely_on_what_came_after_their_checkpoint(
    memory: MemoryBackend,
) -> None:
    saver = memory.saver()
    first = put(saver, xs=[])
    put(saver, first, xs=[PAGE])
    saver.put_writes(first, [("xs", [PAGE])], "late task")
    assert pending(memory.saver(), first) == [("late task", "xs", [PAGE])]
    assert verify(memory.records, memory.pages, OWNER, RUN).ok


def test_namespaces_share_no_pages(memory: MemoryBackend) -> None:
    saver = memory.saver()
    put(saver, namespace="inner:1", xs=[PAGE])
    put(saver, xs=[PAGE])
    assert values(memory.saver()) == {"xs": [PAGE]}
    memory.records.delete("run/local/" + RUN, "log/inner%3A1/0000000001/!")
    assert values(memory.saver()) == {"xs": [PAGE]}


def test_checkpoint_waits_for_writes_that_are_on_their_way() -> None:
    class Slow(MemoryRecordStore):
        """Holds a finished task's writes until they are released."""

        # Any: the port's options, whichever they are, pass through.
        def put(self, partition: str, sort: str, body: bytes, **options: Any) -> int:
            if "/w/" in sort:
                arrived.set()
                released.wait(60)
            return super().put(partition, sort, body, **options)

    arrived, released = threading.Event(), threading.Event()
    backend = MemoryBackend(records=Slow())
    saver = backend.saver()
    config = put(saver, xs=[])
    with ThreadPoolExecutor(2) as pool:
        writes = pool.submit(saver.put_writes, config, [("xs", [PAGE])], "task")
        assert arrived.wait(60)
        checkpoint = pool.submit(put, saver, config, xs=[PAGE])
        released.set()
        writes.result(60)
        checkpoint.result(60)
    (_, last) = entries(backend.records, backend.pages, OWNER, RUN)
    assert last.new_pages == 0
    assert values(backend.saver()) == {"xs": [PAGE]}


def test_reader_fetches_only_packs_that_may_hold_what_it_wants(
    memory: MemoryBackend,
) -> None:
    saver = memory.saver()
    config = put(saver, first=[PAGE], many=[])
    for turn in range(4):
        many = [f"{turn} {n} ".ljust(200, ".") for n in range(1500)]
        config = put(saver, config, first=[PAGE], many=many)
    assert len(memory.pages.cells) == 4
    memory.pages.calls.clear()
    assert values(memory.saver()) == {"first": [PAGE], "many": many}
    assert memory.pages.calls["get"] == 1


def test_checkpoint_older_than_what_was_read_is_found(memory: MemoryBackend) -> None:
    writer = memory.saver()
    first = put(writer, n=1)
    put(writer, put(writer, first, n=2), n=3)
    saver = memory.saver()
    assert values(saver) == {"n": 3}
    saver.put_writes(first, [("n", 9)], "task")
    assert pending(memory.saver(), first) == [("task", "n", 9)]


def test_checkpoint_newer_than_what_was_read_is_found(memory: MemoryBackend) -> None:
    writer, saver = memory.saver(), memory.saver()
    first = put(writer, n=1)
    loaded(saver)
    saver.put_writes(config_of("no such checkpoint"), [("n", 0)], "task")
    second = put(writer, first, n=2)
    saver.put_writes(second, [("n", 9)], "task")
    assert pending(memory.saver(), second) == [("task", "n", 9)]


def test_checkpoint_below_a_parent_that_is_not_in_the_log_is_kept(
    memory: MemoryBackend,
) -> None:
    put(memory.saver(), config_of("elsewhere"), n=1)
    assert loaded(memory.saver()).parent_config == config_of("elsewhere")
    assert verify(memory.records, memory.pages, OWNER, RUN).ok


def test_writes_kept_for_a_checkpoint_are_released_before_it_counts_as_seen() -> None:
    memory = Recollection()
    one, two = Held((("x", 1),), "one", ""), Held((("x", 2),), "two", "")
    seen = Seen(1, b"hash")
    assert memory.hold_writes("id", one) is None
    assert memory.release_writes("id", seen) == [one]
    assert memory.hold_writes("id", two) is None
    assert memory.release_writes("id", seen) == [two]
    assert memory.release_writes("id", seen) == []
    assert memory.hold_writes("id", two) == seen


def new_pages(backend: MemoryBackend) -> list[int]:
    """Return how many pages each entry of the root's log brought."""
    found = entries(backend.records, backend.pages, OWNER, RUN)
    return [entry.new_pages for entry in found]


def test_page_is_stored_anew_unless_the_parent_is_made_of_it(
    memory: MemoryBackend,
) -> None:
    saver = memory.saver()
    first = put(saver, xs=[PAGE])
    second = put(saver, first, xs=[PAGE, OTHER])
    third = put(saver, second, xs=[OTHER])
    put(saver, third, xs=[OTHER, PAGE])
    # The last one's parent is not made of it any more, though older ones are.
    assert new_pages(memory) == [1, 1, 0, 1]
    assert verify(memory.records, memory.pages, OWNER, RUN).ok


def test_page_of_another_branch_is_stored_anew(memory: MemoryBackend) -> None:
    saver = memory.saver()
    first = put(saver, xs=[PAGE])
    put(saver, first, xs=[PAGE, OTHER])
    put(saver, first, xs=[PAGE, OTHER])
    assert new_pages(memory) == [1, 1, 1]


def test_page_moves_from_one_channel_to_another_for_nothing(
    memory: MemoryBackend,
) -> None:
    saver = memory.saver()
    first = put(saver, xs=[PAGE], text=OTHER)
    put(saver, first, xs=[OTHER], text=PAGE)
    assert new_pages(memory) == [2, 0]
    assert values(memory.saver()) == {"xs": [OTHER], "text": PAGE}


def test_page_that_a_finished_task_recorded_is_stored_again_later_only(
    memory: MemoryBackend,
) -> None:
    saver = memory.saver()
    first = put(saver, xs=[])
    saver.put_writes(first, [("xs", [PAGE])], "task")
    second = put(saver, first, xs=[PAGE])
    saver.put_writes(second, [("xs", [OTHER])], "task")
    third = put(saver, second, xs=[PAGE])
    # What a task of the grandparent recorded is nothing to rely on.
    put(saver, third, xs=[PAGE, OTHER])
    assert new_pages(memory) == [0, 0, 0, 1]
    assert verify(memory.records, memory.pages, OWNER, RUN).ok


def test_task_does_not_store_what_its_checkpoint_is_made_of(
    memory: MemoryBackend,
) -> None:
    saver = memory.saver()
    config = put(saver, xs=[PAGE])
    saver.put_writes(config, [("xs", [PAGE, OTHER])], "task")
    (entry,) = entries(memory.records, memory.pages, OWNER, RUN)
    assert [write.new_pages for write in entry.writes] == [1]
    assert pending(memory.saver(), config) == [("task", "xs", [PAGE, OTHER])]


def test_saver_that_does_not_remember_the_parent_stores_all_of_it(
    memory: MemoryBackend,
) -> None:
    first = put(memory.saver(), xs=[PAGE])
    put(memory.saver(), first, xs=[PAGE])
    assert new_pages(memory) == [1, 1]
    assert verify(memory.records, memory.pages, OWNER, RUN).ok


def test_number_of_changes_in_a_row_is_bounded(memory: MemoryBackend) -> None:
    saver = memory.saver()
    config = None
    for step in range(3 * CHAIN):
        config = put(saver, config, step=step, n=step)
    lines = [read_line(each).entry for each in memory.records.cells.values()]
    of = {line.number: line.of for line in lines if isinstance(line, Checkpoint)}
    wholes = [number for number in sorted(of) if of[number] is None]
    assert wholes == [1, 1 + CHAIN, 1 + 2 * CHAIN]
    assert all(before in (None, number - 1) for number, before in of.items())
    assert values(memory.saver()) == {"n": 3 * CHAIN - 1}


def test_number_of_changes_is_bounded_however_often_the_saver_is_another(
    memory: MemoryBackend,
) -> None:
    for step in range(2 * CHAIN):
        saver = memory.saver()
        config = loaded(saver).config if step else None
        put(saver, config, step=step, n=step)
    lines = [read_line(each).entry for each in memory.records.cells.values()]
    entire = [e.number for e in lines if isinstance(e, Checkpoint) and e.of is None]
    assert sorted(entire) == [1, 1 + CHAIN]


def test_reader_of_a_checkpoint_reads_no_further_than_its_chain(
    memory: MemoryBackend,
) -> None:
    saver = memory.saver()
    config = None
    for step in range(3 * CHAIN):
        config = put(saver, config, step=step, xs=[PAGE[: 100 + step]])
    met: list[int] = []
    journal_reader = LogReader(
        memory.records,
        memory.pages,
        run_partition(OWNER, RUN),
        "",
        on_line=lambda line: met.append(line.number),
    )
    next(journal_reader.checkpoints())
    assert 1 <= len(met) <= CHAIN
    assert met[0] == 3 * CHAIN


def test_claim_drops_writes_kept_for_a_slice_that_was_given_up(
    memory: MemoryBackend,
) -> None:
    saver = memory.saver()
    checkpoint = checkpoint_of(n=1)
    early = config_of(checkpoint["id"])
    saver.put_writes(early, [], "nothing to write")
    saver.put_writes(early, [("n", 2)], "task")
    saver.claim(RUN, "another slice of the same saver")
    saver.put(config_of(), checkpoint, {"step": 0}, {"n": 1})
    assert pending(memory.saver(), config_of()) == []
