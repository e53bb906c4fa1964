"""Build the Lambda zip, or find that it is built already.

Two caches below the project's ``.build/``. The dependencies are zipped once per
lock, platform and Python; the artifact is that zip with the code appended. Its
file is named by a digest of everything that went in, so an unchanged input is
found by name and costs no packing at all.
"""

import contextlib
import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from analemma_platform.packaging.archive import (
    extend_archive,
    names_in,
    unzipped_bytes,
    write_archive,
)
from analemma_platform.packaging.failures import ArtifactFailed
from analemma_platform.packaging.installers import install
from analemma_platform.packaging.platforms import Platform
from analemma_platform.packaging.sources import (
    Entry,
    kernel_files,
    package_files,
    workflow_files,
)

MAX_UNZIPPED_BYTES = 250 * 1024 * 1024
"""Lambda's limit for code and layers together, unpacked."""

MAX_ZIP_BYTES = 50 * 1024 * 1024
"""Lambda's limit for a zip that is uploaded directly, which ours is."""

_FORMAT = "analemma-lambda-zip-1"
"""Part of every cache key: change it when the way of packing changes."""

_KEPT = 4
"""Older artifacts stay for stacks that are being deployed at this moment."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A finished zip. ``sha256`` is hexadecimal, of the zip's bytes."""

    path: Path
    sha256: str
    size_bytes: int

    @classmethod
    def at(cls, path: Path) -> "Artifact":
        """Return the artifact that lies at ``path``.

        Raises:
            ArtifactFailed: there is no file.
        """
        if not path.is_file():
            raise ArtifactFailed(f"{path} is no file; build the Lambda zip first")
        with path.open("rb") as zip_:
            digest = hashlib.file_digest(zip_, "sha256").hexdigest()
        return cls(path, digest, path.stat().st_size)


class LambdaArtifact:
    """The builder of one project's Lambda zips.

    Two builders may work on one project at once: files appear whole, and who
    comes second replaces equal bytes.
    """

    def __init__(self, root: Path) -> None:
        """Build from the project at ``root``, caching below its ``.build/``."""
        self._kernel = root / "kernel" / "analemma"
        self._lock = root / "requirements" / "lambda.txt"
        self._cache = root / ".build" / "packages"

    def build(
        self, platform: Platform, workflows: Sequence[Path], out_dir: Path
    ) -> Artifact:
        """Return the zip for ``platform``, with the folders ``workflows`` in it.

        Equal input, equal bytes, on one machine. Seconds when the dependencies
        must be fetched and packed, well under one when only code changed.

        Raises:
            ArtifactFailed: a folder is missing, two of them (or one and a
                dependency) claim one name, the packages cannot be installed, or
                the zip is larger than Lambda takes.
        """
        code = self._code(workflows)
        digest = self._input_digest(platform, code)
        out_dir.mkdir(parents=True, exist_ok=True)
        path = out_dir / f"lambda-{platform}-{digest[:20]}.zip"
        if path.exists():
            path.touch()
        else:
            self._pack(path, self._packages(platform), code)
            _forget_old(out_dir.glob(f"lambda-{platform}-*.zip"))
        return Artifact.at(path)

    def _code(self, workflows: Sequence[Path]) -> list[Entry]:
        if not self._kernel.is_dir():
            raise ArtifactFailed(f"{self._kernel} is missing; is this the project?")
        owners = {"analemma": self._kernel}
        files = kernel_files(self._kernel)
        for folder in dict.fromkeys(workflows):
            found = workflow_files(folder)
            if not found:
                raise ArtifactFailed(f"workflow folder {folder} holds no Python code")
            for name in dict.fromkeys(_top(file.name) for file in found):
                other = owners.setdefault(name, folder)
                if other is not folder:
                    raise ArtifactFailed(
                        f"{folder} and {other} both hold {name!r}, and one zip "
                        "takes one of them: rename one"
                    )
            files += found
        # Read once: the digest is of the very bytes that are packed.
        return [file.read() for file in sorted(files)]

    def _input_digest(self, platform: Platform, code: list[Entry]) -> str:
        digest = hashlib.sha256(self._packages_key(platform).encode())
        for entry in code:
            digest.update(f"\0{entry.name}\0{entry.mode:o}\0".encode())
            digest.update(hashlib.sha256(entry.body).digest())
        return digest.hexdigest()

    def _packages_key(self, platform: Platform) -> str:
        if not self._lock.is_file():
            raise ArtifactFailed(f"{self._lock} is missing; is this the project?")
        parts = (_FORMAT, platform.fingerprint, self._lock.read_text())
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def _packages(self, platform: Platform) -> Path:
        """Return the zip of the locked packages, installing them if need be."""
        zip_ = self._cache / f"{platform}-{self._packages_key(platform)[:20]}.zip"
        if not zip_.exists():
            self._cache.mkdir(parents=True, exist_ok=True)
            with (
                tempfile.TemporaryDirectory(dir=self._cache) as folder,
                _appearing(zip_) as unfinished,
            ):
                install(self._lock, platform, Path(folder))
                files = package_files(Path(folder))
                write_archive(unfinished, (file.read() for file in files))
        return zip_

    def _pack(self, path: Path, packages: Path, code: list[Entry]) -> None:
        taken = {_top(name) for name in names_in(packages)}
        for entry in code:
            if _top(entry.name) in taken:
                raise ArtifactFailed(
                    f"the code's {entry.name!r} and the dependency "
                    f"{_top(entry.name)!r} claim one name: rename the code's"
                )
        with _appearing(path) as unfinished:
            extend_archive(unfinished, packages, code)
            _check_limits(unfinished)


def _check_limits(zip_: Path) -> None:
    sizes = (
        ("unpacked", unzipped_bytes(zip_), MAX_UNZIPPED_BYTES),
        ("packed", zip_.stat().st_size, MAX_ZIP_BYTES),
    )
    for how, size, limit in sizes:
        if size > limit:
            raise ArtifactFailed(
                f"the Lambda zip has {size} bytes {how}, and Lambda takes at most "
                f"{limit}: drop a dependency or a workflow"
            )


@contextlib.contextmanager
def _appearing(path: Path) -> Iterator[Path]:
    """Yield a path beside ``path`` that takes its place if all goes well."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        unfinished = Path(folder, path.name)
        yield unfinished
        unfinished.replace(path)


def _forget_old(zips: Iterable[Path]) -> None:
    # Another builder may be forgetting the same ones at this moment.
    with contextlib.suppress(FileNotFoundError):
        for zip_ in sorted(zips, key=lambda zip_: zip_.stat().st_mtime)[:-_KEPT]:
            zip_.unlink()


def _top(name: str) -> str:
    """Return the name that an import would start with: of a folder or a module."""
    first, slash, _ = name.partition("/")
    return first if slash else first.partition(".")[0]
