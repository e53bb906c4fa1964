"""The verb ``plan``: how a workflow will run in the cloud, before it does.

Nothing runs and no home is made; but loading a target runs its file's code. The
planner is imported late, because it needs networkx, which is an extra.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analemma.entrypoints.cli import options, outcome
from analemma.entrypoints.cli.place import open_place
from analemma.errors import ConfigInvalid, InputInvalid
from analemma.kernelspace.machine import Machine
from analemma.records.policy import KernelPolicy
from analemma.userspace.targets import load_program, parse_target
from analemma.wiring import ENCRYPTION_KEY_FILE, laptop_machine

if TYPE_CHECKING:
    from analemma.kernelspace.planner.advice import Advice
    from analemma.kernelspace.planner.assumptions import Assumptions
    from analemma.kernelspace.planner.shape import Shape


class Vendor(StrEnum):
    """Whose model may be asked for advice."""

    GEMINI = "gemini"
    CLAUDE = "claude"


_KEY_OF = {Vendor.GEMINI: "GEMINI_API_KEY", Vendor.CLAUDE: "ANTHROPIC_API_KEY"}

_RANGE = "[NODE=]RANGE"


def _ranges(option: str, of: str) -> typer.models.OptionInfo:
    """Return an option that takes a range for all nodes, or for one by its name."""
    found: typer.models.OptionInfo = typer.Option(
        option,
        metavar=_RANGE,
        help=f"{of}: a number, or lower:expected:upper. May be given several times.",
        show_default=False,
    )
    return found


def plan(
    target: Annotated[
        str, typer.Argument(help="module:attribute or path/to/file.py:attribute.")
    ],
    seconds: Annotated[
        list[str] | None, _ranges("--seconds", "How long a task takes")
    ] = None,
    tasks: Annotated[
        list[str] | None, _ranges("--tasks", "How many tasks a node is sent")
    ] = None,
    passes: Annotated[
        list[str] | None,
        _ranges("--passes", "How often a loop is gone through; NODE is its first"),
    ] = None,
    size: Annotated[
        list[str] | None, _ranges("--bytes", "How many bytes a task writes")
    ] = None,
    timeout: Annotated[
        int,
        typer.Option("--timeout", min=1, max=900, help="Seconds a Lambda may live."),
    ] = 900,
    memory: Annotated[
        int,
        typer.Option("--memory", min=128, max=10_240, help="Megabytes of a Lambda."),
    ] = 1024,
    budget: options.BudgetText = None,
    advice: Annotated[
        Vendor | None,
        typer.Option(
            "--advice",
            help="Ask this vendor's model for what was not said; costs a call.",
            show_default=False,
        ),
    ] = None,
    drawing: Annotated[
        bool, typer.Option("--mermaid", help="Print a Mermaid drawing, nothing else.")
    ] = False,
    cloud: options.Cloud = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Show how a workflow will run on AWS, where it must stop, what it costs.

    Runs nothing. The policy is the environment's, with --cloud that of a
    deployed stack. Ranges give the lower bound, the expected and the upper one.
    """
    if drawing and as_json:
        raise InputInvalid("give --json or --mermaid, not both")
    try:
        from analemma.entrypoints.cli import plan_tables
        from analemma.kernelspace.planner.document import document
        from analemma.kernelspace.planner.drawing import mermaid
        from analemma.kernelspace.planner.plan import plan as plan_of
        from analemma.kernelspace.planner.shape import shape_of
    except ImportError as error:
        raise ConfigInvalid(
            f"`analemma plan` is not installed ({error}); pip install 'analemma[plan]'"
        ) from error
    limits = options.budget_argument(budget)
    assumptions = _assumptions(
        {"seconds": seconds, "tasks": tasks, "passes": passes, "task_bytes": size},
        timeout_seconds=timeout,
        memory_mb=memory,
    )
    shape = shape_of(load_program(parse_target(target)))
    policy = _policy(options.home(home), cloud)
    if limits is not None:
        policy = policy.model_copy(
            update={"budget": policy.budget.with_changes(limits)}
        )
    made, advised = plan_of(shape, policy, assumptions), None
    if advice is not None:
        advised = _advised(advice, shape, assumptions, made.limit.supersteps)
        made = plan_of(shape, policy, advised.assumptions)
    if drawing:
        typer.echo(mermaid(made), nl=False)
    elif as_json:
        outcome.console.print_json(data=document(made, advised))
    else:
        plan_tables.show(made, advised)


def _assumptions(
    said: Mapping[str, list[str] | None], *, timeout_seconds: int, memory_mb: int
) -> "Assumptions":
    from analemma.kernelspace.planner.assumptions import Assumptions, Range

    found = Assumptions(timeout_seconds=timeout_seconds, memory_mb=memory_mb)
    for field, texts in said.items():
        by_node: dict[str, Range] = {}
        for text in texts or ():
            node, separator, figures = text.rpartition("=")
            parsed = Range.parse(figures)
            if separator:
                by_node[node] = parsed
            else:
                # mypy: which field it is, the table of options says.
                found = replace(found, **{field: parsed})  # type: ignore[arg-type]
        found = replace(found, **{f"{field}_of": by_node})  # type: ignore[arg-type]
    return found


def _policy(home: Path, stack: str | None) -> KernelPolicy:
    """Return the policy of a deployed stack, or of this environment."""
    if stack is not None:
        with open_place(home, stack) as place:
            return place.machine.policy
    with _machine(os.environ) as machine:
        return machine.policy


def _advised(
    vendor: Vendor, shape: "Shape", assumptions: "Assumptions", limit: int
) -> "Advice":
    """Ask the vendor's model, with the key of this environment.

    Raises:
        ConfigInvalid: it has no key for this vendor.
    """
    from analemma.kernelspace.planner.advice import advise

    environ, wanted = dict(os.environ), _KEY_OF[vendor]
    if not environ.get(wanted, "").strip():
        raise ConfigInvalid(f"--advice {vendor}: {wanted} is not set")
    for other in set(_KEY_OF.values()) - {wanted}:
        environ.pop(other, None)
    with _machine(environ) as machine:
        return advise(machine.model(None), shape, assumptions, limit)


@contextmanager
def _machine(environ: Mapping[str, str]) -> Iterator[Machine]:
    """Yield a machine for its policy and its model, in a home that is gone after.

    A plan needs no home and leaves none behind, and no key of one is asked for.
    """
    known = {
        name: value for name, value in environ.items() if name != ENCRYPTION_KEY_FILE
    }
    with (
        tempfile.TemporaryDirectory(prefix="analemma-plan-") as folder,
        laptop_machine(Path(folder) / "home", known) as machine,
    ):
        yield machine
