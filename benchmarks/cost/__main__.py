"""The command: ``python -m benchmarks.cost --help``."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from analemma_platform.cloud import EMULATED_KEY
from benchmarks import cost
from benchmarks.cloud.project import Wanted
from benchmarks.cloud.stack import deployed
from benchmarks.cost import checkpointer, expectation, ours, plain
from benchmarks.cost.bill import Bill, bill, durable_functions
from benchmarks.cost.report import (
    LIMIT_USD,
    show_bills,
    show_information,
    show_requests,
)
from benchmarks.cost.tally import Tally, tally
from benchmarks.memory.terminal import Terminal

SUPERSTEPS = 100
OURS = "Analemma"
PLAIN = "Step Functions, a state a step"
CHECKPOINTER = "langgraph-checkpoint-aws"

_DEPLOYED = Path(__file__).with_name("deployed")


def main(arguments: Sequence[str] | None = None) -> int:
    """Count, price, print; return 1 if counts drifted or the run costs too much."""
    options = _options().parse_args(arguments)
    terminal = Terminal()
    run, tallies = _measure(terminal)
    bills = [
        *(bill(name, each) for name, each in tallies.items()),
        durable_functions(SUPERSTEPS),
    ]
    show_bills(bills, terminal)
    show_requests(OURS, tallies[OURS], terminal)
    show_information(run, terminal)
    if options.record:
        expectation.record(SUPERSTEPS, tallies)
    complaints = [*expectation.drift(SUPERSTEPS, tallies), *_too_dear(bills[0])]
    for complaint in complaints:
        terminal.note(f"NOT as it must be: {complaint}")
    return 1 if complaints else 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cost",
        description=cost.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--record", action="store_true", help="write the counts as the expected ones"
    )
    return parser


def _measure(terminal: Terminal) -> tuple[ours.Run, dict[str, Tally]]:
    wanted = Wanted(_DEPLOYED, [ours.WORKFLOW])
    with (
        tempfile.TemporaryDirectory() as folder,
        terminal.working("deploying"),
        deployed(Path(folder), wanted) as stack,
    ):
        callers = {
            EMULATED_KEY: "start",
            stack.function_key: "slice",
            checkpointer.KEY: "saver",
        }
        run = ours.run(stack, SUPERSTEPS)
        saver = checkpointer.run(stack, SUPERSTEPS)
        return run, {
            OURS: tally(run.calls, [run.history], callers),
            PLAIN: tally([], [plain.run(stack, SUPERSTEPS)], callers),
            CHECKPOINTER: tally(saver, [], callers),
        }


def _too_dear(found: Bill) -> list[str]:
    if found.usd <= LIMIT_USD:
        return []
    return [f"a run costs ${found.usd:.6f}, more than ${LIMIT_USD}"]


if __name__ == "__main__":
    sys.exit(main())
