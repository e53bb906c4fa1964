"""The rules of the house that no linter knows."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("kernel", "platform", "stacks", "tools", "examples", "benchmarks")
LONGEST = 500
FORBIDDEN_NAMES = {"utils.py", "helpers.py", "common.py", "base.py", "manager.py"}

# Who may import a name that starts with an underscore, and from whom.
COMPATIBILITY = {
    "kernel/analemma/kernelspace/langgraph_compat.py": "langgraph",
    "platform/analemma_platform/engine/pulumi_compat.py": "pulumi",
    "platform/analemma_platform/emulator/seams.py": "ministack",
}


def tracked(*patterns: str) -> list[Path]:
    """Return the files that git knows or would take, by pattern."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [
        ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()
    ]


def test_nothing_shadows_the_platform_of_the_standard_library() -> None:
    assert not (ROOT / "platform" / "__init__.py").exists()
    assert not (ROOT / "platform.py").exists()
    assert not (ROOT / "stacks" / "__init__.py").exists()


STANDARD = "import platform; assert platform.system(), platform.__file__"


@pytest.mark.parametrize(
    "command",
    [
        ["-c", STANDARD],
        ["-m", "timeit", "-n1", "-r1", STANDARD],
        ["-m", "pytest", "--version"],
        ["-m", "analemma.entrypoints.cli", "--version"],
        ["-c", f"import analemma_platform.cli; {STANDARD}"],
        ["-c", f"import uuid, boto3, pulumi; {STANDARD}"],
    ],
    ids=lambda command: " ".join(command)[:40],
)
@pytest.mark.parametrize("safe_path", ["", "1"])
def test_platform_is_the_standard_librarys_however_code_is_started(
    command: list[str], safe_path: str
) -> None:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": safe_path, "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_files_are_short_and_named_after_a_noun() -> None:
    for path in tracked("*.py"):
        name = path.relative_to(ROOT).as_posix()
        length = len(path.read_text(encoding="utf-8").splitlines())
        assert path.name not in FORBIDDEN_NAMES, name
        if not name.startswith("tests/"):
            assert length <= LONGEST, f"{name} has {length} lines"


def test_private_names_of_others_are_imported_in_one_module_each() -> None:
    for path in tracked(*(f"{folder}/*.py" for folder in SOURCES)):
        name = path.relative_to(ROOT).as_posix()
        for package in private_imports(path):
            assert COMPATIBILITY.get(name) == package, (
                f"{name} imports a private name of {package}"
            )


def private_imports(path: Path) -> Iterator[str]:
    """Yield the packages, not ours, of which a private name is imported."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            parts = node.module.split(".")
            parts += [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            parts = [part for alias in node.names for part in alias.name.split(".")]
        else:
            continue
        if parts[0] in ("langgraph", "pulumi", "ministack", "langchain_core") and any(
            part.startswith("_") and not part.startswith("__") for part in parts
        ):
            yield parts[0]


def test_no_file_names_a_registry_or_a_path_of_a_machine() -> None:
    hosts = ("pypi" + ".org", "python" + "hosted.org", "registry.npm" + "js.org")
    machine = re.compile(r"(?<![\w.])/(?:work|root|farm|home/\w+)/")
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        name = path.relative_to(ROOT).as_posix()
        assert not any(host in text for host in hosts), name
        assert not machine.search(text), name


def test_requirements_are_pinned_with_hashes_and_name_no_index() -> None:
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        pinned = re.findall(r"^[\w.\[\]-]+==", text, re.MULTILINE)
        assert pinned, path.name
        assert text.count("--hash=sha256:") >= len(pinned), path.name
        assert "index-url" not in text, path.name


def test_nothing_runs_text_as_code() -> None:
    dangerous = {"eval", "exec", "compile", "__import__"}
    for path in tracked("kernel/*.py", "platform/*.py", "stacks/*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in dangerous, path.relative_to(ROOT)
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names}
                module = getattr(node, "module", None)
                assert not {"pickle", "marshal", "shelve"} & {*names, module}, (
                    path.relative_to(ROOT)
                )
