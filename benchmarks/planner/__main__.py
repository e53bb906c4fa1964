"""The command: ``python -m benchmarks.planner --help``."""

import argparse
import random
import sys
import time
from collections.abc import Sequence

from analemma.kernelspace.planner.schedule import schedule
from benchmarks import planner
from benchmarks.planner.graphs import complaints, random_graph

LIMIT_MS = 100.0
"""The 95th percentile must stay below."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Schedule, check, print; return 1 if anything is wrong or too slow."""
    options = _options().parse_args(arguments)
    chance = random.Random(options.seed)
    wrong: list[str] = []
    took_ms = []
    for number in range(options.graphs):
        graph = random_graph(chance)
        started = time.perf_counter()
        found = schedule(graph.nodes, graph.edges)
        took_ms.append((time.perf_counter() - started) * 1000)
        again = graph.shuffled(chance)
        said = complaints(graph, found)
        if found.to_bytes() != schedule(again.nodes, again.edges).to_bytes():
            said.append("another order gave other bytes")
        wrong += [f"graph {number}: {each}" for each in said]
    took_ms.sort()
    p95_ms = took_ms[int(0.95 * (len(took_ms) - 1))]
    print(
        f"{options.graphs:,} graphs of up to 500 nodes, seed {options.seed}\n"
        f"median {took_ms[len(took_ms) // 2]:.1f} ms, "
        f"95th percentile {p95_ms:.1f} ms, longest {took_ms[-1]:.1f} ms\n"
        f"wrong: {len(wrong)}"
    )
    for each in wrong[:10]:
        print(f"  {each}")
    return 1 if wrong or p95_ms >= LIMIT_MS else 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.planner",
        description=planner.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--graphs", type=int, default=10_000, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    return parser


if __name__ == "__main__":
    sys.exit(main())
