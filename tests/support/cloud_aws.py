"""The AWS that a deployed stack of the embedded cloud announces."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

_CONFIG = Config(retries={"max_attempts": 0}, read_timeout=90)

# Any: boto3 makes up its clients' types, and what a stack exports is JSON.


@dataclass(frozen=True)
class Aws:
    """Where a stack answers, and clients that speak to it there."""

    announcement: Mapping[str, Any]
    _clients: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, home: Path, stack: str) -> "Aws":
        """Return the AWS of a stack that is deployed in ``home``."""
        path = home / "cloud" / stack / "outputs.json"
        return cls(json.loads(path.read_text(encoding="utf-8")))

    @property
    def outputs(self) -> Mapping[str, Any]:
        """What the stack exports."""
        found: Mapping[str, Any] = self.announcement["outputs"]
        return found

    @property
    def endpoint(self) -> str:
        """Where it answers."""
        return str(self.announcement["endpoint_url"])

    def client(self, service: str) -> Any:
        """Return a boto3 client, always the same one: making it takes a while."""
        if service not in self._clients:
            make: Any = boto3.session.Session().client  # typed by literal names
            self._clients[service] = make(
                service,
                endpoint_url=self.endpoint,
                config=_CONFIG,
                region_name=self.outputs["region"],
                aws_access_key_id=self.announcement["access_key_id"],
                aws_secret_access_key=self.announcement["secret_access_key"],
            )
        return self._clients[service]
