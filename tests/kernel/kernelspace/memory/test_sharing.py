"""Who may rely on whose pages, and what is read to find them."""

import threading
from concurrent.futures import ThreadPoolExecutor

from analemma.kernelspace.langgraph_compat import INTERRUPT
from analemma.kernelspace.memory.log import entries
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
    (entry,) = entries(memory.records, OWNER, RUN)
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
    (_, last) = entries(memory.records, OWNER, RUN)
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

        def put(
            self, partition: str, sort: str, body: bytes, *, expected: int | None = None
        ) -> int:
            if "/w/" in sort:
                arrived.set()
                released.wait(60)
            return super().put(partition, sort, body, expected=expected)

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
    (_, last) = entries(backend.records, OWNER, RUN)
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


def test_page_held_twice_counts_from_its_first_home() -> None:
    memory = Recollection()
    memory.learn("0000000002/w/task", [b"page"])
    memory.learn("0000000005/!", [b"page"])
    assert memory.is_home_before(b"page", "0000000003/!")
    assert not memory.is_home_before(b"page", "0000000002/!")
    assert not memory.is_home_before(b"unknown", "0000000009/!")


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
