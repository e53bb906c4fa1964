"""The ledger: what was paid stands there, of every process, once."""

import json
from concurrent.futures import ThreadPoolExecutor

from analemma.hardware.ports import ModelUsage
from analemma.ids import LOCAL_OWNER
from analemma.kernelspace import layout
from analemma.kernelspace.ledger import Ledger
from analemma.records.budget import NOTHING, Amount
from memory_stores import MemoryRecordStore

USAGE = ModelUsage(3, 4, 11)


def ledger(records: MemoryRecordStore, writer: str, run: str = "run-1") -> Ledger:
    return Ledger(records, LOCAL_OWNER, run, writer)


def test_calls_of_all_processes_add_up_and_none_overwrites_another() -> None:
    records = MemoryRecordStore()
    for writer in ("1-aaaa", "2-bbbb", "w0-cccc"):
        one = ledger(records, writer)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _, one=one: one.enter("t", "m", USAGE), range(10)))
        assert one.tokens == 70

    whole = ledger(records, "3-dddd")
    whole.load()

    assert (whole.tokens, whole.micro_usd) == (3 * 10 * 7, 3 * 10 * 11)


def test_another_run_pays_for_itself() -> None:
    records = MemoryRecordStore()
    ledger(records, "w", "run-1").enter("task", "m", USAGE)

    other = ledger(records, "w", "run-2")
    other.load()

    assert other.tokens == 0


def test_an_entry_says_what_was_paid_and_nothing_that_was_said() -> None:
    records = MemoryRecordStore()
    ledger(records, "w").enter("task-1", "m", USAGE)

    (entry,) = records.query(
        layout.run_partition(LOCAL_OWNER, "run-1"), low=layout.LEDGER
    )

    assert entry.sort == "ledger/task-1/w-000001"
    assert json.loads(entry.body) == {
        "model": "m",
        "input_tokens": 3,
        "output_tokens": 4,
        "micro_usd": 11,
    }


def test_it_knows_what_each_writer_reserved_and_what_that_came_to() -> None:
    records = MemoryRecordStore()
    one, other = ledger(records, "1-aaaa"), ledger(records, "w0-bbbb")
    one.enter("t", "m", USAGE, Amount(tokens=9, micro_usd=30))
    one.enter("t", "m", USAGE, Amount(tokens=8, micro_usd=20))
    one.enter("t", "m", USAGE)  # before there was a limit
    other.enter("t", "m", USAGE, Amount(tokens=7, micro_usd=11))

    reader = ledger(records, "2-cccc")
    reader.load()

    assert reader.total == Amount(tokens=28, micro_usd=44)
    assert reader.of_writer("1-aaaa") == (
        Amount(tokens=17, micro_usd=50),
        Amount(tokens=14, micro_usd=22),
    )
    assert reader.of_writer("w0-bbbb") == (
        Amount(tokens=7, micro_usd=11),
        Amount(tokens=7, micro_usd=11),
    )
    assert reader.of_writer("9-none") == (NOTHING, NOTHING)


def test_a_cost_that_was_not_reported_is_no_guess_and_counts_as_its_bound() -> None:
    records = MemoryRecordStore()
    silent = ModelUsage(0, 0, 0, reported=False)
    ledger(records, "w").enter("t", "m", silent, Amount(tokens=9, micro_usd=30))

    reader = ledger(records, "x")
    reader.load()

    assert reader.total == NOTHING
    assert reader.of_writer("w")[1] == Amount(tokens=9, micro_usd=30)
