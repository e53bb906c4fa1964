"""The command: ``python -m benchmarks.memory --help``."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from moto import mock_aws

from benchmarks import memory
from benchmarks.memory import aws, ours, postgres, stock
from benchmarks.memory.cloud import CloudClients
from benchmarks.memory.conformance import measure_conformance
from benchmarks.memory.forks import measure_forks
from benchmarks.memory.growth import Growth, measure_growth
from benchmarks.memory.laptop import measure_laptop
from benchmarks.memory.passlines import lines, show_lines
from benchmarks.memory.places import Contender
from benchmarks.memory.plan import QUICK, Plan
from benchmarks.memory.resume import Resume, show_resumes
from benchmarks.memory.states import measure_parallel, measure_states
from benchmarks.memory.terminal import Terminal

SECTIONS = ("growth", "states", "parallel", "forks", "laptop", "conformance")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sections; return 1 if a counted pass line does not hold."""
    options = _options().parse_args(arguments)
    # Never stopped: a check that does not end leaves a thread behind, and what it
    # asks of AWS must not leave this process.
    mock_aws().start()
    plan, terminal = _plan(options), Terminal()
    clients = CloudClients()
    contenders = _contenders(clients, plan, options.postgres)
    chosen = set(options.only or SECTIONS)
    growth = forks = rates = None
    if "growth" in chosen:
        growth = measure_growth(contenders, plan, terminal)
        show_resumes(_resumed(growth), terminal)
    if "states" in chosen:
        measure_states(contenders, plan, terminal)
    if "parallel" in chosen:
        measure_parallel(contenders, plan, terminal)
    if "forks" in chosen:
        forks = measure_forks(contenders, plan, terminal)
    if "laptop" in chosen:
        rates = measure_laptop(plan, terminal)
    if "conformance" in chosen:
        measure_conformance(clients, options.postgres, plan, terminal)
    found = list(lines(plan, growth, forks, rates))
    return 0 if not found or show_lines(found, terminal) else 1


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.memory",
        description=memory.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="under half a minute")
    parser.add_argument(
        "--only", nargs="+", choices=SECTIONS, metavar="SECTION", help=str(SECTIONS)
    )
    parser.add_argument(
        "--postgres", metavar="DSN", help="a server to measure PostgresSaver on"
    )
    parser.add_argument(
        "--cap-seconds",
        type=float,
        metavar="S",
        help="stop a row of a saver that is not ours after this long (60; quick: 5)",
    )
    parser.add_argument(
        "--cap-bytes",
        type=float,
        metavar="B",
        help="run no row that would store more (1e9)",
    )
    parser.add_argument(
        "--folder", type=Path, help="where files are made; the system's, if not said"
    )
    return parser


def _plan(options: argparse.Namespace) -> Plan:
    plan = replace(QUICK if options.quick else Plan(), folder=options.folder)
    if options.cap_seconds is not None:
        plan = replace(plan, cap_seconds=options.cap_seconds)
    if options.cap_bytes is not None:
        plan = replace(plan, cap_bytes=options.cap_bytes)
    return plan


def _contenders(clients: CloudClients, plan: Plan, dsn: str | None) -> list[Contender]:
    return [
        *stock.contenders(plan.folder),
        postgres.contender(dsn),
        aws.contender(clients),
        *ours.contenders(plan.folder, clients),
    ]


def _resumed(growth: Growth) -> Iterator[tuple[str, str, Resume | None, str]]:
    for kind, grown in growth.items():
        for name, each in grown.items():
            reason = each.contender.missing or "its process is gone"
            yield kind, name, each.resumed, reason


if __name__ == "__main__":
    sys.exit(main())
