"""Key files: made once, read only when nobody else can."""

import base64
from pathlib import Path

import pytest

from analemma.errors import ConfigInvalid, InputInvalid
from analemma.hardware.local.key_file import EncryptionKey, create_key, read_key


def written(path: Path, text: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(text)
    path.chmod(mode)
    return path


def test_a_new_key_is_random_private_and_read_back(tmp_path: Path) -> None:
    first, second = create_key(tmp_path / "a"), create_key(tmp_path / "b")

    assert read_key(tmp_path / "a") == first
    assert first != second
    assert len(first.secret) == 64
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_there_is_never_written_to(tmp_path: Path) -> None:
    mine = written(tmp_path / "mine", b"mine")

    with pytest.raises(InputInvalid, match="is there and was left alone"):
        create_key(mine)

    assert mine.read_bytes() == b"mine"


def test_a_link_to_nowhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(InputInvalid, match="left alone"):
        create_key(tmp_path / "link")

    assert not (tmp_path / "elsewhere").exists()


def test_a_file_in_no_directory_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="nowhere/key cannot be written: No such"):
        create_key(tmp_path / "nowhere" / "key")


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("around", [b"", b"\n", b" \r\n"])
def test_a_key_is_base64_of_32_or_64_bytes(
    tmp_path: Path, size: int, around: bytes
) -> None:
    secret = bytes(range(size))
    path = written(tmp_path / "key", base64.b64encode(secret) + around)

    assert read_key(path) == EncryptionKey(secret)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"not base64!",
        base64.b64encode(bytes(16)),
        base64.b64encode(bytes(48)),
        base64.b64encode(bytes(65)),
        bytes(64),
        base64.b64encode(bytes(100_000)),
    ],
    ids=lambda text: f"{text[:8]!r} of {len(text)}",
)
def test_a_file_that_holds_no_key_is_refused_by_name(
    tmp_path: Path, text: bytes
) -> None:
    path = written(tmp_path / "key", text)

    with pytest.raises(ConfigInvalid) as refused:
        read_key(path)

    assert str(refused.value).startswith(f"key file {path} holds no key")


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602, 0o601, 0o777])
def test_a_key_that_everybody_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    create_key(path)
    path.chmod(mode)

    with pytest.raises(ConfigInvalid, match=f"`chmod 600 {path}`"):
        read_key(path)


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640])
def test_a_key_may_be_for_a_group(tmp_path: Path, mode: int) -> None:
    key = create_key(tmp_path / "key")
    (tmp_path / "key").chmod(mode)

    assert read_key(tmp_path / "key") == key


@pytest.mark.parametrize("name", ["gone", ".", "gone/key"])
def test_a_key_that_cannot_be_read_is_refused_by_name(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        read_key(tmp_path / name)

    assert f"key file {tmp_path / name} cannot be read" in str(refused.value)
    assert "analemma key create" in str(refused.value)


def test_an_id_tells_keys_apart_and_no_text_shows_a_key() -> None:
    key = EncryptionKey(bytes(range(64)))

    assert key.id == "fdeab9ac"
    assert EncryptionKey(bytes(64)).id != key.id
    assert "secret" not in repr(key)
    assert "\\x01" not in repr(key)
