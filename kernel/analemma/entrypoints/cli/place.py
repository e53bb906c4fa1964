"""Where a verb acts: this machine's home, or a deployed stack.

A deployed stack is found through ``<home>/cloud/<stack>/outputs.json``, which
the embedded cloud writes when it deploys. For a stack on AWS write it there
yourself: ``{"outputs": <pulumi stack output --json>}``.
"""

import json
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from analemma.errors import CloudUnavailable
from analemma.ids import LOCAL_OWNER, Owner
from analemma.kernelspace.machine import Machine
from analemma.wiring import (
    CloudSettings,
    cloud_machine,
    home_path,
    laptop_machine,
    stack_settings,
)


@dataclass(frozen=True, slots=True)
class Place:
    """A machine to act on. ``cloud`` is None on a laptop."""

    machine: Machine
    owner: Owner
    home: Path
    cloud: CloudSettings | None

    @property
    def flag(self) -> str:
        """What to append to a suggested command so that it acts here too."""
        usual = self.home == home_path(None, os.environ).absolute()
        home = "" if usual else f" --home {shlex.quote(str(self.home))}"
        return home if self.cloud is None else f"{home} --cloud {self.cloud.stack}"


@contextmanager
def open_place(
    home: Path, stack: str | None, *, create: bool = False
) -> Iterator[Place]:
    """Open the place that ``--home`` and ``--cloud`` name.

    Raises:
        HomeTooNew: a newer format wrote the home.
        CloudUnavailable: the stack is not deployed.
    """
    if stack is not None:
        settings = _deployed(home, stack)
        yield Place(cloud_machine(settings), LOCAL_OWNER, home, settings)
        return
    with laptop_machine(home, os.environ, create=create) as machine:
        yield Place(machine, LOCAL_OWNER, home, None)


def _deployed(home: Path, stack: str) -> CloudSettings:
    path = home / "cloud" / stack / "outputs.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CloudUnavailable(
            f"stack {stack!r} is not deployed from {home}; "
            f"`analemma cloud up --stack {stack}` does that"
        ) from None
    except (OSError, ValueError) as error:
        raise CloudUnavailable(f"{path} cannot be read: {error}") from None
    if not isinstance(found, dict) or not isinstance(found.get("outputs"), dict):
        raise CloudUnavailable(f"{path} holds no outputs of a stack; deploy it again")
    return stack_settings(
        json.dumps(found["outputs"]),
        stack,
        endpoint_url=found.get("endpoint_url"),
        access_key_id=found.get("access_key_id"),
        secret_access_key=found.get("secret_access_key"),
    )
