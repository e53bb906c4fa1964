"""A whole log in memory: its pages, where they stand, and who names them."""

import pytest

from analemma.errors import ManifestMismatch, PageMissing
from analemma.kernelspace.layout import log_sort, run_partition
from analemma.kernelspace.memory.history import History, named_by, read_history
from analemma.kernelspace.memory.pages import logged_ref, stored_ref
from memory_backends import OWNER, RUN, MemoryBackend
from memory_checkpoints import put
from memory_graphs import appending, limits

PARTITION = run_partition(OWNER, RUN)
PAGE, OTHER, ASKED = ("a page " * 30, "another " * 30, "asked " * 30)


def history(backend: MemoryBackend) -> History:
    return read_history(backend.records, backend.pages, PARTITION, "")


def test_empty_log_is_a_history_too(memory: MemoryBackend) -> None:
    found = history(memory)
    assert (found.head, found.lines, dict(found.checkpoints)) == (0, [], {})


def test_pages_are_known_with_the_first_record_that_holds_each(
    memory: MemoryBackend,
) -> None:
    saver = memory.saver()
    first = put(saver, xs=[PAGE])
    saver.put_writes(first, [("xs", [OTHER])], "task")
    saver.put_writes(first, [("__interrupt__", ASKED)], "asking")
    put(saver, first, xs=[PAGE, OTHER])
    put(memory.saver(), first, xs=[PAGE])
    found = history(memory)
    assert found.head == 3
    assert list(found.checkpoints) == [1, 2, 3] == list(found.manifests)
    # What can be replaced is nobody's home.
    assert len(found.pages) == 2
    assert sorted(found.homes.values()) == [1, 1]
    assert all(logged_ref(page) == ref for ref, page in found.pages.items())


def test_record_names_what_it_is_made_of(memory: MemoryBackend) -> None:
    saver = memory.saver()
    first = put(saver, xs=[f"{n} of many " * 20 for n in range(9)])
    saver.put_writes(first, [("xs", [OTHER])], "task")
    saver.put_writes(first, [("__interrupt__", ASKED)], "asking")
    found = history(memory)
    named = [named_by(line, found) for line in found.lines]
    # A node and an element; the task's element; nothing for others to keep.
    assert [len(refs) for refs in named] == [2, 0, 1]
    assert len(found.reached(named[0])) == 1 + 8 + 1
    assert found.reached(named[0]) <= set(found.pages)


def test_checkpoint_names_what_it_tells_of_a_lone_task(memory: MemoryBackend) -> None:
    saver = memory.saver()
    graph = saver.bind(appending(3, lambda n: f"element {n} " * 20).compile())
    graph.invoke({"items": [], "done": 0}, limits(3), durability="sync")
    found = history(memory)
    assert not any(line.slot != "!" for line in found.lines)
    last = found.lines[-1]
    assert len(set(named_by(last, found))) == 3
    assert len(named_by(last, found)) == 4


def test_page_is_found_in_the_log_and_in_the_store(memory: MemoryBackend) -> None:
    put(memory.saver(), text=PAGE)
    found = history(memory)
    (ref,) = found.pages
    assert found.page(ref) == found.pages[ref]
    memory.pages.put(b"stored")
    assert found.page(stored_ref(b"stored")) == b"stored"
    with pytest.raises(PageMissing):
        found.page(stored_ref(b"nowhere"))


def test_change_of_an_entry_that_is_not_there_is_refused(
    memory: MemoryBackend,
) -> None:
    saver = memory.saver()
    put(saver, put(saver, x=1), x=2)
    memory.records.delete(PARTITION, log_sort("", 1))
    with pytest.raises(ManifestMismatch, match="which is not in the log"):
        history(memory)
