"""The server as a process: where it listens, how it says so, how it ends."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from botocore.exceptions import BotoCoreError

from analemma.errors import CloudUnavailable
from analemma_platform.emulator import RunningEmulator, start, status, stop
from emulator_deployments import Lambdas, until
from emulator_fixture import Emulator


@pytest.fixture
def home(tmp_path):
    place = tmp_path / "cloud"
    yield place
    if place.exists():
        stop(place)


def gone(pid: int) -> bool:
    """Say whether a process has ended, reaped or not."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def foreground(home: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "analemma_platform.emulator", "--home", home, *more],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_only_the_loopback_is_listened_on(emulator_server: Emulator):
    process = psutil.Process(emulator_server.running.pid)
    listening = [
        one.laddr
        for one in process.net_connections(kind="inet")
        if one.status == psutil.CONN_LISTEN
    ]
    port = int(emulator_server.endpoint.rsplit(":", 1)[1])
    assert [(address.ip, address.port) for address in listening] == [
        ("127.0.0.1", port)
    ]


def test_ready_line_names_endpoint_process_and_instance(home):
    with foreground(home) as server:
        ready = json.loads(server.stdout.readline())
        assert ready["pid"] == server.pid
        found = status(home)
        assert found == RunningEmulator(**ready)
        assert Emulator(found, home).get("/_analemma/health") == {
            "instance": ready["instance"],
            "pid": ready["pid"],
        }
        server.send_signal(signal.SIGTERM)
        assert server.wait(10) == 0
        assert server.stdout.read() == ""
    assert status(home) is None
    assert (home / "emulator.log").read_text() == ""


def test_port_that_is_taken_is_named(home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CloudUnavailable, match=f"port {port} of 127.0.0.1"):
            start(home, port)
    assert status(home) is None


def test_second_server_in_a_home_is_refused(home):
    start(home)
    with foreground(home) as second:
        assert (
            "another embedded cloud runs" in json.loads(second.stdout.read())["error"]
        )
        assert second.wait(10) == 1


def test_starting_twice_finds_the_first_and_stopping_twice_is_no_error(home):
    assert status(home) is None
    first = start(home)
    assert start(home) == first
    assert status(home) == first
    assert stop(home) is True
    assert status(home) is None
    assert until(lambda: gone(first.pid))
    assert stop(home) is False


def test_two_starters_at_once_get_the_same_server(home):
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(start, [home, home])
    assert one == other


def test_restarted_server_is_another_instance(home):
    first = start(home)
    stop(home)
    assert start(home).instance != first.instance


def test_killed_server_leaves_nothing_that_looks_alive(home):
    first = start(home)
    os.kill(first.pid, signal.SIGKILL)
    until(lambda: gone(first.pid))
    assert status(home) is None
    assert start(home).instance != first.instance


def test_stopping_without_knowing_the_process_says_which_file_it_holds(home):
    start(home)
    state = home / "emulator.json"
    kept = state.read_bytes()
    state.write_text("not json")
    with pytest.raises(CloudUnavailable, match=r"emulator\.lock"):
        stop(home)
    state.write_bytes(kept)


def test_server_that_cannot_import_says_where_its_log_is(home, monkeypatch):
    monkeypatch.setenv("PYTHONHOME", "/nonexistent")
    with pytest.raises(CloudUnavailable, match=r"emulator\.log"):
        start(home)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_the_server_even_in_the_middle(home, number):
    emulator = Emulator(start(home), home)
    lambdas = Lambdas(emulator)
    lambdas.deploy("idle", "def handle(e, c): pass")
    lambdas.deploy("busy", "import time\ndef handle(e, c): time.sleep(60)", Timeout=90)
    lambdas.invoke("idle")
    caller = threading.Thread(target=_swallow, args=(lambdas,))
    caller.start()
    until(lambda: [w for w in lambdas.workers("busy") if w["busy"]])
    pids = [lambdas.workers(name)[0]["pid"] for name in ("idle", "busy")]
    os.kill(emulator.running.pid, number)
    until(lambda: all(gone(pid) for pid in pids))
    caller.join(20)
    assert not caller.is_alive()


def _swallow(lambdas: Lambdas) -> None:
    with contextlib.suppress(BotoCoreError):  # the server goes away
        lambdas.invoke("busy")


def test_unknown_path_of_ours_is_not_found(emulator_server: Emulator):
    with pytest.raises(AssertionError, match="404"):
        emulator_server.get("/_analemma/nothing")
