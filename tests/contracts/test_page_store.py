"""What every PageStore promises, run against each adapter."""

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analemma.errors import PageCorrupt, PageMissing
from analemma.hardware.aws.s3_pages import S3PageStore
from analemma.hardware.local.file_pages import FilePageStore, directory_name
from analemma.hardware.ports import REFRESH_SECONDS, PageStore, StoredPage
from analemma.ids import Owner, PageId, page_id
from memory_stores import MemoryPageStore
from stores_aws import EmulatedAws, Turnstile, emulated_aws

OWNERS = [Owner("local"), Owner("Local"), Owner("a/b"), Owner("a%2Fb"), Owner("..")]


LONG_AGO = timedelta(seconds=20 * REFRESH_SECONDS)


@dataclass(frozen=True, slots=True)
class Pages:
    """Stores over one shared medium, and a hand that damages and ages them."""

    of: Callable[[Owner], PageStore]
    damage: Callable[[Owner, PageId, bytes], None]
    age: Callable[[Owner, PageId, timedelta], None]


@pytest.fixture(scope="module")
def aws() -> Iterator[EmulatedAws]:
    with emulated_aws() as emulated:
        Turnstile(emulated.s3)
        yield emulated


@pytest.fixture(params=["memory", "files", "s3", "s3 with versions"])
def pages(request: pytest.FixtureRequest, tmp_path: Path, aws: EmulatedAws) -> Pages:
    if request.param == "memory":
        return in_memory()
    if request.param == "files":
        return in_files(tmp_path)
    return in_s3(aws, aws.new_bucket(versions=request.param != "s3"))


def in_memory() -> Pages:
    stores: dict[str, MemoryPageStore] = {}

    def of(owner: Owner) -> MemoryPageStore:
        return stores.setdefault(directory_name(owner), MemoryPageStore())

    def damage(owner: Owner, page: PageId, stored: bytes) -> None:
        of(owner).cells[page] = stored

    def age(owner: Owner, page: PageId, by: timedelta) -> None:
        of(owner).stored_at[page] -= by

    return Pages(of, damage, age)


def in_files(root: Path) -> Pages:
    def path(owner: Owner, page: PageId) -> Path:
        return root / directory_name(owner) / page[:2] / page

    def damage(owner: Owner, page: PageId, stored: bytes) -> None:
        path(owner, page).write_bytes(stored)

    def age(owner: Owner, page: PageId, by: timedelta) -> None:
        then = path(owner, page).stat().st_mtime - by.total_seconds()
        os.utime(path(owner, page), (then, then))

    return Pages(lambda owner: FilePageStore(root, owner), damage, age)


def in_s3(aws: EmulatedAws, bucket: str) -> Pages:
    def damage(owner: Owner, page: PageId, stored: bytes) -> None:
        aws.s3.put_object(Bucket=bucket, Key=f"pages/{owner}/{page}", Body=stored)

    def age(owner: Owner, page: PageId, by: timedelta) -> None:
        aws.age_object(bucket, f"pages/{owner}/{page}", by)

    return Pages(lambda owner: S3PageStore(aws.s3, bucket, owner), damage, age)


@pytest.fixture
def store(pages: Pages) -> PageStore:
    return pages.of(Owner("local"))


@pytest.mark.parametrize(
    "page", [b"", b"\0", b"text", bytes(range(256)) * 32 * 1024], ids=len
)
def test_page_comes_back_as_stored(store: PageStore, page: bytes) -> None:
    assert store.put(page) == hashlib.sha256(page).hexdigest()
    assert store.get(page_id(page)) == page
    assert store.has(page_id(page))


def test_page_is_missing_until_it_is_stored(store: PageStore) -> None:
    name = page_id(b"never stored")
    assert not store.has(name)
    with pytest.raises(PageMissing, match=name):
        store.get(name)


def test_storing_equal_bytes_twice_changes_nothing(store: PageStore) -> None:
    assert store.put(b"twice") == store.put(b"twice")
    assert store.get(page_id(b"twice")) == b"twice"


@pytest.mark.parametrize("damaged", [b"", b"pagE", b"page and more"])
def test_damaged_page_is_corrupt_and_never_returned(
    pages: Pages, damaged: bytes
) -> None:
    owner = Owner("local")
    name = pages.of(owner).put(b"page")
    pages.damage(owner, name, damaged)
    with pytest.raises(PageCorrupt, match=name):
        pages.of(owner).get(name)


@pytest.mark.parametrize("mine", OWNERS)
def test_pages_of_owners_never_meet(pages: Pages, mine: Owner) -> None:
    stores = {owner: pages.of(owner) for owner in OWNERS}
    name = stores[mine].put(b"mine")
    assert [owner for owner in OWNERS if stores[owner].has(name)] == [mine]


def test_empty_owner_is_refused(pages: Pages) -> None:
    with pytest.raises(ValueError, match="empty"):
        pages.of(Owner(""))


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        "../../../etc/passwd",
        "a" * 63,
        "a" * 65,
        "A" * 64,
        "g" * 64,
        "a" * 64 + "\n",
        "aa/" + "a" * 61,
        "\0" * 64,
    ],
)
def test_text_that_is_no_page_id_names_nothing(store: PageStore, name: str) -> None:
    assert not store.has(PageId(name))
    with pytest.raises(PageMissing):
        store.get(PageId(name))


def test_many_threads_store_the_same_page_once(pages: Pages) -> None:
    page = b"shared" * 10_000
    stores = [pages.of(Owner("local")) for _ in range(2)]
    with ThreadPoolExecutor(16) as pool:
        names = set(pool.map(lambda n: stores[n % 2].put(page), range(32)))
    assert names == {page_id(page)}
    assert stores[0].get(page_id(page)) == page


@settings(
    max_examples=25,
    # Pages never clash: equal bytes are the same page.
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
    ],
)
@given(st.sets(st.binary(max_size=64), max_size=6))
def test_every_page_stored_is_found_by_its_hash(
    store: PageStore, stored: set[bytes]
) -> None:
    names = {store.put(page): page for page in stored}
    assert {name: store.get(name) for name in names} == names


def ages(store: PageStore) -> dict[PageId, timedelta]:
    return {found.id: datetime.now(UTC) - found.stored_at for found in store.list()}


def test_list_yields_every_page_with_its_size_and_age(store: PageStore) -> None:
    assert list(store.list()) == []
    stored = [b"%d" % number * number for number in range(20)]
    names = {store.put(page): len(page) for page in stored}
    found = list(store.list())
    assert all(isinstance(page, StoredPage) for page in found)
    assert len(found) == len(names)
    assert {page.id: page.size_bytes for page in found} == names
    assert {page.stored_at.tzinfo for page in found} == {UTC}
    young = timedelta(minutes=10)
    assert all(-young < age < young for age in ages(store).values())


def test_list_yields_the_pages_of_its_owner_only(pages: Pages) -> None:
    stores = {owner: pages.of(owner) for owner in OWNERS}
    for owner, store in stores.items():
        store.put(owner.encode())
    for owner, store in stores.items():
        assert [page.id for page in store.list()] == [page_id(owner.encode())]


def test_list_goes_on_beside_puts_and_deletes(store: PageStore) -> None:
    names = {store.put(b"%d" % number) for number in range(40)}
    listed = store.list()
    first = next(listed)
    gone = next(name for name in sorted(names) if name != first.id)
    assert store.delete(gone, stored_before=datetime.now(UTC) + timedelta(minutes=1))
    store.put(b"new")
    rest = [page.id for page in listed]
    assert len(set(rest)) == len(rest)
    assert (
        names - {gone, first.id} <= set(rest) <= names - {first.id} | {page_id(b"new")}
    )


def test_old_page_is_deleted_and_others_stay(pages: Pages, store: PageStore) -> None:
    old, young = store.put(b"old"), store.put(b"young")
    pages.age(Owner("local"), old, LONG_AGO)
    before = datetime.now(UTC) - LONG_AGO / 2
    assert store.delete(old, stored_before=before)
    assert not store.has(old)
    with pytest.raises(PageMissing, match=old):
        store.get(old)
    assert not store.delete(young, stored_before=before)
    assert store.get(young) == b"young"
    assert [page.id for page in store.list()] == [young]


def test_page_stored_at_or_after_the_moment_stays(store: PageStore) -> None:
    before = datetime.now(UTC)
    name = store.put(b"page")
    assert not store.delete(name, stored_before=before)
    assert store.has(name)
    assert store.delete(name, stored_before=before + timedelta(minutes=10))
    assert not store.has(name)


@pytest.mark.parametrize("name", [page_id(b"absent"), "", "..", "A" * 64])
def test_deleting_what_is_not_there_is_false(store: PageStore, name: str) -> None:
    before = datetime.now(UTC) + timedelta(minutes=10)
    assert not store.delete(PageId(name), stored_before=before)


def test_pages_of_others_are_not_deleted(pages: Pages) -> None:
    mine, theirs = pages.of(Owner("local")), pages.of(Owner("Local"))
    name = theirs.put(b"page")
    before = datetime.now(UTC) + timedelta(minutes=10)
    assert not mine.delete(name, stored_before=before)
    assert theirs.get(name) == b"page"


def test_deleted_page_can_be_stored_again(store: PageStore) -> None:
    name = store.put(b"page")
    before = datetime.now(UTC) + timedelta(minutes=10)
    assert store.delete(name, stored_before=before)
    assert store.put(b"page") == name
    assert store.get(name) == b"page"
    assert [page.id for page in store.list()] == [name]


def test_put_makes_an_old_page_young_again(pages: Pages, store: PageStore) -> None:
    name = store.put(b"page")
    pages.age(Owner("local"), name, LONG_AGO)
    assert ages(store)[name] > LONG_AGO / 2
    store.put(b"page")
    assert ages(store)[name] < timedelta(seconds=REFRESH_SECONDS)
    assert not store.delete(name, stored_before=datetime.now(UTC) - LONG_AGO / 2)
    assert store.get(name) == b"page"


def test_page_that_was_renewed_twice_is_deleted_at_once(
    pages: Pages, store: PageStore
) -> None:
    name = store.put(b"page")
    for _ in range(2):
        pages.age(Owner("local"), name, LONG_AGO)
        store.put(b"page")
    pages.age(Owner("local"), name, LONG_AGO)
    assert store.delete(name, stored_before=datetime.now(UTC) - LONG_AGO / 2)
    assert not store.has(name)
    assert list(store.list()) == []


# S3 without versions does not promise this; see ``S3PageStore.delete``.
@pytest.mark.parametrize(
    "pages", ["memory", "files", "s3 with versions"], indirect=True
)
def test_page_that_a_put_promised_survives_every_delete(pages: Pages) -> None:
    owner, page = Owner("local"), b"wanted"
    stores = [pages.of(owner) for _ in range(6)]
    name = stores[0].put(page)
    before = datetime.now(UTC) - LONG_AGO / 2

    def attempt(number: int, start: Barrier) -> bool:
        start.wait(60)
        if number < 2:
            return stores[number].delete(name, stored_before=before)
        return stores[number].put(page) == name and stores[number].has(name)

    with ThreadPoolExecutor(len(stores)) as pool:
        for _ in range(40):
            pages.age(owner, name, LONG_AGO)
            barrier = Barrier(len(stores))
            ended = list(pool.map(attempt, range(6), [barrier] * 6))
            assert all(ended[2:])
            assert stores[0].get(name) == page
            assert ages(stores[0])[name] < timedelta(seconds=REFRESH_SECONDS)
