"""The emulated AWS for tests: one server a session, empty for each test.

A subprocess, as users run it. Use it from a ``conftest.py``:

    from emulator_fixture import emulator as emulator
    from emulator_fixture import emulator_server as emulator_server
"""

import http.client
import json
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from analemma_platform.emulator import RunningEmulator, start, stop

REGION = "us-east-1"
_CONFIG = Config(retries={"max_attempts": 0}, read_timeout=60)


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running emulated AWS and how tests speak to it."""

    running: RunningEmulator
    home: Path
    _clients: dict[str, Any] = field(default_factory=dict)  # boto3's, as below

    @property
    def endpoint(self) -> str:
        """The URL to give AWS clients."""
        return self.running.endpoint

    def client(self, service: str) -> Any:  # boto3 makes its clients' types up
        """Return a boto3 client that knows nothing of this machine's profile.

        Always the same one: making a client takes a tenth of a second.
        """
        if service not in self._clients:
            make: Any = boto3.session.Session().client  # typed by literal names
            self._clients[service] = make(
                service,
                endpoint_url=self.endpoint,
                config=_CONFIG,
                region_name=REGION,
                aws_access_key_id="000000000000",
                aws_secret_access_key="test",
            )
        return self._clients[service]

    def get(self, path: str) -> Any:  # JSON
        """Return the JSON that one of the emulator's own endpoints answers."""
        return self._request("GET", path, None)

    def reset(self) -> None:
        """Forget everything that was deployed."""
        self._request("POST", "/_ministack/reset", None)

    def scale_waits(self, factor: float) -> None:
        """Multiply the length of waits and retry intervals with ``factor``."""
        settings = {"stepfunctions._SFN_WAIT_SCALE": factor}
        self._request("POST", "/_ministack/config", settings)

    def _request(self, method: str, path: str, body: object) -> Any:
        where = urllib.parse.urlsplit(self.endpoint).netloc
        connection = http.client.HTTPConnection(where, timeout=30)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200, (answer.status, text)
            return json.loads(text)
        finally:
            connection.close()


@pytest.fixture(scope="session")
def emulator_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """A server for the whole session; shared, so prefer ``emulator``."""
    home = tmp_path_factory.mktemp("emulator")
    yield Emulator(start(home), home)
    stop(home)


@pytest.fixture
def emulator(emulator_server: Emulator) -> Iterator[Emulator]:
    """The session's server, empty and with waits as long as they say."""
    yield emulator_server
    emulator_server.reset()
    emulator_server.scale_waits(1)
