"""The verb ``key create``: make the key of an encrypted home."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from analemma.entrypoints.cli import options, outcome
from analemma.hardware.local.key_file import create_key
from analemma.wiring import ENCRYPTION_KEY_FILE

app = typer.Typer(help="Make the key of an encrypted home.", no_args_is_help=True)


@app.callback()
def root() -> None:
    """Make the key of an encrypted home."""


@app.command()
def create(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="Where to; a file that is there is left alone."
        ),
    ],
    as_json: options.AsJson = False,
) -> None:
    """Make a key and write it to a new file that only you can read.

    Nothing is encrypted until ANALEMMA_ENCRYPTION_KEY_FILE names the file.
    """
    key, path = create_key(file), file.absolute()
    if as_json:
        outcome.console.print_json(data={"key": key.id, "file": str(path)})
        return
    outcome.console.print(
        f"key {key.id} is in {path}\n"
        f"encrypt with it: export {ENCRYPTION_KEY_FILE}={shlex.quote(str(path))}\n"
        "keep a copy of the file: without it nothing that it encrypted can be read",
        markup=False,
    )
