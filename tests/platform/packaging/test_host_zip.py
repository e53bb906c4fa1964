import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from analemma_platform.packaging import LambdaArtifact, Platform
from stack_programs import PROJECT

IMPORTS = (
    "analemma.entrypoints.lambdas.slices",
    "analemma.entrypoints.lambdas.workers",
    "analemma.entrypoints.lambdas.parking",
    "analemma.entrypoints.lambdas.burial",
    "langgraph.graph",
    "anthropic",
    "google.genai",
    "boto3",
    "zstandard",
    "auditor.graph",
)


@pytest.mark.slow
def test_the_host_zip_needs_nothing_but_the_interpreter(tmp_path: Path) -> None:
    workflow = PROJECT / "examples" / "auditor"
    built = LambdaArtifact(PROJECT).build(Platform.HOST, [workflow], tmp_path / "out")
    unpacked = tmp_path / "task"
    with zipfile.ZipFile(built.path) as zip_:
        zip_.extractall(unpacked)
    code = f"import sys; sys.path.insert(0, {str(unpacked)!r})\n" + "\n".join(
        f"import {name}" for name in IMPORTS
    )
    done = subprocess.run(
        # -I and -S: no environment, no site-packages, no working directory.
        [sys.executable, "-I", "-S", "-B", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
