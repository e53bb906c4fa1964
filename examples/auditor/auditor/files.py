"""Put the report on disk, whole or not at all."""

import os
import re
import tempfile
from pathlib import Path


def report_path(output_dir: str, package: str, version: str) -> Path:
    """Return where the report on ``package`` goes; same package, same path."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{package}-{version}")
    return Path(output_dir) / f"{name}-audit.md"


def write_whole(path: Path, text: str) -> None:
    """Write ``text`` to ``path``, replacing what is there in one step.

    Idempotent: a task that is run again after a crash leaves the same file.

    Raises:
        OSError: the folder cannot be made or written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        temporary = Path(file.name)
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
