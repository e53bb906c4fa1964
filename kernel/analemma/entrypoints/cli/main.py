"""``analemma``: run LangGraph agents as processes that survive.

Exit codes, the same for every verb: 0 done, 1 failed, 2 bad usage (nothing was
changed), 3 the run waits for a person. Ctrl-C ends a verb with 130.
"""

import importlib.metadata
import sys
from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Console

from analemma import __version__
from analemma.entrypoints.cli import (
    approve,
    budget,
    cancel,
    inspect,
    key,
    plan,
    run,
    show,
    sweep,
)
from analemma.entrypoints.logs import log_for_people
from analemma.errors import AnalemmaError, ConfigInvalid, Rejected

FAILED, USAGE, WAITING = 1, 2, 3

app = typer.Typer(
    name="analemma",
    help="Run LangGraph agents as crash-proof processes.",
    epilog=(
        "Exit codes: 0 done, 1 failed, 2 bad usage (nothing was changed), "
        "3 the run waits for a person."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(plan.plan)
app.command()(run.run)
app.command()(run.resume)
app.command()(cancel.cancel)
app.command()(inspect.status)
app.command("list")(inspect.list_runs)
app.command()(approve.approvals)
app.command()(approve.approve)
app.command()(approve.reject)
app.command()(inspect.timeline)
app.command()(show.show)
app.command()(budget.budget)
app.command()(inspect.verify)
app.command()(sweep.prune)
app.command()(sweep.sweep)
app.add_typer(key.app, name="key")


def _add_plugins() -> None:
    """Mount the verbs that other packages bring along, such as ``cloud``."""
    for plugin in importlib.metadata.entry_points(group="analemma.cli"):
        try:
            app.add_typer(plugin.load(), name=plugin.name)
        except ImportError as error:
            app.command(plugin.name, help=f"Not installed: {error}.")(
                _missing(plugin.name, error)
            )


def _missing(name: str, error: ImportError) -> Callable[[], None]:
    def refuse() -> None:
        raise ConfigInvalid(
            f"`analemma {name}` is not installed ({error}); "
            "pip install 'analemma[platform]'"
        )

    return refuse


_add_plugins()


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"analemma {__version__}")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print it."
        ),
    ] = False,
) -> None:
    """Run LangGraph agents as crash-proof processes."""
    log_for_people(verbose=False)


def main() -> None:
    """Run the command line; turn our errors into one line and an exit code."""
    try:
        app()
    except AnalemmaError as error:
        Console(stderr=True, soft_wrap=True, highlight=False, emoji=False).print(
            f"error: {' '.join(str(error).split())}", style="red", markup=False
        )
        sys.exit(USAGE if isinstance(error, Rejected) else FAILED)
