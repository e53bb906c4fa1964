"""What every PageStore promises, run against each adapter."""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analemma.errors import PageCorrupt, PageMissing
from analemma.hardware.aws.s3_pages import S3PageStore
from analemma.hardware.local.file_pages import FilePageStore, directory_name
from analemma.hardware.ports import PageStore
from analemma.ids import Owner, PageId, page_id
from stores_aws import EmulatedAws, emulated_aws

OWNERS = [Owner("local"), Owner("Local"), Owner("a/b"), Owner("a%2Fb"), Owner("..")]


@dataclass(frozen=True, slots=True)
class Pages:
    """Stores over one shared medium, and a hand that damages what it holds."""

    of: Callable[[Owner], PageStore]
    damage: Callable[[Owner, PageId, bytes], None]


@pytest.fixture(scope="module")
def aws() -> Iterator[EmulatedAws]:
    with emulated_aws() as emulated:
        yield emulated


@pytest.fixture(params=["files", "s3"])
def pages(request: pytest.FixtureRequest, tmp_path: Path, aws: EmulatedAws) -> Pages:
    if request.param == "files":

        def damage_file(owner: Owner, page: PageId, stored: bytes) -> None:
            (tmp_path / directory_name(owner) / page[:2] / page).write_bytes(stored)

        return Pages(lambda owner: FilePageStore(tmp_path, owner), damage_file)
    bucket = aws.new_bucket()

    def damage_object(owner: Owner, page: PageId, stored: bytes) -> None:
        aws.s3.put_object(Bucket=bucket, Key=f"pages/{owner}/{page}", Body=stored)

    return Pages(lambda owner: S3PageStore(aws.s3, bucket, owner), damage_object)


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
    deadline=None,  # The disk is shared.
    # Pages never clash: equal bytes are the same page.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.sets(st.binary(max_size=64), max_size=6))
def test_every_page_stored_is_found_by_its_hash(
    store: PageStore, stored: set[bytes]
) -> None:
    names = {store.put(page): page for page in stored}
    assert {name: store.get(name) for name in names} == names
