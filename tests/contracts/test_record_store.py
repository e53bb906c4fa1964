"""What every RecordStore promises, run against each adapter."""

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analemma.hardware.aws.dynamo_records import DynamoRecordStore
from analemma.hardware.local.sqlite_records import SqliteRecordStore
from analemma.hardware.ports import (
    ABSENT,
    MAX_BODY_BYTES,
    Record,
    RecordConflict,
    RecordStore,
)
from memory_stores import MemoryRecordStore
from stores_aws import EmulatedAws, Turnstile, emulated_aws

_fresh = itertools.count()

# Order by UTF-8 bytes differs from order by UTF-16 and by locale among these.
SORTS = st.text(
    alphabet="\0!/09AZaz~\x7fé\u0800\uffee\U0001f600", min_size=1, max_size=3
)
WRITES = st.dictionaries(SORTS, st.binary(max_size=8), max_size=14)


@pytest.fixture(scope="module")
def aws() -> Iterator[EmulatedAws]:
    with emulated_aws() as emulated:
        Turnstile(emulated.dynamodb)
        yield emulated


@pytest.fixture(params=["memory", "sqlite", "dynamodb"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, aws: EmulatedAws
) -> Iterator[RecordStore]:
    if request.param == "memory":
        yield MemoryRecordStore()
    elif request.param == "sqlite":
        with SqliteRecordStore(tmp_path / "records.sqlite") as sqlite:
            yield sqlite
    else:
        yield DynamoRecordStore(aws.dynamodb, aws.new_table())


def sorts(records: Iterator[Record]) -> list[str]:
    return [record.sort for record in records]


def test_absent_record_is_none(store: RecordStore) -> None:
    assert store.get("p", "s") is None


def test_record_comes_back_as_written(store: RecordStore) -> None:
    assert store.put("p", "s", b"\x00\xff body") == 1
    assert store.get("p", "s") == Record("p", "s", b"\x00\xff body", 1)


def test_empty_body_comes_back_empty(store: RecordStore) -> None:
    store.put("p", "s", b"", expected=ABSENT)
    assert store.get("p", "s") == Record("p", "s", b"", 1)


def test_largest_body_fits_and_one_byte_more_is_refused(store: RecordStore) -> None:
    store.put("p", "s", b"x" * MAX_BODY_BYTES)
    with pytest.raises(ValueError, match="exceeds 380000"):
        store.put("p", "s", b"y" * (MAX_BODY_BYTES + 1))
    found = store.get("p", "s")
    assert found is not None
    assert found.body == b"x" * MAX_BODY_BYTES


def test_unconditional_put_counts_the_revision_up(store: RecordStore) -> None:
    assert [store.put("p", "s", bytes([n])) for n in range(3)] == [1, 2, 3]
    assert store.get("p", "s") == Record("p", "s", b"\x02", 3)


def test_expected_revision_admits_the_writer(store: RecordStore) -> None:
    assert store.put("p", "s", b"a", expected=ABSENT) == 1
    assert store.put("p", "s", b"b", expected=1) == 2
    assert store.get("p", "s") == Record("p", "s", b"b", 2)


@pytest.mark.parametrize("expected", [ABSENT, 1, 3])
def test_wrong_expectation_shows_what_is_stored_and_writes_nothing(
    store: RecordStore, expected: int
) -> None:
    store.put("p", "s", b"a")
    store.put("p", "s", b"b")
    with pytest.raises(RecordConflict) as conflict:
        store.put("p", "s", b"mine", expected=expected)
    assert conflict.value.current == Record("p", "s", b"b", 2)
    assert store.get("p", "s") == Record("p", "s", b"b", 2)


def test_expecting_a_revision_of_nothing_conflicts_with_nothing(
    store: RecordStore,
) -> None:
    with pytest.raises(RecordConflict) as conflict:
        store.put("p", "s", b"mine", expected=1)
    assert conflict.value.current is None
    assert store.get("p", "s") is None


def test_retry_after_a_lost_answer_conflicts_with_its_own_bytes(
    store: RecordStore,
) -> None:
    store.put("p", "s", b"mine", expected=ABSENT)
    with pytest.raises(RecordConflict) as conflict:
        store.put("p", "s", b"mine", expected=ABSENT)
    assert conflict.value.current is not None
    assert conflict.value.current.body == b"mine"


def test_deleted_record_is_gone_and_the_next_write_is_the_first(
    store: RecordStore,
) -> None:
    store.put("p", "s", b"a")
    store.put("p", "s", b"b")
    store.delete("p", "s")
    assert store.get("p", "s") is None
    assert store.put("p", "s", b"c", expected=ABSENT) == 1


def test_deleting_nothing_is_no_error(store: RecordStore) -> None:
    store.delete("p", "s")
    assert list(store.query("p")) == []


@pytest.mark.parametrize(
    ("partition", "sort"),
    [
        ("", "s"),
        ("p", ""),
        ("p" * 2049, "s"),
        ("p", "s" * 1025),
        ("p", "é" * 513),
        ("p", "\ud800"),
    ],
)
def test_key_that_dynamodb_cannot_hold_is_refused_everywhere(
    store: RecordStore, partition: str, sort: str
) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (UnicodeEncodeError among them)
        store.put(partition, sort, b"")
    with pytest.raises(ValueError):  # noqa: PT011 (the same)
        store.get(partition, sort)
    with pytest.raises(ValueError):  # noqa: PT011 (the same)
        store.delete(partition, sort)


def test_longest_keys_are_accepted(store: RecordStore) -> None:
    store.put("p" * 2048, "é" * 512, b"x")
    assert sorts(store.query("p" * 2048)) == ["é" * 512]


def test_partitions_do_not_see_each_other(store: RecordStore) -> None:
    store.put("run/a/1", "record", b"a")
    store.put("run/a/10", "record", b"b")
    assert list(store.query("run/a/1")) == [Record("run/a/1", "record", b"a", 1)]


def test_query_orders_by_utf8_bytes(store: RecordStore) -> None:
    keys = ["z", "Z", "é", "a", "~", "\uffee", "\U0001f600", "log/2", "log/10", "!"]
    for key in keys:
        store.put("p", key, key.encode())
    ordered = sorted(keys, key=str.encode)
    assert sorts(store.query("p")) == ordered
    assert sorts(store.query("p", descending=True)) == ordered[::-1]


def test_query_bounds_are_inclusive(store: RecordStore) -> None:
    for key in "abcde":
        store.put("p", key, b"")
    assert sorts(store.query("p", low="b", high="d")) == ["b", "c", "d"]
    assert sorts(store.query("p", low="b")) == ["b", "c", "d", "e"]
    assert sorts(store.query("p", high="b")) == ["a", "b"]
    assert sorts(store.query("p", low="b", high="d", descending=True)) == [
        "d",
        "c",
        "b",
    ]
    assert sorts(store.query("p", low="bb", high="cc")) == ["c"]


@pytest.mark.parametrize(("low", "high"), [("d", "b"), ("", ""), ("x", None)])
def test_query_of_an_empty_range_yields_nothing(
    store: RecordStore, low: str, high: str | None
) -> None:
    store.put("p", "c", b"")
    assert list(store.query("p", low=low, high=high)) == []


def test_query_yields_at_most_limit(store: RecordStore) -> None:
    for key in "abcde":
        store.put("p", key, b"")
    assert sorts(store.query("p", limit=2)) == ["a", "b"]
    assert sorts(store.query("p", limit=2, descending=True)) == ["e", "d"]
    assert sorts(store.query("p", limit=9)) == list("abcde")
    assert list(store.query("p", limit=0)) == []


def test_query_crosses_many_reads_of_the_store(store: RecordStore) -> None:
    # 13 x 300 KB: DynamoDB gives a megabyte at a time. 120: SQLite gives 50.
    for number in range(13):
        store.put("large", f"{number:03d}", bytes([number]) * 300_000)
    for number in range(120):
        store.put("many", f"{number:03d}", b"")
    assert [r.body[0] for r in store.query("large")] == list(range(13))
    names = [f"{number:03d}" for number in range(120)]
    assert sorts(store.query("many")) == names
    assert sorts(store.query("many", descending=True)) == names[::-1]
    assert sorts(store.query("many", limit=70)) == names[:70]
    assert sorts(store.query("many", low="010", high="089")) == names[10:90]


def test_records_may_be_written_while_a_query_is_open(store: RecordStore) -> None:
    for number in range(60):
        store.put("p", f"{number:03d}", b"old")
    seen = []
    for record in store.query("p"):
        seen.append(record.sort)
        store.put("p", record.sort, b"new", expected=record.revision)
        store.put("other", record.sort, b"")
    assert seen == [f"{number:03d}" for number in range(60)]
    assert {record.body for record in store.query("p")} == {b"new"}


def test_scan_yields_every_record_of_the_partitions_it_names(
    store: RecordStore,
) -> None:
    partitions = ["run/a/2", "run/a/1", "run/a/10", "run/b/1", "runs/a", "é/\U0001f600"]
    for partition in partitions:
        for sort in ("b", "a", "\U0001f600", "\uffee"):
            store.put(partition, sort, partition.encode())

    def found(prefix: str) -> dict[str, list[str]]:
        """Return sorts by partition; fails if a partition comes in two pieces."""
        groups = itertools.groupby(store.scan(prefix), lambda record: record.partition)
        pieces = [(name, sorts(records)) for name, records in groups]
        assert len(dict(pieces)) == len(pieces)
        return dict(pieces)

    ordered = ["a", "b", "\uffee", "\U0001f600"]
    assert found("run/a/") == dict.fromkeys(("run/a/1", "run/a/10", "run/a/2"), ordered)
    assert found("run/a/1") == dict.fromkeys(("run/a/1", "run/a/10"), ordered)
    assert found("é") == {"é/\U0001f600": ordered}
    assert found("") == dict.fromkeys(partitions, ordered)
    assert found("run/c") == {}


def test_scan_yields_records_as_they_are_written(store: RecordStore) -> None:
    store.put("p", "s", b"a")
    store.put("p", "s", b"\0\xff")
    assert list(store.scan("p")) == [Record("p", "s", b"\0\xff", 2)]


def test_scan_crosses_many_reads_of_the_store(store: RecordStore) -> None:
    for number in range(9):
        store.put("large", f"{number:03d}", bytes([number]) * 300_000)
    for number in range(120):
        store.put("many", f"{number:03d}", b"")
        store.put(f"small/{number:03d}", "s", b"")
    assert [r.body[0] for r in store.scan("large")] == list(range(9))
    assert sorts(store.scan("many")) == [f"{number:03d}" for number in range(120)]
    assert len({record.partition for record in store.scan("small/")}) == 120


def test_scan_goes_on_beside_a_writer(store: RecordStore) -> None:
    for number in range(8):
        store.put("p/a", f"{number:03d}", b"x" * 300_000)
        store.put("p/b", f"{number:03d}", b"x" * 300_000)
    records = store.scan("p/")
    first = next(records)
    # Between the reader and the end lie more than four megabytes, so that no
    # store has read this place yet.
    later = "p/b" if first.partition == "p/a" else "p/a"
    store.put(later, "999", b"ahead")
    store.delete(later, "007")
    store.put(first.partition, "!", b"behind")
    rest = [(record.partition, record.sort) for record in records]
    assert rest == [
        *((first.partition, f"{number:03d}") for number in range(1, 8)),
        *((later, f"{number:03d}") for number in range(7)),
        (later, "999"),
    ]


def test_prefix_that_dynamodb_cannot_hold_is_refused(store: RecordStore) -> None:
    for prefix in ("p" * 2049, "\ud800"):
        with pytest.raises(ValueError):  # noqa: PT011 (UnicodeEncodeError among them)
            store.scan(prefix)


def test_abandoned_query_holds_nothing(store: RecordStore) -> None:
    for key in "abc":
        store.put("p", key, b"")
    records = store.query("p")
    assert next(records).sort == "a"
    store.delete("p", "b")
    assert store.put("p", "d", b"") == 1


@settings(
    max_examples=40,
    # Every example has a partition of its own, so one store serves them all.
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
    ],
)
@given(
    writes=WRITES,
    deleted=st.sets(SORTS, max_size=4),
    low=st.just("") | SORTS,
    high=st.none() | SORTS,
    descending=st.booleans(),
    limit=st.none() | st.integers(0, 16),
)
def test_query_equals_a_sorted_dict(
    store: RecordStore,
    writes: dict[str, bytes],
    deleted: set[str],
    low: str,
    high: str | None,
    descending: bool,
    limit: int | None,
) -> None:
    partition = f"example-{next(_fresh)}"
    for sort, body in writes.items():
        store.put(partition, sort, body)
    for sort in deleted:
        store.delete(partition, sort)
    expected = [
        (sort, writes[sort])
        for sort in sorted(writes, key=str.encode, reverse=descending)
        if sort not in deleted
        and sort.encode() >= low.encode()
        and (high is None or sort.encode() <= high.encode())
    ][:limit]
    found = store.query(
        partition, low=low, high=high, descending=descending, limit=limit
    )
    assert [(record.sort, record.body) for record in found] == expected


def test_exactly_one_of_32_threads_is_first(store: RecordStore) -> None:
    def attempt(number: int) -> Record | None:
        try:
            store.put("p", "fence", b"%d" % number, expected=ABSENT)
        except RecordConflict as conflict:
            return conflict.current
        return Record("p", "fence", b"winner %d" % number, 1)

    with ThreadPoolExecutor(32) as pool:
        results = list(pool.map(attempt, range(32)))
    stored = store.get("p", "fence")
    assert stored is not None
    winner = Record("p", "fence", b"winner " + stored.body, 1)
    assert results.count(winner) == 1
    assert results.count(stored) == 31


def test_unconditional_puts_of_many_threads_are_all_counted(
    store: RecordStore,
) -> None:
    with ThreadPoolExecutor(8) as pool:
        revisions = list(pool.map(lambda n: store.put("p", "s", b"%d" % n), range(40)))
    assert sorted(revisions) == list(range(1, 41))
