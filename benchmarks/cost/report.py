"""The tables of the cost benchmark."""

from collections.abc import Sequence
from decimal import Decimal

from analemma.records import prices
from analemma.records.prices import Price
from benchmarks.cost.bill import Bill, cheapest_first
from benchmarks.cost.ours import Run
from benchmarks.cost.tally import Tally
from benchmarks.memory.terminal import Terminal

LIMIT_USD = Decimal("0.00025")
"""What a run of ours may cost, without models and compute."""

# Of the slice function in the stack that is deployed.
_MEMORY_GB = 1.0


def show_bills(bills: Sequence[Bill], terminal: Terminal) -> None:
    """Print what a run costs on each system, part by part."""
    terminal.heading(
        "A run of 100 supersteps, one message of 1 KB each, in dollars",
        "Not in it: models, compute, logs, data transfer, storage, KMS, free tiers.",
    )
    table = terminal.table("system", "units", "of", "dollars", "price of")
    for each in cheapest_first(bills):
        how = "" if each.measured else ", arithmetic"
        table.add_row(f"{each.name}{how}", "", "", f"{each.usd:.6f}")
        for part in sorted(each.parts, key=lambda part: -part.pico_usd):
            table.add_row(
                "",
                f"{part.count:,}",
                part.price.name if each.measured else _with_unit(part.price),
                f"{prices.usd(part.pico_usd):.8f}",
                f"{part.price.as_of:%Y-%m-%d}",
            )
    terminal.show(table)


def _with_unit(price: Price) -> str:
    return f"{price.name}, {price.unit}"


def show_requests(name: str, tally: Tally, terminal: Terminal) -> None:
    """Print every request of one system, by who sent it."""
    terminal.heading(
        f"Every request of {name}",
        "Counted before the emulated AWS, and equal to what the processes counted.",
    )
    table = terminal.table("request", "calls")
    for request, count in sorted(tally.requests.items(), key=lambda each: -each[1]):
        table.add_row(request, f"{count:,}")
    terminal.show(table)


def show_information(run: Run, terminal: Terminal) -> None:
    """Print what is in no sum, because it is not a call or not AWS's processor."""
    compute = run.function_seconds * _MEMORY_GB
    terminal.heading("In no sum")
    table = terminal.table("", "", "dollars")
    table.add_row(
        "compute, on this machine's processor",
        f"{compute:.2f} GB-seconds",
        f"{Decimal(compute) * prices.usd(prices.GB_SECOND_ARM.pico_usd):.6f}",
    )
    table.add_row(
        "log of the slice function",
        f"{run.log_bytes:,} bytes",
        f"{prices.usd(run.log_bytes * prices.LOG_BYTE.pico_usd):.6f}",
    )
    table.add_row("supersteps, slices", f"{run.supersteps}, {run.slices}", "")
    terminal.show(table)
