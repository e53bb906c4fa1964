"""Tables of 110 columns on the standard output, progress on the other one."""

from contextlib import AbstractContextManager

from rich.console import Console
from rich.table import Table

COLUMNS = 110


class Terminal:
    """Where everything is printed."""

    def __init__(self) -> None:
        self._out = Console(highlight=False, width=COLUMNS)
        self._progress = Console(stderr=True, highlight=False)

    def heading(self, title: str, *notes: str) -> None:
        """Print a section's title and what has to be known to read it."""
        self._out.print(f"\n[bold]{title}[/]")
        for note in notes:
            self.note(note)

    def note(self, text: str) -> None:
        """Print one line of small print."""
        self._out.print(text, style="dim", markup=False)

    def table(self, *headings: str) -> Table:
        """Return a table whose first column is a name and the rest numbers."""
        made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1))
        for number, heading in enumerate(headings):
            made.add_column(
                heading, justify="right" if number else "left", no_wrap=True
            )
        return made

    def show(self, table: Table) -> None:
        """Print a table."""
        self._out.print(table)

    def working(self, what: str) -> AbstractContextManager[object]:
        """Show what is being measured until the block ends.

        Where nobody watches a terminal, it is one line.
        """
        if not self._progress.is_terminal:
            self._progress.print(f"... {what}", soft_wrap=True)
        return self._progress.status(what)


def number(value: float | None) -> str:
    """Return a whole number with separators; nothing for None."""
    return "" if value is None else f"{value:,.0f}"


def fraction(value: float | None, digits: int = 2) -> str:
    """Return a number with a fixed count of digits; nothing for None."""
    return "" if value is None else f"{value:,.{digits}f}"


def short(size: float) -> str:
    """Return bytes that were computed, with no more digits than they deserve."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if size >= factor:
            return f"{size / factor:,.1f} {unit}"
    return f"{size:,.0f} B"
