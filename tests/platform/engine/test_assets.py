import base64
import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from analemma_platform.engine.assets import archive_bytes, with_digests
from analemma_platform.engine.failures import Unsupported
from analemma_platform.engine.values import ARCHIVE, ASSET, SIGNATURE, Value


def archive(**parts: Value) -> dict[str, Value]:
    return {SIGNATURE: ARCHIVE, **parts}


def asset(**parts: Value) -> dict[str, Value]:
    return {SIGNATURE: ASSET, **parts}


def digest(value: Value, folder: Path) -> str:
    found = with_digests({"code": [value]}, folder)["code"]
    assert isinstance(found, list)
    assert isinstance(found[0], dict)
    return str(found[0]["hash"])


def names(packed: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(packed)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def test_a_zip_goes_through_byte_for_byte_and_its_digest_is_its_own(
    tmp_path: Path,
) -> None:
    path = tmp_path / "code.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("app.py", "pass")
    value = archive(path="code.zip")
    assert archive_bytes(value, tmp_path) == path.read_bytes()
    assert digest(value, tmp_path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_folder_is_packed_the_same_every_time_and_keeps_what_can_be_run(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "code"
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "__pycache__" / "app.pyc").write_text("x")
    (folder / "app.py").write_text("pass")
    tool = folder / "tool"
    tool.write_text("#!/bin/sh")
    tool.chmod(0o755)
    value = archive(path="code")
    first, before = archive_bytes(value, tmp_path), digest(value, tmp_path)
    (folder / "app.py").touch()
    assert archive_bytes(value, tmp_path) == first
    assert digest(value, tmp_path) == before
    assert names(first) == {"app.py": b"pass", "tool": b"#!/bin/sh"}
    with zipfile.ZipFile(io.BytesIO(first)) as packed:
        assert packed.getinfo("tool").external_attr >> 16 == 0o100755
    (folder / "app.py").write_text("return")
    assert digest(value, tmp_path) != before


def test_an_assembled_archive_holds_all_its_parts(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("one")
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as packed:
        packed.writestr("deep.txt", "deep")
    value = archive(
        assets={
            "file": asset(path="one.txt"),
            "text": asset(text="said"),
            "inner": archive(path="in.zip"),
        }
    )
    assert names(archive_bytes(value, tmp_path)) == {
        "file": b"one",
        "text": b"said",
        "inner/deep.txt": b"deep",
    }
    assert len(digest(value, tmp_path)) == 64


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (archive(path="missing.zip"), "missing.zip"),
        (archive(uri="https://example.com/x.zip"), "only local files"),
        (archive(path="plain.txt"), "not a zip file"),
        (archive(), "needs a path"),
        (archive(assets={"a": 1}), "is no asset"),
        (asset(text="x"), "must be an archive"),
        ("text", "must be an archive"),
    ],
)
def test_what_cannot_be_packed_is_refused(
    tmp_path: Path, value: Value, says: str
) -> None:
    (tmp_path / "plain.txt").write_text("plain")
    with pytest.raises(Unsupported, match=says):
        archive_bytes(value, tmp_path)


def test_the_digest_is_what_lambda_calls_code_sha256(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as packed:
        packed.writestr("app.py", "pass")
    value = archive(path="code.zip")
    sent = archive_bytes(value, tmp_path)
    code_sha256 = base64.b64encode(hashlib.sha256(sent).digest()).decode()
    assert base64.b64decode(code_sha256).hex() == digest(value, tmp_path)
