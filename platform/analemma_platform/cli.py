"""``analemma cloud``: deploy the Pulumi program on this machine.

Mounted by the kernel's command line each time it starts, so nothing heavy is
imported here: Pulumi and boto3 come with the first command that needs them.
"""

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from analemma.errors import ConfigInvalid
from analemma_platform.engine.display import (
    LiveSteps,
    changes_table,
    plan_document,
    steps_table,
    summary,
)
from analemma_platform.engine.failures import DeploymentFailed

if TYPE_CHECKING:
    from analemma_platform.cloud import EmbeddedCloud
    from analemma_platform.engine.plan import OnStep, Plan, Result

app = typer.Typer(
    help="Deploy the project's Pulumi program on an emulated AWS, on this machine.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_PROJECT_FILE = "Pulumi.yaml"

Stack = Annotated[str, typer.Option("--stack", "-s", help="Which Pulumi.<stack>.yaml.")]
Project = Annotated[
    Path | None,
    typer.Option(help=f"Where {_PROJECT_FILE} is. [default: here, or above]"),
]
Home = Annotated[
    Path,
    typer.Option(envvar="ANALEMMA_HOME", help="Where state is kept."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Unprotect = Annotated[
    bool, typer.Option("--unprotect", help="Delete protected resources as well.")
]

_HOME = Path(".analemma")


@app.command()
def preview(
    stack: Stack = "dev",
    project: Project = None,
    home: Home = _HOME,
    as_json: AsJson = False,
) -> None:
    """Show what `up` would do, property by property. Changes nothing."""
    started = time.monotonic()
    with _quiet(as_json):
        plan = _cloud(stack, project, home, as_json).preview()
    seconds = time.monotonic() - started
    if as_json:
        _print_json(plan_document(plan, seconds))
        return
    console = _console()
    _notes(console, plan)
    console.print(steps_table(plan))
    if any(step.changes for step in plan.steps):
        console.print(changes_table(plan))
    console.print(summary(plan, seconds, future=True))


@app.command()
def up(
    stack: Stack = "dev",
    project: Project = None,
    home: Home = _HOME,
    as_json: AsJson = False,
) -> None:
    """Make the stack what its program says; the same command continues a failure."""
    cloud = _cloud(stack, project, home, as_json)
    with _deploying(stack, as_json) as on_step, _quiet(as_json):
        result = cloud.up(on_step)
    _report(result, as_json)


@app.command()
def refresh(
    stack: Stack = "dev",
    project: Project = None,
    home: Home = _HOME,
    as_json: AsJson = False,
) -> None:
    """Look at what is really there, and correct the state by it."""
    cloud = _cloud(stack, project, home, as_json)
    with _deploying(stack, as_json) as on_step:
        result = cloud.refresh(on_step)
    _report(result, as_json)


@app.command()
def destroy(
    stack: Stack = "dev",
    project: Project = None,
    home: Home = _HOME,
    as_json: AsJson = False,
    unprotect: Unprotect = False,
) -> None:
    """Delete everything of the stack; the last stack takes the cloud along."""
    cloud = _cloud(stack, project, home, as_json)
    with _deploying(stack, as_json) as on_step:
        result = cloud.destroy(on_step, unprotect=unprotect)
    _report(result, as_json)


@app.command()
def status(
    stack: Stack = "dev",
    project: Project = None,
    home: Home = _HOME,
    as_json: AsJson = False,
) -> None:
    """Say whether the stack is deployed, and where its cloud answers."""
    found = _cloud(stack, project, home, as_json).status()
    if as_json:
        _print_json(
            {name: getattr(found, name) for name in type(found).__dataclass_fields__}
        )
        return
    console = _console()
    if found.deployed:
        deployed = f"deployed, {found.resources} resources"
    elif found.stale:
        deployed = "gone with the cloud that held it; `analemma cloud up` makes it anew"
    else:
        deployed = "not deployed"
    console.print(f"stack {found.stack}: {deployed}", highlight=False)
    where = f"{found.endpoint} (process {found.pid})"
    cloud = where if found.running else "not running"
    console.print(f"cloud: {cloud}", highlight=False)


@app.command()
def outputs(
    stack: Stack = "dev",
    project: Project = None,
    home: Home = _HOME,
    as_json: AsJson = False,
) -> None:
    """Print what the stack exports; secrets are not shown."""
    found = _cloud(stack, project, home, as_json).outputs()
    if as_json:
        _print_json(found)
        return
    for name, value in sorted(found.items()):
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        _console().print(f"{name} = {text}", markup=False, highlight=False)


@app.command()
def stop(home: Home = _HOME) -> None:
    """Stop the cloud. It keeps everything in memory, so every stack is gone."""
    from analemma_platform.emulator import daemon

    stopped = daemon.stop(home.resolve())
    _console().print("stopped" if stopped else "was not running")


def _cloud(
    stack: str, project: Path | None, home: Path, as_json: bool
) -> "EmbeddedCloud":
    try:
        from analemma_platform.cloud import EmbeddedCloud
    except ImportError as error:
        raise ConfigInvalid(
            f"the embedded cloud is not installed ({error}): "
            "pip install 'analemma[platform]'"
        ) from error
    console = Console(stderr=True, emoji=False)

    def say(severity: str, message: str) -> None:
        if not as_json:
            console.print(f"{severity}: {message}", markup=False, highlight=False)

    return EmbeddedCloud(_project_root(project), home, stack, say=say)


def _project_root(project: Path | None) -> Path:
    here = Path.cwd() if project is None else project.resolve()
    candidates = [here, *here.parents] if project is None else [here]
    for folder in candidates:
        if (folder / _PROJECT_FILE).is_file():
            return folder
    raise ConfigInvalid(
        f"no {_PROJECT_FILE} in {here}"
        + (" or above; name its folder with --project" if project is None else "")
    )


@contextlib.contextmanager
def _deploying(stack: str, as_json: bool) -> "Iterator[OnStep]":
    """Show steps while they run; of a failure also those that were done."""
    console = Console(stderr=True, emoji=False) if as_json else _console()
    live = LiveSteps(console, stack, silent=as_json)
    try:
        with live:
            yield live.on_step
    except DeploymentFailed as failure:
        if as_json:
            _print_json(
                {
                    "stack": stack,
                    "error": str(failure),
                    "steps": [step.urn for step in failure.steps],
                }
            )
        raise


@contextlib.contextmanager
def _quiet(as_json: bool) -> Iterator[None]:
    """Keep what the program prints out of a JSON document."""
    if not as_json:
        yield
        return
    with contextlib.redirect_stdout(sys.stderr):
        yield


def _report(result: "Result", as_json: bool) -> None:
    if as_json:
        document = plan_document(result, result.seconds)
        _print_json({**document, "outputs": result.shown_outputs()})
        return
    console = _console()
    _notes(console, result)
    # The steps stand above already: each was printed when it was done.
    console.print(summary(result, result.seconds, future=False))


def _notes(console: Console, plan: "Plan") -> None:
    for note in plan.notes:
        console.print(f"note: {note}", style="yellow", markup=False, highlight=False)


def _print_json(document: object) -> None:
    typer.echo(json.dumps(document, indent=2, sort_keys=True))


def _console() -> Console:
    return Console(soft_wrap=not sys.stdout.isatty(), emoji=False)
