"""Inputs and results of any size: they come in and go out whole, by reference."""

import hashlib
import io
import json
import os
import pty
import subprocess
import threading
from pathlib import Path

import pytest

from analemma.records.run import RunRecord
from analemma.records.transition import MAX_TRANSITION_BYTES
from command_line import ANALEMMA, CommandLine
from graphs_files import target
from kernel_cli import CommandHere, digest_of

TURN = '''
"""Turn a text around."""
from typing import TypedDict
from langgraph.graph import START, StateGraph

class State(TypedDict, total=False):
    text: str
    turned: str
    raw: bytes

def turn(state):
    return {"turned": state["text"][::-1], "raw": state["text"][:9].encode() + b"\\xff"}

graph = StateGraph(State).add_node(turn).add_edge(START, "turn").compile()
'''
KIB, MIB = 1024, 1024 * 1024
SIZES = [256 * KIB - 1, 256 * KIB, 256 * KIB + 1, MIB, 5 * MIB]


@pytest.fixture
def analemma(tmp_path: Path) -> CommandHere:
    return CommandHere(tmp_path / "home")


@pytest.fixture
def turn(tmp_path: Path) -> str:
    return target(tmp_path / "graphs", "cli_turn", TURN)


def text_of(size: int) -> str:
    """Return a text of that many bytes which does not deflate to a few."""
    return hashlib.shake_128(b"analemma").hexdigest(size // 2 + 1)[:size]


def input_of(size: int) -> str:
    """Return an input, a JSON text of that many bytes."""
    return json.dumps({"text": text_of(size - len('{"text": ""}'))})


def turned(analemma: CommandHere, turn: str, size: int, folder: Path) -> str:
    """Run on an input of that many bytes from a file; return the run's id."""
    file = folder / "input.json"
    file.write_text(input_of(size))
    assert file.stat().st_size == size
    ended = analemma("run", turn, "--input", f"@{file}")
    assert ended.code == 0, ended.err
    assert len(ended.out) < KIB
    return analemma.run_id()


@pytest.mark.parametrize("size", [*SIZES, 70 * MIB])
def test_an_input_of_any_size_goes_in_and_its_result_comes_out_whole(
    analemma: CommandHere, turn: str, tmp_path: Path, size: int
) -> None:
    run = turned(analemma, turn, size, tmp_path)

    shown = analemma("show", run, "--channel", "turned", "--to", str(tmp_path / "out"))

    text = text_of(size - len('{"text": ""}'))
    assert shown.code == 0
    assert shown.out == f"{len(text):,} bytes in {tmp_path / 'out'}\n"
    assert (tmp_path / "out").read_text() == text[::-1]
    status = analemma("status", run, "--json")
    record = RunRecord.model_validate(
        {k: v for k, v in status.document.items() if k != "waits_for"}
    )
    assert record.transition is not None
    assert len(record.transition.model_dump_json()) < MAX_TRANSITION_BYTES
    assert len(status.out) < 2 * KIB
    assert len(analemma("show", run).out) < KIB
    assert analemma("verify", run).code == 0


def test_an_input_can_come_from_standard_input(
    analemma: CommandHere, turn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    piped = io.TextIOWrapper(io.BytesIO(input_of(MIB).encode()))
    monkeypatch.setattr("sys.stdin", piped)

    assert analemma("run", turn, "--input", "-").code == 0

    shown = analemma("show", analemma.run_id(), "--channel", "text").out
    assert shown == json.loads(input_of(MIB))["text"] + "\n"


def test_a_pipe_carries_an_input_and_a_result(turn: str, tmp_path: Path) -> None:
    analemma = CommandLine.at(tmp_path / "home")
    ran = subprocess.run(
        [*ANALEMMA, "run", turn, "-i", "-", "--json"],
        input=input_of(MIB),
        env=analemma.environment,
        capture_output=True,
        text=True,
        check=True,
    )

    shown = analemma("show", json.loads(ran.stdout)["run_id"], "--json")

    text = json.loads(input_of(MIB))["text"]
    assert shown.document["turned"] == text[::-1]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "--input - is not JSON: "),
        (b'{"text": ', "--input - is not JSON: "),
        (b"[" * 100_000, "--input - is not JSON: "),
        (b'"\xff"', "--input - cannot be read: "),
    ],
    ids=["nothing", "half", "deep", "no UTF-8"],
)
def test_a_standard_input_that_is_no_json_is_refused(
    analemma: CommandHere,
    turn: str,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    says: str,
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))

    refused = analemma("run", turn, "--input", "-")

    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith(f"error: {says}")
    assert not analemma.home.exists()


def test_a_large_input_is_encrypted_like_any_other(
    analemma: CommandHere, turn: str, tmp_path: Path
) -> None:
    assert analemma("key", "create", str(tmp_path / "key")).code == 0
    variables = {"ANALEMMA_ENCRYPTION_KEY_FILE": str(tmp_path / "key")}
    encrypted = CommandHere(analemma.home, variables)
    run = turned(encrypted, turn, 20 * MIB, tmp_path)

    shown = encrypted("show", run, "--channel", "turned", "--to", str(tmp_path / "out"))

    assert shown.code == 0
    text = text_of(20 * MIB - len('{"text": ""}'))
    assert (tmp_path / "out").read_text() == text[::-1]
    piece = text[9 * MIB :][:40].encode()
    stored = [path for path in encrypted.home.rglob("*") if path.is_file()]
    assert not [path for path in stored if piece in path.read_bytes()]


# -- results in files


def test_a_file_gets_text_and_bytes_as_they_are_and_all_else_as_json(
    analemma: CommandHere, turn: str, tmp_path: Path
) -> None:
    run, out = turned(analemma, turn, 300_000, tmp_path), tmp_path / "out"

    assert analemma("show", run, "--channel", "raw", "--to", str(out)).code == 0
    assert out.read_bytes() == text_of(9).encode() + b"\xff"
    assert analemma("show", run, "--to", str(out)).code == 0
    assert json.loads(out.read_text()) == analemma("show", run, "--json").document
    assert out.read_text().endswith("}\n")
    told = analemma("show", run, "0", "--to", str(out), "--json").document
    assert told == {"file": str(out), "bytes": out.stat().st_size}
    assert out.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "graphs",
        "home",
        "input.json",
        "out",
    ]


def test_a_file_that_cannot_be_written_is_refused_and_nothing_changed(
    analemma: CommandHere, turn: str, tmp_path: Path
) -> None:
    run = turned(analemma, turn, 1000, tmp_path)
    before = digest_of(tmp_path)

    for name in ("nowhere/out", "home"):
        refused = analemma("show", run, "--to", str(tmp_path / name))
        assert (refused.code, refused.out) == (2, "")
        assert f"{tmp_path / name} cannot be written: " in refused.err
    assert digest_of(tmp_path) == before


def test_a_pipe_with_a_name_is_written_to_and_stays_one(
    analemma: CommandHere, turn: str, tmp_path: Path
) -> None:
    run, pipe = turned(analemma, turn, 300_000, tmp_path), tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()

    assert analemma("show", run, "--channel", "turned", "--to", str(pipe)).code == 0

    reader.join()
    assert read == [analemma("show", run, "--channel", "turned").out[:-1].encode()]
    assert pipe.is_fifo()


def test_a_link_keeps_leading_to_the_file_that_is_written(
    analemma: CommandHere, turn: str, tmp_path: Path
) -> None:
    run = turned(analemma, turn, 1000, tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "out")

    assert analemma("show", run, "--to", str(tmp_path / "link")).code == 0

    assert (tmp_path / "link").is_symlink()
    assert json.loads((tmp_path / "out").read_text())


# -- terminals


def test_a_person_is_told_how_to_have_a_long_value_whole(
    analemma: CommandHere, turn: str, tmp_path: Path
) -> None:
    run = turned(analemma, turn, MIB, tmp_path)

    *values, last = analemma("show", run, "0").out.splitlines()

    assert values[0].endswith("… (1,048,566 bytes)")
    assert last == f"whole: analemma show {run} 0 --to FILE"
    short = turned(analemma, turn, 100, tmp_path)
    assert "whole:" not in analemma("show", short).out


@pytest.mark.parametrize("options", [["--channel", "turned"], ["--json"]])
@pytest.mark.parametrize("size", [30 * KIB, MIB])
def test_what_is_too_long_is_not_printed_into_a_terminal(
    analemma: CommandHere, turn: str, tmp_path: Path, options: list[str], size: int
) -> None:
    run = turned(analemma, turn, size, tmp_path)
    environment = CommandLine.at(analemma.home).environment
    leader, terminal = pty.openpty()
    with subprocess.Popen(
        [*ANALEMMA, "show", run, *options],
        env=environment,
        stdout=terminal,
        stderr=subprocess.PIPE,
        text=True,
    ) as shown:
        os.close(terminal)
        printed = read_all(leader)
        told = shown.communicate()[1]

    if size == MIB:
        assert (shown.returncode, printed) == (2, b"")
        assert "bytes are too long for a terminal" in told
        channel = "" if options == ["--json"] else " --channel turned"
        assert f"analemma show {run}{channel} --to FILE" in told
    else:
        assert (shown.returncode, told) == (0, "")
        assert text_of(size - len('{"text": ""}'))[::-1].encode() in printed


def read_all(handle: int) -> bytes:
    """Read a terminal until the last who writes to it is gone."""
    found = b""
    try:
        while piece := os.read(handle, 65_536):
            found += piece
    except OSError:  # how Linux says that nobody is left
        pass
    os.close(handle)
    return found
