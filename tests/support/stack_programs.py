"""The project's own Pulumi program under mocks, with a stand-in for the zip."""

import json
from collections.abc import Callable
from pathlib import Path

from analemma_platform.stack import main
from pulumi_mocks import Deployment, deploy, stack_config

PROJECT = Path(__file__).resolve().parents[2]

Change = Callable[[dict[str, dict[str, object]]], None]
"""Edits the object ``analemma:env``."""


def no_change(env: dict[str, dict[str, object]]) -> None:
    """Leave the settings as the stack file has them."""


def environment_of(stack: str) -> dict[str, dict[str, object]]:
    """Return ``analemma:env`` of a stack file of this project."""
    document = json.loads(stack_config(PROJECT, stack)["analemma:env"])
    assert isinstance(document, dict)
    return document


def deploy_stack(
    stack: str, zip_: Path, change: Change = no_change, *, preview: bool = False
) -> Deployment:
    """Run the program as ``stack``, deploying ``zip_`` (any file will do)."""
    zip_.touch()
    env = environment_of(stack)
    change(env)
    config = stack_config(PROJECT, stack)
    config |= {"analemma:env": json.dumps(env), "analemma:artifactPath": str(zip_)}
    return deploy(main, stack=stack, config=config, root=PROJECT, preview=preview)
