"""Make small distributions on disk, as an installer or a Lambda zip leaves them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Site:
    """A folder of installed distributions; put it on ``sys.path`` yourself."""

    root: Path

    def install(
        self,
        name: str,
        files: Mapping[str, str | bytes],
        *,
        record: bool = True,
        top_level: str | None = None,
    ) -> None:
        """Install ``name`` 1.0 with ``files``.

        Without ``record`` it is as in a Lambda zip: only ``METADATA`` is left,
        and ``top_level.txt`` if given.
        """
        for path, content in files.items():
            file = self.root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        info = self.root / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n"
            "Summary: Made for a test\nLicense-Expression: MIT\n"
            "Requires-Python: >=3.11\nRequires-Dist: rich>=1\n"
            'Requires-Dist: typer; extra == "cli"\n'
        )
        if record:
            (info / "RECORD").write_text("".join(f"{path},,\n" for path in files))
        if top_level is not None:
            (info / "top_level.txt").write_text(f"{top_level}\n")
