"""A project small enough to package in a moment, without any index.

Its one dependency is a wheel made here and locked by path and hash, so that the
real installers do their real work offline.
"""

import base64
import hashlib
import zipfile
from pathlib import Path

WHEEL = "tinydep-1.0-py3-none-any.whl"


def make_project(root: Path) -> Path:
    """Make a project at ``root`` with a kernel, a lock and one workflow."""
    files = {
        "kernel/analemma/__init__.py": '__version__ = "0"\n',
        "kernel/analemma/py.typed": "",
        "kernel/analemma/records/run.py": "RUN = 1\n",
        "flows/hello/hello/__init__.py": "",
        "flows/hello/hello/graph.py": "graph = None\n",
        "flows/hello/hello/prompt.md": "Say hello.\n",
        "flows/hello/README.md": "not packed\n",
        "flows/hello/tests/test_hello.py": "not packed\n",
    }
    for name, text in files.items():
        write(root / name, text)
    lock_wheel(root, make_wheel(root / "wheels"))
    return root


def write(path: Path, text: str) -> None:
    """Write ``text`` to ``path``, making its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def lock_wheel(root: Path, wheel: Path, digest: str | None = None) -> None:
    """Make ``wheel`` the one dependency of the project at ``root``."""
    digest = digest or hashlib.sha256(wheel.read_bytes()).hexdigest()
    line = f"tinydep @ {wheel.resolve().as_uri()} --hash=sha256:{digest}\n"
    write(root / "requirements" / "lambda.txt", line)


def make_wheel(folder: Path, body: str = "VALUE = 1\n") -> Path:
    """Make a wheel with a package, a script and an executable file in it."""
    folder.mkdir(parents=True, exist_ok=True)
    info = "tinydep-1.0.dist-info"
    files = {
        "tinydep/__init__.py": body,
        "tinydep/tool.sh": "#!/bin/sh\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: tinydep\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\ntinydep = tinydep:VALUE\n",
    }
    rows = [
        f"{name},sha256={_digest(text)},{len(text)}" for name, text in files.items()
    ]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""])
    path = folder / WHEEL
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            mode = 0o755 if name.endswith(".sh") else 0o644
            entry.external_attr = (0o100000 | mode) << 16
            wheel.writestr(entry, text)
    return path


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
