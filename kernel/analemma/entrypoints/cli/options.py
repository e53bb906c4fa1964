"""Options that several verbs share, and the reading of what people type."""

import getpass
import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from analemma.errors import InputInvalid
from analemma.records.budget import Budget
from analemma.wiring import home_path

Home = Annotated[
    Path | None,
    typer.Option(
        "--home",
        help="Where runs are kept; default $ANALEMMA_HOME, else .analemma.",
        show_default=False,
    ),
]
Cloud = Annotated[
    str | None,
    typer.Option(
        "--cloud",
        metavar="STACK",
        help="Act on a deployed stack instead of this machine.",
        show_default=False,
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON document and nothing else.")
]
BudgetText = Annotated[
    list[str] | None,
    typer.Option(
        "--budget",
        metavar="LIMIT=N",
        help=(
            "Limit of the run: supersteps, seconds, tokens or micro_usd. May be "
            "given several times."
        ),
        show_default=False,
    ),
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Log what happens to standard error.")
]


def person() -> str:
    """Return the name under which a decision of who types is kept."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a container
        return "unknown"


def home(given: Path | None) -> Path:
    """Return the home directory that the command line and environment name."""
    return home_path(given, os.environ).absolute()


def json_argument(text: str, option: str) -> Any:
    """Parse JSON given as text, as ``@file``, or as ``-`` for standard input.

    Any: whatever JSON says. A file and standard input may be of any size.

    Raises:
        InputInvalid: the file cannot be read, or the text is no JSON.
    """
    source, hint = option, "; quote it for your shell, or give @file or -"
    if text == "-" or text.startswith("@"):
        source, hint = f"{option} {text.removeprefix('@')}", ""
        try:
            raw = _bytes_of(text)
            text = raw.decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputInvalid(f"{source} cannot be read: {error}") from None
    try:
        value = json.loads(text, parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair
    except (ValueError, RecursionError) as error:
        raise InputInvalid(f"{source} is not JSON: {error}{hint}") from None
    return value


def _bytes_of(text: str) -> bytes:
    return sys.stdin.buffer.read() if text == "-" else Path(text[1:]).read_bytes()


def _no_constant(name: str) -> None:
    raise ValueError(f"it has no {name}")


def budget_argument(limits: list[str] | None) -> Budget | None:
    """Parse ``LIMIT=N`` pairs.

    Raises:
        InputInvalid: a pair has another form, or names no limit.
    """
    if not limits:
        return None
    found: dict[str, str] = {}
    for pair in limits:
        name, separator, number = pair.partition("=")
        if not separator or name not in Budget.model_fields:
            names = ", ".join(Budget.model_fields)
            raise InputInvalid(f"--budget {pair}: write LIMIT=N, LIMIT one of {names}")
        found[name] = number
    try:
        return Budget.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputInvalid(
            f"--budget {first['loc'][0]}={first['input']}: {first['msg']}"
        ) from None
