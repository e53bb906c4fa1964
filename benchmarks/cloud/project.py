"""A copy of this project whose one stack is a benchmark's.

A copy, because a stack's file says which workflows are packed, and the file of
the checkout's own stacks must not change for a measurement.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
STACK = "bench"

_FOLDERS = ("kernel", "stacks", "requirements")
_LIKE = "dev"
_DEPLOYED = "deployed"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a benchmark's stack has that the dev stack has not.

    ``folder`` holds the modules of the workflows; a workflow is called after its
    module, and its graph is ``graph``. ``kernel`` and ``lambdas`` replace
    settings of the same name, key by key. Any: settings are what YAML says.
    """

    folder: Path
    modules: Sequence[str]
    kernel: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    lambdas: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def make_project(root: Path, wanted: Wanted) -> None:
    """Make ``root`` a project with the stack ``bench``.

    Only the packages that the Lambda zip needs are shared with the checkout:
    to fetch and pack them takes a while.
    """
    packages = CHECKOUT / ".build" / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    (root / ".build").mkdir(parents=True)
    (root / ".build" / "packages").symlink_to(packages)
    for name in _FOLDERS:
        shutil.copytree(
            CHECKOUT / name, root / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copyfile(CHECKOUT / "Pulumi.yaml", root / "Pulumi.yaml")
    (root / _DEPLOYED).mkdir()
    for module in wanted.modules:
        shutil.copyfile(
            wanted.folder / f"{module}.py", root / _DEPLOYED / f"{module}.py"
        )
    (root / f"Pulumi.{STACK}.yaml").write_text(
        yaml.safe_dump(_stack_file(wanted)), encoding="utf-8"
    )


def _stack_file(wanted: Wanted) -> dict[str, Any]:
    # Any: as above.
    text = (CHECKOUT / f"Pulumi.{_LIKE}.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    environment = document["config"]["analemma:env"]
    # Requests to KMS are made by S3 and DynamoDB, where nobody can count them.
    environment["encryption"] = {"kms": False}
    environment["workflows"] = [
        {"name": module, "path": _DEPLOYED, "target": f"{module}:graph"}
        for module in wanted.modules
    ]
    for part, changes in (("kernel", wanted.kernel), ("lambdas", wanted.lambdas)):
        for name, settings in changes.items():
            environment[part].setdefault(name, {}).update(settings)
    return document
