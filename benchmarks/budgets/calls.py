"""Store calls for a model call, by what is limited, counted at the port."""

import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from analemma.hardware.ports import ModelRequest, RecordStore
from analemma.hardware.providers.scripted import ScriptedProvider
from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.ledger import Ledger
from analemma.kernelspace.metering import MeteredModel
from analemma.kernelspace.spending.purse import Purse
from analemma.records.budget import Budget
from analemma.records.limits import LimitsPolicy, SharedLimit
from analemma.records.policy import KernelPolicy
from analemma.records.run import RunRecord, WorkflowRef
from analemma.wiring import laptop_machine

CALLS = 100
_MUCH = 10**9
_QUESTION = ModelRequest("a question", max_tokens=10)


@dataclass(frozen=True, slots=True)
class Setting:
    """What is limited, and what a model call is then expected to cost.

    ``each`` is reads and writes a call, ``once`` those of a slice or worker.
    """

    name: str
    budget: Budget
    limits: LimitsPolicy
    alone: bool
    each: tuple[int, int]
    once: tuple[int, int]


_RUN = Budget(tokens=_MUCH, micro_usd=_MUCH)
_ALL = SharedLimit(tokens=_MUCH)
_NO_LIMITS = LimitsPolicy()
_ENVIRONMENT = LimitsPolicy(environment=_ALL)
_BOTH = LimitsPolicy(environment=_ALL, workflow_version=_ALL)

SETTINGS = (
    Setting("nothing", Budget(), _NO_LIMITS, True, (0, 1), (0, 0)),
    Setting("nothing, a worker", Budget(), _NO_LIMITS, False, (0, 1), (0, 0)),
    Setting("the run", _RUN, _NO_LIMITS, True, (0, 2), (1, 1)),
    # A worker is the first to reserve here, hence looks what was paid before.
    Setting("the run, a worker", _RUN, _NO_LIMITS, False, (0, 3), (2, 1)),
    Setting("the environment", Budget(), _ENVIRONMENT, True, (0, 3), (1, 1)),
    Setting("the run and both that are shared", _RUN, _BOTH, True, (0, 6), (3, 3)),
)


@dataclass(frozen=True, slots=True)
class Counted:
    """Reads and writes of ``CALLS`` model calls and the end of their slice."""

    setting: Setting
    reads: int
    writes: int

    @property
    def as_expected(self) -> bool:
        """Whether they are those that are expected."""
        each, once = self.setting.each, self.setting.once
        return (self.reads, self.writes) == (
            each[0] * CALLS + once[0],
            each[1] * CALLS + once[1],
        )


def counted(setting: Setting) -> Counted:
    """Make the calls, one after the other, on a home of their own."""
    policy = KernelPolicy(limits=setting.limits)
    with (
        tempfile.TemporaryDirectory() as folder,
        laptop_machine(Path(folder) / "home", {}) as opened,
    ):
        records = _Counting(opened.records)
        machine = replace(opened, records=records, policy=policy)
        now = machine.clock.now()
        record = RunRecord(
            run_id="run-1",
            owner=LOCAL_OWNER,
            workflow=WorkflowRef(name="w", target="m:g"),
            input_ref="a" * 64,
            budget=setting.budget,
            created_at=now,
            updated_at=now,
        )
        ledger = Ledger(records, LOCAL_OWNER, "run-1", "1-a")
        purse = Purse(machine, record, "d" * 64, ledger, alone=setting.alone)
        script = ScriptedProvider(lambda _: "answer")
        metered = MeteredModel(lambda: script, ledger, purse)
        for _ in range(CALLS):
            metered.ask(_QUESTION)
        purse.close()
    calls = records.calls
    return Counted(setting, calls["get"] + calls["query"], calls["put"])


class _Counting:
    """A ``RecordStore`` that counts; every method is that of the store behind."""

    def __init__(self, records: RecordStore) -> None:
        self.calls: Counter[str] = Counter()
        self._records = records

    def __getattr__(self, name: str) -> Any:
        # Any: whichever method of the port it is.
        self.calls[name] += 1
        return getattr(self._records, name)
