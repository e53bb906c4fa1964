"""Files as property values: their digest, and their bytes as one zip.

A ``FileArchive`` of a ``.zip`` is passed through byte for byte and its digest is
the zip's own SHA-256, so that what was built, what Pulumi compares and what
Lambda reports as ``CodeSha256`` are one number. Everything else is packed here,
the same bytes every time.
"""

import hashlib
import io
import zipfile
from pathlib import Path

from analemma_platform.engine.failures import Unsupported
from analemma_platform.engine.values import (
    ARCHIVE,
    Properties,
    Value,
    is_asset,
    signature,
)

_EPOCH = (1980, 1, 1, 0, 0, 0)
_FILE_MODE = 0o100644
_EXECUTABLE_MODE = 0o100755
_ANY_EXECUTE_BIT = 0o111


def with_digests(properties: Properties, directory: Path) -> Properties:
    """Return ``properties`` with a ``hash`` in every asset.

    Paths are relative to ``directory``, the program's working directory.

    Raises:
        Unsupported: an asset is remote, missing or of an unknown archive format.
    """
    return {name: _with_digest(value, directory) for name, value in properties.items()}


def archive_bytes(archive: Value, directory: Path) -> bytes:
    """Return ``archive`` as the bytes of one zip file.

    Raises:
        Unsupported: ``archive`` is no archive, is remote, or is not there.
    """
    if not isinstance(archive, dict) or signature(archive) != ARCHIVE:
        raise Unsupported("code must be an archive: FileArchive or AssetArchive")
    path = _path(archive, directory)
    if path is not None and path.is_file():
        _require_zip(path)
        return path.read_bytes()
    return _zip(_files(archive, directory))


def _with_digest(value: Value, directory: Path) -> Value:
    if isinstance(value, dict):
        if is_asset(value):
            return {**value, "hash": _digest(value, directory)}
        return {key: _with_digest(inner, directory) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_digest(inner, directory) for inner in value]
    return value


def _digest(asset: Properties, directory: Path) -> str:
    path = _path(asset, directory)
    if path is not None and path.is_file():
        if signature(asset) == ARCHIVE:
            _require_zip(path)
        return hashlib.sha256(path.read_bytes()).hexdigest()
    whole = hashlib.sha256()
    for name, (content, executable) in sorted(_files(asset, directory).items()):
        whole.update(f"{name}\0{executable}\0{len(content)}\0".encode())
        whole.update(content)
    return whole.hexdigest()


def _path(asset: Properties, directory: Path) -> Path | None:
    path = asset.get("path")
    if not isinstance(path, str) or not path:
        return None
    found = directory / path
    if not found.exists():
        raise Unsupported(f"no file or folder {path!r} (looked in {directory})")
    return found


def _require_zip(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        raise Unsupported(f"{path.name} is not a zip file; archives must be zip")


def _files(
    asset: Properties, directory: Path, prefix: str = ""
) -> dict[str, tuple[bytes, bool]]:
    if asset.get("uri"):
        raise Unsupported(f"remote asset {asset['uri']!r}: only local files are read")
    text = asset.get("text")
    if isinstance(text, str) and not asset.get("path"):
        return {prefix.rstrip("/"): (text.encode(), False)}
    path = _path(asset, directory)
    if path is None:
        return _assembled(asset, directory, prefix)
    if path.is_dir():
        return {
            prefix + file.relative_to(path).as_posix(): _read(file)
            for file in path.rglob("*")
            if file.is_file() and "__pycache__" not in file.parts
        }
    if signature(asset) == ARCHIVE:
        _require_zip(path)
        with zipfile.ZipFile(path) as packed:
            return {prefix + name: _member(packed, name) for name in packed.namelist()}
    return {prefix.rstrip("/"): _read(path)}


def _assembled(
    asset: Properties, directory: Path, prefix: str
) -> dict[str, tuple[bytes, bool]]:
    parts = asset.get("assets")
    if not isinstance(parts, dict):
        raise Unsupported("an asset needs a path, a text or a map of assets")
    files: dict[str, tuple[bytes, bool]] = {}
    for name, part in parts.items():
        if not isinstance(part, dict):
            raise Unsupported(f"{name!r} in an AssetArchive is no asset")
        slash = "/" if signature(part) == ARCHIVE else ""
        files.update(_files(part, directory, f"{prefix}{name}{slash}"))
    return files


def _read(file: Path) -> tuple[bytes, bool]:
    return file.read_bytes(), bool(file.stat().st_mode & _ANY_EXECUTE_BIT)


def _member(packed: zipfile.ZipFile, name: str) -> tuple[bytes, bool]:
    mode = packed.getinfo(name).external_attr >> 16
    return packed.read(name), bool(mode & _ANY_EXECUTE_BIT)


def _zip(files: dict[str, tuple[bytes, bool]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, (content, executable) in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3  # Unix, or the mode below is not read
            entry.compress_type = zipfile.ZIP_DEFLATED
            mode = _EXECUTABLE_MODE if executable else _FILE_MODE
            entry.external_attr = mode << 16
            packed.writestr(entry, content)
    return buffer.getvalue()
