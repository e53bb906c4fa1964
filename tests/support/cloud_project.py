"""This project, copied to a folder whose stack files a test may change.

Only the zips of dependencies are shared with the checkout, because to fetch and
pack them takes a while. Artifacts are not: only a few are kept, and a test must
not push out those that a person deploys from.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
WORKFLOWS = Path(__file__).with_name("cloud_workflows.py")

_FOLDERS = ("kernel", "stacks", "requirements", "examples")
_FILES = ("Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.prod.yaml")
_MINIMAL = ("counter", "loop_forever", "failing", "approval", "fan_out")
_OWN = ("two_approvals", "dying", "contested")
_EMPTY_PROGRAM = """import pulumi

pulumi.export("region", pulumi.Config("aws").require("region"))
"""

# Any: the settings of an environment are whatever the YAML says.
Environment = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with a ``Pulumi.yaml``; commands take it as ``--project``."""

    root: Path

    def environment(self, stack: str) -> Environment:
        """Return ``analemma:env`` of a stack, as its file says it now."""
        found: Environment = self._document(stack)["config"]["analemma:env"]
        return found

    def change(self, stack: str, edit: Callable[[Environment], None]) -> None:
        """Rewrite a stack's file with ``edit`` applied to its environment."""
        document = self._document(stack)
        edit(document["config"]["analemma:env"])
        self._file(stack).write_text(yaml.safe_dump(document), encoding="utf-8")

    def _document(self, stack: str) -> Environment:
        text = self._file(stack).read_text(encoding="utf-8")
        found: Environment = yaml.safe_load(text)
        return found

    def _file(self, stack: str) -> Path:
        return self.root / f"Pulumi.{stack}.yaml"


def project_at(root: Path) -> Project:
    """Make ``root`` a project like the checkout."""
    (root / ".build").mkdir(parents=True)
    packages = CHECKOUT / ".build" / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    (root / ".build" / "packages").symlink_to(packages)
    for name in _FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(CHECKOUT / name, root / name, ignore=ignored)
    for name in _FILES:
        shutil.copyfile(CHECKOUT / name, root / name)
    return Project(root)


def project_with_workflows_at(root: Path) -> Project:
    """Make ``root`` a project whose dev stack also deploys small workflows.

    They are called after their graphs, ``_`` written as ``-``. Nothing else of
    the stack differs from the checkout's.
    """
    project = project_at(root)
    folder = root / "journeys"
    folder.mkdir()
    shutil.copyfile(WORKFLOWS, folder / WORKFLOWS.name)
    project.change("dev", _deploy_small_workflows)
    return project


def empty_project_at(root: Path) -> Project:
    """Make ``root`` a project whose stack ``keeper`` holds no resource at all.

    The last stack takes the embedded cloud along when it is destroyed. This one
    keeps it running, so that a test can look at what is left.
    """
    (root / "program").mkdir(parents=True)
    (root / "program" / "__main__.py").write_text(_EMPTY_PROGRAM)
    (root / "Pulumi.yaml").write_text(
        "name: keeper\nmain: program/\nruntime: {name: python}\n"
    )
    dev = yaml.safe_load((CHECKOUT / "Pulumi.dev.yaml").read_text(encoding="utf-8"))
    region = dev["config"]["aws:region"]
    (root / "Pulumi.keeper.yaml").write_text(f"config: {{'aws:region': {region}}}\n")
    return Project(root)


def _deploy_small_workflows(environment: Environment) -> None:
    environment["workflows"] += [
        *(
            _workflow(module, "examples/minimal", f"{module}:graph")
            for module in _MINIMAL
        ),
        *(_workflow(graph, "journeys", f"{WORKFLOWS.stem}:{graph}") for graph in _OWN),
    ]


def _workflow(name: str, path: str, target: str) -> Mapping[str, str]:
    return {"name": name.replace("_", "-"), "path": path, "target": target}
