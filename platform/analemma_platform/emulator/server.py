"""The emulated AWS as one process: bind, mend, serve, say so, stop.

The port is bound before ministack is imported, because ministack reads its port
from the environment while it is imported, and because a port that was free a
moment ago may not be any more. Only 127.0.0.1 is ever bound.
"""

import asyncio
import fcntl
import json
import logging
import os
import secrets
import signal
import socket
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from analemma.errors import CloudUnavailable

HOST = "127.0.0.1"

_QUIET = {
    # Parts of ministack that would open ports of their own.
    "IOT_MTLS_ENABLED": "0",
    "SFTP_ENABLED": "0",
    # A daemon that is not there: nothing of ours may touch a real Docker.
    "DOCKER_HOST": "unix:///nonexistent/analemma-uses-no-docker.sock",
    "MINISTACK_HOST": "localhost",
    "PERSIST_STATE": "0",
    "S3_PERSIST": "0",
    "LOCALSTACK_PERSISTENCE": "0",
    "AUTH": "false",
    "SERVICES": "",
    "USE_SSL": "0",
    "LOG_LEVEL": "WARNING",
    "MINISTACK_REGION": "us-east-1",
    "MINISTACK_ACCOUNT_ID": "000000000000",
}


@dataclass(frozen=True, slots=True)
class Ready:
    """What the server prints, as one JSON line, when it serves."""

    endpoint: str
    pid: int
    instance: str


@dataclass(frozen=True, slots=True)
class HomeFiles:
    """Where a server keeps what below its home."""

    home: Path

    @property
    def lock(self) -> Path:
        """Held while a server lives; the kernel lets go when it dies."""
        return self.home / "emulator.lock"

    @property
    def log(self) -> Path:
        """What the server has to say."""
        return self.home / "emulator.log"

    @property
    def state(self) -> Path:
        """Which server runs here."""
        return self.home / "emulator.json"

    @property
    def functions(self) -> Path:
        """Unpacked Lambda code."""
        return self.home / "functions"


def bound_socket(port: int) -> socket.socket:
    """Return a socket that listens on ``port`` (0: any) of the loopback.

    Raises:
        CloudUnavailable: the port is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise CloudUnavailable(
            f"port {port} of {HOST} cannot be bound: {error.strerror}; "
            "choose another one"
        ) from error
    listener.listen(512)
    return listener


def hold(lock: Path, patience_seconds: float = 0.0) -> int:
    """Return the descriptor of a home's lock, held until it is closed.

    A little patience outlasts those who only look whether it is held.

    Raises:
        CloudUnavailable: another server holds it.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lock, os.O_CREAT | os.O_RDWR, 0o644)
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() < deadline:
                time.sleep(0.02)
                continue
            os.close(descriptor)
            raise CloudUnavailable(
                f"another embedded cloud runs in {lock.parent}: stop it first"
            ) from error
        return descriptor


def run(home: Path, port: int) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        CloudUnavailable: the home or the port is taken, or ministack is not
            the one we know.
    """
    files = HomeFiles(home)
    # Never closed: the kernel lets go of the lock when the process is gone, and
    # who waits for that must not see it a moment before.
    hold(files.lock, patience_seconds=0.3)
    listener = bound_socket(port)
    logging.basicConfig(
        filename=files.log,
        level=logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    asyncio.run(_serve(files, listener))


async def _serve(files: HomeFiles, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    endpoint = f"http://{HOST}:{port}"
    os.environ.update(_QUIET, GATEWAY_PORT=str(port), BIND_HOST=HOST)

    # Only now: ministack reads the environment while it is imported.
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    from analemma_platform.emulator import mends, seams
    from analemma_platform.emulator.lambda_pool import LambdaPool, keep_reaping
    from analemma_platform.emulator.routes import Routes

    stopped, stopping = threading.Event(), asyncio.Event()
    pool = LambdaPool(files.functions, endpoint)
    mends.install(pool)
    ready = Ready(endpoint, os.getpid(), secrets.token_hex(8))
    application = Routes(seams.APP.get(), pool, ready.instance)

    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.accesslog = None
    config.errorlog = logging.getLogger("hypercorn.error")
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.5

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    threading.Thread(target=keep_reaping, args=(pool, stopped), daemon=True).start()

    async def stop() -> None:
        await stopping.wait()
        stopped.set()
        mends.stop_everything(pool)

    serving = asyncio.ensure_future(serve(application, config, shutdown_trigger=stop))
    await _answering(port, serving)
    if not serving.done():
        files.state.write_text(json.dumps(asdict(ready)), encoding="utf-8")
        print(json.dumps(asdict(ready)), flush=True)  # noqa: T201 - the ready line
    await serving


async def _answering(port: int, serving: asyncio.Future[None]) -> None:
    """Return when the server answers, or has given up."""
    while not serving.done():
        try:
            reader, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            await asyncio.sleep(0.01)
            continue
        writer.write(
            b"GET /_analemma/health HTTP/1.1\r\nHost: localhost\r\n"
            b"Connection: close\r\n\r\n"
        )
        answered = await reader.read()
        writer.close()
        if answered.startswith(b"HTTP/1.1 200"):
            return


def complain(error: CloudUnavailable) -> None:
    """Print why there is no server, as one JSON line instead of the ready one."""
    print(json.dumps({"error": str(error)}), flush=True)  # noqa: T201 - as above
    sys.exit(1)
