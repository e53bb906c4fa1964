"""``analemma cloud`` as people and programs meet it."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from analemma.entrypoints.cli.main import main
from analemma_platform.emulator import daemon
from analemma_platform.engine.display import summary
from analemma_platform.engine.plan import Plan
from engine_project import PASSWORD, RESOURCES, write_project

Run = Callable[..., int]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "home"
    yield home
    daemon.stop(home)


@pytest.fixture
def run(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs ``analemma cloud …`` in a project and returns its exit code."""
    root = write_project(tmp_path / "project")
    monkeypatch.chdir(root / "stacks")
    monkeypatch.setenv("ANALEMMA_HOME", str(home))
    monkeypatch.setenv("COLUMNS", "120")

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["analemma", "cloud", *arguments])
        try:
            main()
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else 0
        return 0

    return run


def test_the_whole_life_of_a_stack_on_the_command_line(
    run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run("preview") == 0
    said = capsys.readouterr().out
    assert "4 to create" in said

    assert run("up") == 0
    said = capsys.readouterr().out
    assert all(name in said for name in RESOURCES)
    assert "stack dev: 4 created" in said
    assert PASSWORD not in said

    assert run("up") == 0
    assert "4 unchanged" in capsys.readouterr().out

    stack = tmp_path / "project" / "Pulumi.dev.yaml"
    stack.write_text(stack.read_text().replace("seconds: 1", "seconds: 9"))
    assert run("preview") == 0
    said = capsys.readouterr().out
    assert "definition.States.Wait.Seconds" in said
    assert "1 to update, 3 unchanged" in said

    assert run("status") == 0
    assert "stack dev: deployed, 4 resources" in capsys.readouterr().out

    assert run("outputs") == 0
    said = capsys.readouterr().out
    assert "password = [secret]" in said
    assert PASSWORD not in said

    assert run("refresh") == 0
    assert run("destroy") == 0
    assert "stack dev: 4 deleted" in capsys.readouterr().out

    assert run("stop") == 0
    assert "was not running" in capsys.readouterr().out


def test_with_json_there_is_one_document_and_nothing_else(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("preview", "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["counts"] == {"create": 4}
    assert run("up", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert {step["name"] for step in result["steps"]} == RESOURCES
    assert result["outputs"]["password"] == "[secret]"
    assert run("status", "--json") == 0
    assert json.loads(capsys.readouterr().out)["deployed"] is True
    assert run("outputs", "--json") == 0
    assert json.loads(capsys.readouterr().out) == result["outputs"]
    assert run("destroy", "--json") == 0
    assert json.loads(capsys.readouterr().out)["counts"] == {"delete": 4}


def test_bad_usage_is_one_line_and_exit_code_2(
    run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run("up", "--stack", "nowhere") == 2
    failed = capsys.readouterr()
    assert failed.out == ""
    assert failed.err.count("\n") == 1
    assert "Pulumi.nowhere.yaml" in failed.err
    assert run("outputs") == 2
    assert "analemma cloud up --stack dev" in capsys.readouterr().err
    assert run("up", "--project", str(tmp_path)) == 2
    assert "no Pulumi.yaml" in capsys.readouterr().err


def test_a_failed_deployment_is_exit_code_1_and_shows_what_was_done(
    run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    program = tmp_path / "project" / "stacks" / "__main__.py"
    broken = (
        "aws.dynamodb.Table('broken', hash_key='pk', attributes=[],"
        " opts=pulumi.ResourceOptions(depends_on=[table, store, machine]))\n"
    )
    program.write_text(program.read_text() + broken)
    assert run("up", "--json") == 1
    failed = capsys.readouterr()
    done = json.loads(failed.out)
    assert {urn.rsplit("::", 1)[-1] for urn in done["steps"]} == RESOURCES
    assert "::broken" in done["error"] or "create_table" in done["error"]
    assert "error: " in failed.err


def test_the_command_line_starts_without_pulumi_and_boto3() -> None:
    code = (
        "import sys, analemma_platform.cli\n"
        "print([n for n in ('pulumi', 'boto3', 'grpc') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_an_empty_stack_is_said_to_be_empty() -> None:
    assert "nothing there" in summary(Plan("dev", ()), 0.0, future=False).plain
