"""On the repository's examples: what was reserved and expected, and what was used.

The model is the examples' own script, whose tokens are words; the bound is Gemini's
for the same request, by its price. Expected are a token for every four bytes of the
question, and half of the longest answer that it allows.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from analemma.hardware.ports import (
    ModelAnswer,
    ModelProvider,
    ModelRequest,
    ModelUsage,
)
from analemma.hardware.providers.gemini import GeminiProvider
from analemma.hardware.providers.scripted import ScriptedProvider
from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.admission import admit
from analemma.kernelspace.ledger import Ledger
from analemma.kernelspace.machine import Machine, ScriptedAnswer
from analemma.kernelspace.orchestrator import drive
from analemma.kernelspace.program import Program
from analemma.kernelspace.scheduler.slices import run_slice
from analemma.kernelspace.scheduler.worker import run_worker
from analemma.records.budget import Budget
from analemma.records.envelope import WorkerEvent
from analemma.records.run import WorkflowRef
from analemma.userspace.targets import load_program, parse_target
from analemma.wiring import laptop_machine
from benchmarks.budgets.vendor import MODEL, PRICE

_EXAMPLES = Path(__file__).parents[2] / "examples"
_MINIMAL = _EXAMPLES / "minimal"
_BYTES_A_TOKEN = 4

EXAMPLES: tuple[tuple[str, str, object], ...] = (
    ("auditor, of idna", "auditor.graph:graph", {"package": "idna"}),
    ("counter", f"{_MINIMAL}/counter.py:graph", {"target": 10}),
    ("fan_out", f"{_MINIMAL}/fan_out.py:graph", {"count": 50}),
    ("approval", f"{_MINIMAL}/approval.py:graph", {"amount": 120}),
    ("loop_forever", f"{_MINIMAL}/loop_forever.py:graph", {}),
)


@dataclass
class Estimate:
    """One run: sums of its model calls."""

    name: str
    calls: int = 0
    bound: ModelUsage = field(default=ModelUsage(0, 0, 0))
    expected: ModelUsage = field(default=ModelUsage(0, 0, 0))
    used: ModelUsage = field(default=ModelUsage(0, 0, 0))
    ledger_tokens: int = 0
    over: int = 0

    @property
    def holds(self) -> bool:
        """Whether no call took more than its bound, and the ledger has them all."""
        return not self.over and self.ledger_tokens == self.used.tokens


class _Watched:
    """A script that is bounded and priced as Gemini is."""

    name = "gemini/watched"

    def __init__(self, script: ModelProvider, into: Estimate) -> None:
        self._script = script
        self._into = into
        self._gemini = GeminiProvider("no-key", model=MODEL, price=PRICE)

    def bound(self, request: ModelRequest) -> ModelUsage:
        return self._gemini.bound(request)

    def ask(self, request: ModelRequest) -> ModelAnswer:
        answer = self._script.ask(request)
        bound = self.bound(request)
        read, written = answer.usage.input_tokens, answer.usage.output_tokens
        used = _priced(read, written)
        size = len((request.system + request.prompt).encode())
        expected = _priced(-(-size // _BYTES_A_TOKEN), bound.output_tokens // 2)
        into = self._into
        into.calls += 1
        into.bound = _sum(into.bound, bound)
        into.expected = _sum(into.expected, expected)
        into.used = _sum(into.used, used)
        into.over += used.tokens > bound.tokens or used.micro_usd > bound.micro_usd
        return replace(answer, usage=used)

    def close(self) -> None:
        self._gemini.close()


def estimates() -> list[Estimate]:
    """Run every example on a home of its own; return what its calls came to."""
    sys.path.insert(0, str(_EXAMPLES / "auditor"))
    try:
        return [_estimate(*example) for example in EXAMPLES]
    finally:
        sys.path.remove(str(_EXAMPLES / "auditor"))


def _estimate(name: str, target: str, value: object) -> Estimate:
    found = Estimate(name)
    program = load_program(parse_target(target))
    watched: list[_Watched] = []

    def model(scripted: ScriptedAnswer | None) -> ModelProvider:
        watched.append(_Watched(ScriptedProvider(scripted or []), found))
        return watched[-1]

    with (
        tempfile.TemporaryDirectory() as folder,
        laptop_machine(Path(folder) / "home", {}) as opened,
    ):
        machine = replace(opened, model=model)
        run_id = _drive(machine, program, target, value)
        ledger = Ledger(machine.records, LOCAL_OWNER, run_id, "reader")
        ledger.load()
        found.ledger_tokens = ledger.tokens
    for each in watched:
        each.close()
    return found


def _drive(machine: Machine, program: Program, target: str, value: object) -> str:
    """Drive a run until it rests: done, at an approval, or out of supersteps."""
    workflow = WorkflowRef(name=program.name, target=target)
    budget = Budget(supersteps=50, tokens=100_000, micro_usd=1_000_000)
    run = admit(
        machine,
        owner=LOCAL_OWNER,
        workflow=workflow,
        value=json.loads(json.dumps(value)),
        budget=budget,
    ).record
    drive(
        machine,
        owner=LOCAL_OWNER,
        run_id=run.run_id,
        run_slice=lambda event: run_slice(machine, program, event),
        workers=_InThisThread(machine, program),
        sleep=lambda _: None,
    )
    return run.run_id


@dataclass(frozen=True, slots=True)
class _InThisThread:
    machine: Machine
    program: Program

    def run(self, events: Sequence[WorkerEvent], max_concurrency: int) -> None:
        for event in events:
            run_worker(self.machine, self.program, event)


def _priced(read: int, written: int) -> ModelUsage:
    return ModelUsage(read, written, PRICE.micro_usd(read, written))


def _sum(one: ModelUsage, other: ModelUsage) -> ModelUsage:
    return ModelUsage(
        one.input_tokens + other.input_tokens,
        one.output_tokens + other.output_tokens,
        one.micro_usd + other.micro_usd,
    )
