"""A home's mark: one home, one key."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from analemma.errors import ConfigInvalid, Corrupt, HomeTooNew, StoreUnavailable
from analemma.hardware.local.key_file import EncryptionKey
from analemma.hardware.local.key_mark import MARK, KeyMark

KEY = EncryptionKey(bytes(range(64)))
OTHER = EncryptionKey(bytes(range(1, 65)))


def test_a_home_without_a_mark_is_anybodys_and_looking_makes_none(
    tmp_path: Path,
) -> None:
    for key in (None, KEY, OTHER):
        KeyMark(tmp_path, key).check()
    KeyMark(tmp_path / "no home yet", KEY).check()

    assert list(tmp_path.iterdir()) == []


def test_a_marked_home_is_its_keys_alone(tmp_path: Path) -> None:
    KeyMark(tmp_path, KEY).set()

    KeyMark(tmp_path, KEY).check()
    with pytest.raises(ConfigInvalid) as other:
        KeyMark(tmp_path, OTHER).check()
    with pytest.raises(ConfigInvalid) as none:
        KeyMark(tmp_path, None).check()

    assert f"encrypted under key {KEY.id}, and key {OTHER.id} is conf" in str(other)
    assert f"encrypted under key {KEY.id}, and no key is conf" in str(none)
    for refused in (other, none):
        assert f"to the file of key {KEY.id}" in str(refused.value)


def test_marking_twice_changes_nothing_and_leaves_nothing_else(
    tmp_path: Path,
) -> None:
    mark = KeyMark(tmp_path, KEY)
    mark.set()
    before = (tmp_path / MARK).stat()

    mark.set()
    KeyMark(tmp_path, KEY).set()

    assert (tmp_path / MARK).stat() == before
    assert [path.name for path in tmp_path.iterdir()] == [MARK]
    document = {"format": 1, "cipher": "aes-siv-1", "key": KEY.id}
    assert json.loads((tmp_path / MARK).read_bytes()) == document


def test_of_two_keys_at_once_one_gets_the_home(tmp_path: Path) -> None:
    together = Barrier(8)

    def mark(number: int) -> str:
        key = EncryptionKey(bytes([number]) * 64)
        together.wait()
        try:
            KeyMark(tmp_path, key).set()
        except ConfigInvalid:
            return ""
        return key.id

    with ThreadPoolExecutor(8) as threads:
        marked = [each for each in threads.map(mark, range(8)) if each]

    assert marked == [json.loads((tmp_path / MARK).read_bytes())["key"]]


def test_without_a_key_nothing_is_marked(tmp_path: Path) -> None:
    KeyMark(tmp_path, None).set()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"format": 1}'])
def test_a_mark_that_says_nothing_is_corrupt(tmp_path: Path, text: str) -> None:
    (tmp_path / MARK).write_text(text)

    for key in (KEY, None):
        with pytest.raises(Corrupt, match="does not say which key"):
            KeyMark(tmp_path, key).check()


def test_a_mark_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / MARK).write_text('{"format": 2, "key": "x"}')

    with pytest.raises(HomeTooNew, match="has format 2, newer than 1"):
        KeyMark(tmp_path, KEY).check()


def test_a_file_is_no_home_and_has_no_mark(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")

    KeyMark(tmp_path / "file", KEY).check()
    with pytest.raises(StoreUnavailable):
        KeyMark(tmp_path / "gone", KEY).set()
