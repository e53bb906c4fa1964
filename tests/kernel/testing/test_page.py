"""The examples of docs/testing.md run as they stand there, on fewer checks."""

import re
import subprocess
import sys
from pathlib import Path

from analemma.testing import checks

PAGE = Path(__file__).parents[3] / "docs" / "testing.md"


def test_complete_example_of_the_page_runs(tmp_path: Path) -> None:
    script = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)[0]
    assert 'only=["*/sync"]' in script
    path = tmp_path / "example.py"
    path.write_text(script.replace('"*/sync"', '"listing/*/sync"'), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^together +11 +0 +0 ", done.stdout, re.MULTILINE)


WITH_PYTEST = """
from langgraph.checkpoint.memory import InMemorySaver
from analemma.testing import Subject


def subject() -> Subject:
    saver = InMemorySaver()
    return Subject(open=lambda: saver)

"""


def test_pytest_example_of_the_page_runs_and_skips_what_is_not_offered(
    tmp_path: Path,
) -> None:
    script = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)[1]
    assert "in checks()]" in script
    some = script.replace("checks()]", 'checks(["copying", "listing"])]')
    (tmp_path / "test_mine.py").write_text(WITH_PYTEST + some, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:asyncio", tmp_path],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert "22 passed, 14 skipped" in done.stdout, done.stdout + done.stderr


def test_every_concern_is_on_the_page() -> None:
    rows = re.findall(r"^\| `([a-z ]+)` \|", PAGE.read_text("utf-8"), re.MULTILINE)
    outcomes = {"passed", "failed", "not offered"}
    assert [each for each in rows if each not in outcomes] == list(
        dict.fromkeys(check.concern for _, check in checks())
    )
