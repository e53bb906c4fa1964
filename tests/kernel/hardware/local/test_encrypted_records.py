"""Records that are encrypted whole: a store like any other, to who has the key."""

from pathlib import Path

import pytest

from analemma.errors import ConfigInvalid, Corrupt
from analemma.hardware.local.encrypted_records import EncryptedRecordStore
from analemma.hardware.local.key_file import EncryptionKey
from analemma.hardware.local.siv_cipher import SivCipher
from analemma.hardware.local.sqlite_records import SqliteRecordStore
from analemma.hardware.ports import ABSENT, MAX_BODY_BYTES, Record, RecordConflict
from memory_stores import MemoryRecordStore

KEY = EncryptionKey(bytes(range(64)))
BODY = b'{"said": "a secret word"}'


def is_secret(sort: str) -> bool:
    return sort.startswith("secret/")


@pytest.fixture
def inner() -> MemoryRecordStore:
    return MemoryRecordStore()


@pytest.fixture
def store(inner: MemoryRecordStore) -> EncryptedRecordStore:
    return over(inner)


def over(inner: MemoryRecordStore, key: EncryptionKey = KEY) -> EncryptedRecordStore:
    return EncryptedRecordStore(inner, SivCipher(key), is_secret)


def body(inner: MemoryRecordStore, sort: str) -> bytes:
    found = inner.get("p", sort)
    assert found is not None
    return found.body


def test_a_chosen_record_is_encrypted_and_comes_back(
    inner: MemoryRecordStore, store: EncryptedRecordStore
) -> None:
    assert store.put("p", "secret/1", BODY) == 1
    assert store.put("p", "plain", BODY) == 1

    assert store.get("p", "secret/1") == Record("p", "secret/1", BODY, 1)
    assert store.get("p", "plain") == inner.get("p", "plain")
    assert b"secret word" not in body(inner, "secret/1")
    assert body(inner, "secret/1").startswith(f"aes-siv-1.{KEY.id}\0".encode())
    assert store.get("p", "secret/gone") is None


def test_queries_give_the_written_bodies_in_order(store: EncryptedRecordStore) -> None:
    for sort in ("plain", "secret/1", "secret/2"):
        store.put("p", sort, sort.encode())

    found = [(each.sort, each.body) for each in store.query("p", descending=True)]
    some = store.query("p", low="secret/", high="secret/1", limit=5)

    assert found == [(s, s.encode()) for s in ("secret/2", "secret/1", "plain")]
    assert [each.body for each in some] == [b"secret/1"]


def test_a_condition_that_does_not_hold_tells_what_is_there(
    store: EncryptedRecordStore,
) -> None:
    store.put("p", "secret/1", BODY, expected=ABSENT)

    with pytest.raises(RecordConflict) as lost:
        store.put("p", "secret/1", b"other", expected=ABSENT)
    with pytest.raises(RecordConflict) as gone:
        store.put("p", "secret/2", b"other", expected=3)

    assert lost.value.current == Record("p", "secret/1", BODY, 1)
    assert gone.value.current is None
    assert store.put("p", "secret/1", b"other", expected=1) == 2
    store.delete("p", "secret/1")
    assert store.get("p", "secret/1") is None


def test_the_same_body_is_the_same_bytes_at_its_place_and_others_elsewhere(
    inner: MemoryRecordStore, store: EncryptedRecordStore
) -> None:
    for sort in ("secret/1", "secret/2"):
        store.put("p", sort, BODY)
    first = body(inner, "secret/1")
    store.put("p", "secret/1", BODY)

    assert body(inner, "secret/1") == first
    assert body(inner, "secret/2") != first


def test_a_body_that_was_moved_or_touched_is_corrupt(
    inner: MemoryRecordStore, store: EncryptedRecordStore
) -> None:
    store.put("p", "secret/1", BODY)
    inner.put("p", "secret/2", body(inner, "secret/1"))
    inner.put("p", "secret/3", body(inner, "secret/1")[:-1])

    for sort in ("secret/2", "secret/3"):
        with pytest.raises(Corrupt):
            store.get("p", sort)


def test_a_body_of_before_the_key_is_read_as_it_is(
    inner: MemoryRecordStore, store: EncryptedRecordStore
) -> None:
    inner.put("p", "secret/1", BODY)
    inner.put("p", "secret/2", b"")

    assert store.get("p", "secret/1") == inner.get("p", "secret/1")
    assert store.get("p", "secret/2") == inner.get("p", "secret/2")
    store.put("p", "secret/1", BODY, expected=1)
    assert b"secret word" not in body(inner, "secret/1")


def test_another_key_is_named(
    inner: MemoryRecordStore, store: EncryptedRecordStore
) -> None:
    store.put("p", "secret/1", BODY)
    other = over(inner, EncryptionKey(bytes(64)))

    with pytest.raises(ConfigInvalid, match=f"encrypted with key {KEY.id}"):
        other.get("p", "secret/1")


def test_a_body_has_the_same_longest_size(store: EncryptedRecordStore) -> None:
    assert store.put("p", "secret/1", b"x" * MAX_BODY_BYTES) == 1
    with pytest.raises(ValueError, match="exceeds"):
        store.put("p", "secret/1", b"x" * (MAX_BODY_BYTES + 1))


def test_a_walk_over_partitions_gives_the_written_bodies(tmp_path: Path) -> None:
    with SqliteRecordStore(tmp_path / "records.sqlite") as sqlite:
        store = EncryptedRecordStore(sqlite, SivCipher(KEY), is_secret)
        for partition in ("run/1", "run/2", "other"):
            store.put(partition, "secret/1", partition.encode())

        found = sorted(each.body for each in store.scan("run/"))

    assert found == [b"run/1", b"run/2"]
