"""Which files go into the zip, and which stay behind.

Nothing that depends on the builder may come along: byte code, the scripts of
``bin/`` (they name the builder's interpreter), an installer's own records.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_INSTALLER_RECORDS = (
    "RECORD",
    "INSTALLER",
    "REQUESTED",
    "direct_url.json",
    "uv_cache.json",
)

_UNUSED = {
    "google/genai/tests/": "the tests of google-genai; nothing imports them",
    "zstandard/_cffi": "the PyPy back end of zstandard; CPython loads backend_c",
}
"""Prefixes of packed names that no import reaches, with the reason. 13 MB."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file as a zip holds it; ``mode`` is 0o644 or 0o755."""

    name: str
    mode: int
    body: bytes


@dataclass(frozen=True, slots=True, order=True)
class SourceFile:
    """One file: its name in the zip (posix), and where its bytes are."""

    name: str
    path: Path

    def read(self) -> Entry:
        """Return the file as it is now.

        Of its mode only the owner's right to execute is kept: the builder's
        umask must not show, and Lambda reads as another user.
        """
        mode = 0o755 if self.path.stat().st_mode & stat.S_IXUSR else 0o644
        return Entry(self.name, mode, self.path.read_bytes())


def package_files(folder: Path) -> list[SourceFile]:
    """Return the files of installed packages below ``folder``, by name."""
    return sorted(file for file in _files_below(folder) if _belongs(file.name))


def kernel_files(kernel: Path) -> list[SourceFile]:
    """Return the files of the package folder ``kernel``, by name."""
    return sorted(_code_below(kernel, prefix=f"{kernel.name}/"))


def workflow_files(folder: Path) -> list[SourceFile]:
    """Return the modules and packages in ``folder``, by name.

    The folder stands on ``sys.path`` in the Lambda, so its packages keep their
    names. Files beside them that are not Python (a README) and ``tests`` stay
    behind: two workflows may both have one.
    """
    return sorted(
        file
        for file in _code_below(folder, prefix="")
        if ("/" in file.name or file.name.endswith(".py"))
        and not file.name.startswith("tests/")
    )


def has_module(folder: Path, module: str) -> bool:
    """Say whether ``module`` can be imported with ``folder`` on ``sys.path``."""
    stem = folder.joinpath(*module.split("."))
    return (
        stem.with_name(f"{stem.name}.py").is_file() or (stem / "__init__.py").exists()
    )


def _belongs(name: str) -> bool:
    path = PurePosixPath(name)
    if name.startswith("bin/") or name == ".lock":
        return False
    if path.parent.name.endswith(".dist-info") and path.name in _INSTALLER_RECORDS:
        return False
    return not name.startswith(tuple(_UNUSED))


def _code_below(folder: Path, prefix: str) -> Iterator[SourceFile]:
    for file in _files_below(folder):
        if not any(part.startswith(".") for part in file.name.split("/")):
            yield SourceFile(prefix + file.name, file.path)


def _files_below(folder: Path) -> Iterator[SourceFile]:
    # os.walk: Path.walk is Python 3.12's, and rglob would enter __pycache__.
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            if not name.endswith(".pyc"):
                path = Path(parent, name)
                yield SourceFile(path.relative_to(folder).as_posix(), path)
