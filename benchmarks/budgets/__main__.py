"""The command: ``python -m benchmarks.budgets --help``."""

import argparse
import logging
import sys
from collections.abc import Sequence

import structlog

from benchmarks import budgets
from benchmarks.budgets import calls, estimates, parallel
from benchmarks.memory.terminal import Terminal, fraction, number


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return 1 if something does not hold."""
    _options().parse_args(arguments)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR)
    )
    terminal = Terminal()
    complaints = [
        *_parallel(terminal),
        *_estimates(terminal),
        *_calls(terminal),
    ]
    for complaint in complaints:
        terminal.note(f"NOT as it must be: {complaint}")
    return 1 if complaints else 0


def _options() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog="python -m benchmarks.budgets",
        description=budgets.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _parallel(terminal: Terminal) -> list[str]:
    found = []
    for setting in parallel.SETTINGS:
        for measure in (parallel.checked, parallel.reserved, parallel.unlimited):
            with terminal.working(f"{setting.name}: {measure.__name__}"):
                found.append(measure(setting))
    terminal.heading(
        "Parallel calls against a limit",
        f"{parallel.TASKS} calls at once that take {parallel.call_tokens()} tokens "
        f"and may take {parallel.bound_tokens()}, of a limit of "
        f"{parallel.limit_tokens():,} tokens.",
    )
    table = terminal.table("calls", "meter", "made", "at once", "tokens", "over", "run")
    for each in found:
        if each.limit is not None:
            over = max(0, each.tokens - each.limit)
            figures = [each.calls, each.at_once, each.tokens, over]
            table.add_row(each.setting, each.meter, *map(number, figures), each.status)
    terminal.show(table)
    terminal.heading("The ledger and the provider's bill", "Tokens and micro-dollars.")
    table = terminal.table("calls", "meter", "made", "billed", "ledger", "µ$", "ledger")
    for each in found:
        amounts = [each.tokens, each.ledger_tokens]
        amounts += [each.micro_usd, each.ledger_micro_usd]
        table.add_row(
            each.setting, each.meter, number(each.calls), *map(number, amounts)
        )
    terminal.show(table)
    return _wrong(found)


def _wrong(found: list[parallel.Spent]) -> list[str]:
    wrong = []
    for each in found:
        name = f"{each.setting}, {each.meter}"
        if not each.reconciles:
            wrong.append(f"{name}: the ledger is not the bill")
        if each.meter == "reserved" and not each.holds:
            wrong.append(f"{name}: {each.tokens} tokens of {each.limit}")
        if each.meter == "reserved" and each.calls != parallel.expected_calls():
            wrong.append(f"{name}: {each.calls} calls and not as many as fit")
        if each.meter == "checked" and each.holds:
            wrong.append(f"{name}: it did not pass the limit, so nothing is shown")
    return wrong


def _estimates(terminal: Terminal) -> list[str]:
    with terminal.working("examples"):
        found = estimates.estimates()
    terminal.heading(
        "Estimate and actual, on the examples",
        "Tokens of the script are words. µ$ by the prices of gemini-2.5-flash.",
    )
    names = ("example", "calls", "bound", "expected", "actual", "bound µ$")
    table = terminal.table(*names, "expected µ$", "actual µ$")
    for each in found:
        usages = (each.bound, each.expected, each.used)
        table.add_row(
            each.name,
            number(each.calls),
            *(number(usage.tokens) for usage in usages),
            *(number(usage.micro_usd) for usage in usages),
        )
    terminal.show(table)
    wrong = [f"{each.name}: a call took more than its bound" for each in found]
    return [text for text, each in zip(wrong, found, strict=True) if not each.holds]


def _calls(terminal: Terminal) -> list[str]:
    found = [calls.counted(setting) for setting in calls.SETTINGS]
    terminal.heading(
        "Store calls for a model call",
        f"{calls.CALLS} calls and the end of their slice; the ledger's entry is one.",
    )
    table = terminal.table("what is limited", "reads", "writes", "writes a call")
    for each in found:
        table.add_row(
            each.setting.name,
            number(each.reads),
            number(each.writes),
            fraction(each.writes / calls.CALLS),
        )
    terminal.show(table)
    return [
        f"{each.setting.name}: {each.reads} reads and {each.writes} writes"
        for each in found
        if not each.as_expected
    ]


if __name__ == "__main__":
    sys.exit(main())
