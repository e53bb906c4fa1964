"""The command line where a process of its own, or a terminal, makes the difference."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import psutil
import pytest

from analemma.kernelspace.memory.log import state_at
from command_line import ANALEMMA, CommandLine
from graphs_files import ASK, COUNT, SLOW, target
from kernel_desk import open_desk

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def analemma(tmp_path: Path) -> CommandLine:
    return CommandLine.at(tmp_path / "home")


@pytest.fixture
def slow(tmp_path: Path) -> str:
    return target(tmp_path / "graphs", "cli_slow", SLOW)


def on_a_terminal(analemma: CommandLine, *arguments: str) -> tuple[int, str]:
    """Run on a terminal of 100 columns; return its exit code and what was drawn."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    process = subprocess.Popen(
        [*ANALEMMA, *arguments],
        env=analemma.environment | {"TERM": "xterm", "COLUMNS": "100"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    drawn = bytearray()
    while True:
        try:
            drawn += os.read(ours, 65536)
        except OSError:  # Linux's way of saying that the other end is closed
            break
    os.close(ours)
    return process.wait(), _CONTROL.sub("", drawn.decode())


def test_exit_codes_and_streams_of_the_process(
    analemma: CommandLine, tmp_path: Path
) -> None:
    count = target(tmp_path / "graphs", "cli_count", COUNT)
    ask = target(tmp_path / "graphs", "cli_ask", ASK)

    failed = analemma("run", count, "-i", '{"count": 13}', "--json", "--verbose")
    refused = analemma("run", count, "-i", "{")
    waits = analemma("run", ask, "-i", '{"price": 1}')

    assert [each.code for each in (failed, refused, waits)] == [1, 2, 3]
    assert failed.document["status"] == "failed"
    assert "slice sealed" in failed.err
    assert refused.out == ""
    assert waits.err == ""


def test_a_module_of_the_working_directory_runs(
    analemma: CommandLine, tmp_path: Path
) -> None:
    target(tmp_path / "graphs", "cli_module", COUNT)
    installed = Path(sys.executable).with_name("analemma")

    ended = subprocess.run(
        [installed, "run", "cli_module:graph", "-i", '{"target": 1}'],
        env=analemma.environment,
        cwd=tmp_path / "graphs",
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "done  run-" in ended.stdout


def test_following_draws_supersteps_and_tasks_and_leaves_the_outcome(
    analemma: CommandLine, slow: str
) -> None:
    code, drawn = on_a_terminal(analemma, "run", slow, "-i", '{"seen": []}', "-f")

    assert code == 0
    assert {"1", "2"} <= set(re.findall(r"supersteps  (\d+)", drawn))
    assert re.search(r"budget used: \d of 1000 supersteps", drawn)
    done_of = {(int(a), int(b)) for a, b in re.findall(r"tasks +(\d+) of (\d+)", drawn)}
    assert {total for _, total in done_of} == {10}
    assert "█" in drawn or min(done for done, _ in done_of) == 0
    assert re.search(r"elapsed +\d+\.\d s", drawn)
    last = [line.strip() for line in drawn.splitlines() if line.strip()][-2:]
    assert re.match(r"done  run-\w+  \(4 supersteps, 2 slices", last[0])
    assert last[1].startswith("result: analemma show run-")


def stopped(analemma: CommandLine, slow: str, *, in_the_fan_out: bool) -> str:
    """Press Ctrl-C, as a terminal does it; return the id of the run."""
    process = subprocess.Popen(
        [*ANALEMMA, "run", slow, "-i", '{"seen": []}'],
        env=analemma.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    run = process.stdout.readline().split()[-1]
    itself = psutil.Process(process.pid)
    deadline = time.monotonic() + 30
    while in_the_fan_out and len(itself.children()) < 2:  # a tracker and a worker
        assert time.monotonic() < deadline
        time.sleep(0.01)
    workers = itself.children()

    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)

    assert process.returncode == 130
    assert out == ""
    assert err.strip() == f"stopped; go on: analemma resume {run}"
    assert psutil.wait_procs(workers, timeout=10)[1] == []
    return run


def test_ctrl_c_in_a_slice_says_in_one_line_how_to_go_on(
    analemma: CommandLine, slow: str
) -> None:
    stopped(analemma, slow, in_the_fan_out=False)


def test_ctrl_c_stops_every_worker_and_the_run_goes_on_later(
    analemma: CommandLine, slow: str
) -> None:
    run = stopped(analemma, slow, in_the_fan_out=True)

    assert analemma("resume", run).code == 0
    with open_desk(analemma.home) as desk:
        found = state_at(desk.saver("reader"), run)
    assert found is not None
    assert found.checkpoint["channel_values"]["seen"] == list(range(10))
