"""The verb ``show``: a run's state, in a terminal or whole in a file.

A state may be of any size, a terminal may not: what is long is shortened or
named there, with the command that has it whole. Programs, which read a pipe or
a file, always get all of it.
"""

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from analemma.entrypoints.cli import options, outcome
from analemma.entrypoints.cli.inspect import RunArgument
from analemma.entrypoints.cli.place import Place, open_place
from analemma.entrypoints.cli.result_file import write_file
from analemma.errors import InputInvalid
from analemma.kernelspace.memory.log import entries, state_at
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.process_table import ProcessTable
from analemma.kernelspace.value_pages import load_value
from analemma.records.run import RunRecord

_RESERVED = ("__", "branch:")

_SHORTENED_CHARACTERS = 200

TERMINAL_BYTES = 64 * 1024
"""The longest document that is printed whole into a terminal."""


def show(
    run_id: RunArgument,
    checkpoint: Annotated[
        str | None,
        typer.Argument(
            metavar="[STEP]",
            help="A step of the timeline, or a checkpoint's id; default: the last.",
        ),
    ] = None,
    channel: Annotated[
        str | None,
        typer.Option("--channel", help="Only this channel.", show_default=False),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="FILE",
            help="Write it whole to a file, whatever its size.",
            show_default=False,
        ),
    ] = None,
    failures: Annotated[
        bool,
        typer.Option(
            "--failures",
            help="Instead of the state, the failed tasks of the latest fan-out that "
            "the policy tolerated.",
        ),
    ] = False,
    cloud: options.Cloud = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Print a run's state at a checkpoint, or write it to a file.

    People get long values shortened; --json and --channel print them whole, and
    --to writes them whole: a channel of text or bytes as it is, all else as JSON.
    """
    with open_place(options.home(home), cloud) as place:
        record = ProcessTable(place.machine.records).get(place.owner, run_id).record
        if failures:
            _print_whole(
                _tolerated(place, record), f"analemma show {run_id} --failures"
            )
            return
        values = _values(place, run_id, _checkpoint_id(place, run_id, checkpoint))
        words = ["analemma", "show", run_id, *([checkpoint] if checkpoint else [])]
        again = shlex.join(words) + place.flag
    wanted: object = values
    if channel is not None:
        if channel not in values:
            known = ", ".join(sorted(values)) or "none"
            raise InputInvalid(f"no channel {channel!r} there; there are: {known}")
        wanted = values[channel]
        again += f" --channel {shlex.quote(channel)}"
    if to is not None:
        _write(to, wanted, as_document=as_json)
    elif channel is not None or as_json:
        _print_whole(wanted, again)
    else:
        _print_shortened(values, again)


def _tolerated(place: Place, record: RunRecord) -> Any:
    # Any: a list of failures, as documents.
    if record.tolerated is None:
        return []
    machine = place.machine
    return load_value(machine.pages(place.owner), record.tolerated.ref, machine.serde)


def _checkpoint_id(place: Place, run_id: str, named: str | None) -> str | None:
    """Return the id of the checkpoint that a person named by step or by id."""
    if named is None or not named.removeprefix("-").isdecimal():
        return named
    found = [
        entry.checkpoint_id
        for entry in entries(
            place.machine.records, place.machine.pages(place.owner), place.owner, run_id
        )
        if entry.step == int(named)
    ]
    if not found:
        raise InputInvalid(
            f"run {run_id} has no step {named}; "
            f"`analemma timeline {run_id}{place.flag}` shows them"
        )
    return found[-1]


def _values(place: Place, run_id: str, checkpoint: str | None) -> dict[str, Any]:
    # Any: channel values are whatever the graph put there.
    machine = place.machine
    saver = PagedSaver(
        machine.records,
        machine.pages(place.owner),
        owner=place.owner,
        writer="show",
        serde=machine.serde,
    )
    state = state_at(saver, run_id, checkpoint)
    if state is None and checkpoint is not None:
        raise InputInvalid(
            f"run {run_id} has no checkpoint {checkpoint!r}; "
            f"`analemma timeline {run_id}{place.flag}` shows them"
        )
    if state is None:
        return {}
    values = state.checkpoint["channel_values"]
    return {
        name: value
        for name, value in sorted(values.items())
        if not name.startswith(_RESERVED)
    }


def _write(path: Path, value: object, *, as_document: bool) -> None:
    if not isinstance(value, bytes):
        text = _text(value)
        value = (text if isinstance(value, str) else text + "\n").encode()
    write_file(path, value)
    if as_document:
        document = {"file": str(path.absolute()), "bytes": len(value)}
        outcome.console.print_json(data=document)
    else:
        outcome.console.print(f"{len(value):,} bytes in {path}", markup=False)


def _print_whole(value: object, again: str) -> None:
    text = _text(value)
    size = len(text.encode())
    if size > TERMINAL_BYTES and sys.stdout.isatty():
        raise InputInvalid(
            f"{size:,} bytes are too long for a terminal; pipe them, or have them "
            f"whole in a file: {again} --to FILE"
        )
    typer.echo(text)


def _print_shortened(values: dict[str, Any], again: str) -> None:
    shortened = False
    for name, value in values.items():
        document = outcome.as_json(value)
        text = json.dumps(document, ensure_ascii=False)
        if len(text) > _SHORTENED_CHARACTERS:
            shortened = True
            size = f"{len(text.encode()):,} bytes"
            if isinstance(document, list | dict):
                size = f"{len(document):,} elements, {size}"
            text = f"{text[:_SHORTENED_CHARACTERS]}… ({size})"
        outcome.console.print(f"{name} = {text}", markup=False)
    if shortened:
        outcome.console.print(f"whole: {again} --to FILE", markup=False)


def _text(value: object) -> str:
    document = outcome.as_json(value)
    # A string is printed as it is, so that a report can be read or piped.
    if isinstance(document, str):
        return document
    return json.dumps(document, indent=2, ensure_ascii=False)
