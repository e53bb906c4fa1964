"""Find the Python files of an installed distribution.

A Lambda zip ships ``METADATA`` without ``RECORD``, so the list of files that
pip wrote cannot be relied on; the search then goes by name, looks only at the
file system, and imports nothing.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath

from auditor.tools.parse import storable

COMPILED_SUFFIXES = (".so", ".pyd")


class PackageMissing(LookupError):
    """The distribution, or its source, is not in this environment."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a distribution, relative to where it is installed, sorted."""

    found_by: str
    modules: tuple[str, ...]
    compiled: tuple[str, ...]


def installed(package: str) -> Distribution:
    """Return the metadata of ``package``.

    Raises:
        PackageMissing: nothing of that name is installed.
    """
    try:
        return distribution(package)
    except PackageNotFoundError:
        raise PackageMissing(
            f"package {package!r} is not installed where this agent runs: install "
            "it there (in the cloud: bundle it), or name the distribution as "
            "`pip list` does"
        ) from None


def list_files(dist: Distribution) -> Listing:
    """Return the Python files of ``dist``, exactly or by name.

    Raises:
        PackageMissing: it is installed, but no Python file of it is found.
    """
    recorded = [
        path.as_posix()
        for path in dist.files or ()
        if not path.is_absolute() and ".." not in path.parts
    ]
    listing = _listing("RECORD", recorded)
    if listing.modules:
        return listing
    for found_by, names in _guesses(dist):
        for root in _roots(dist):
            listing = _listing(found_by, list(_below(root, names)))
            if listing.modules:
                return listing
    raise PackageMissing(
        f"package {dist.name!r} is installed, but no Python file of it is found: it "
        "has no RECORD, no usable top_level.txt and no module of its own name"
    )


def open_path(dist: Distribution, relative: str) -> Path:
    """Return where the file ``relative`` of ``dist`` is on this machine.

    Raises:
        FileNotFoundError: it is nowhere below the installation.
    """
    inside = PurePosixPath(relative)
    if inside.is_absolute() or ".." in inside.parts:
        raise FileNotFoundError(f"{relative} is outside of the installation")
    for root in _roots(dist):
        if (root / inside).is_file():
            return root / inside
    raise FileNotFoundError(f"{relative} is not on disk")


def _listing(found_by: str, files: list[str]) -> Listing:
    # A name that is not UTF-8 is kept, spelled out; it will not be found on disk,
    # and the audit says so.
    names = [storable(name) for name in files]
    return Listing(
        found_by,
        tuple(sorted({name for name in names if name.endswith(".py")})),
        tuple(sorted({name for name in names if name.endswith(COMPILED_SUFFIXES)})),
    )


def _roots(dist: Distribution) -> Iterator[Path]:
    # An editable installation keeps its source elsewhere: a .pth file puts that
    # folder on sys.path.
    home = Path(str(dist.locate_file("")))
    yield home
    yield from (Path(entry) for entry in sys.path if entry and Path(entry) != home)


def _guesses(dist: Distribution) -> Iterator[tuple[str, list[str]]]:
    name = re.sub(r"[-_.]+", "-", dist.name).lower()
    declared = (dist.read_text("top_level.txt") or "").split()
    regular = [top for top in declared if _is_regular(dist, top)]
    yield "top_level.txt", regular
    yield "its name", [name.replace("-", "_")]
    yield "its name", [name.replace("-", "/")]
    yield "top_level.txt", declared


def _is_regular(dist: Distribution, top: str) -> bool:
    # A namespace such as google/ belongs to many distributions; not a good guess.
    return any(
        (root / top / "__init__.py").is_file() or (root / f"{top}.py").is_file()
        for root in _roots(dist)
    )


def _below(root: Path, names: list[str]) -> Iterator[str]:
    for name in names:
        if (root / f"{name}.py").is_file():
            yield f"{name}.py"
        for file in (root / name).rglob("*"):
            if file.suffix in (".py", *COMPILED_SUFFIXES):
                yield file.relative_to(root).as_posix()
