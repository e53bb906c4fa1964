"""The embedded orchestrator, driven by a script."""

from collections.abc import Iterator
from typing import Any

from analemma import errors
from analemma.hardware.ports import SystemClock
from analemma.ids import LOCAL_OWNER, RandomIds
from analemma.kernelspace.machine import Machine
from analemma.kernelspace.orchestrator import drive
from analemma.records.envelope import SliceEvent, WorkerEvent
from analemma.records.policy import FanOutPolicy, KernelPolicy
from analemma.records.transition import TRANSITION, Transition
from kernel_desk import InThisThread, no_model
from kernel_script import MAX_CONCURRENCY, RETRY, Call, Script, Step
from memory_stores import MemoryPageStore, MemoryRecordStore


class EmbeddedOrchestrator:
    """``drive`` over scripted slices and workers that only take notes."""

    def __init__(self) -> None:
        self._pages = MemoryPageStore()
        self._machine = Machine(
            records=MemoryRecordStore(),
            pages=lambda owner: self._pages,
            clock=SystemClock(),
            ids=RandomIds(),
            policy=KernelPolicy(
                retry=RETRY, fan_out=FanOutPolicy(max_concurrency=MAX_CONCURRENCY)
            ),
            model=no_model,
        )
        self._script = Script("run-none")
        self._steps: Iterator[Step] = iter(())
        self._calls: list[Call] = []
        self._waits: list[float] = []
        self._sleeps: list[int] = []
        self._failure = ""
        self._open: set[str] = set()
        self._resting = ""

    def start(self, script: Script) -> None:
        """Take the script; nothing runs until somebody asks where it rests."""
        self._script = script
        self._steps = iter(script.steps)
        for page in script.pages:
            self._pages.put(page)

    def rest(self) -> str:
        """Drive until the run rests; while it waits for a person, do nothing."""
        if self._resting and (self._open or self._resting != "waiting"):
            return self._resting
        try:
            transition = drive(
                self._machine,
                owner=LOCAL_OWNER,
                run_id=self._script.run_id,
                run_slice=self._slice,
                workers=InThisThread(self._work),
                sleep=self._waits.append,
            )
        except errors.AnalemmaError as error:
            self._failure = type(error).__name__
            self._resting = "gave up"
            return self._resting
        kind = transition.kind
        self._resting = "waiting" if kind == "await_approval" else kind
        return self._resting

    def answer(self, approval_id: str) -> None:
        """Cross an approval off; the next ``rest`` drives on when none is left."""
        self._open.remove(approval_id)

    def calls(self, what: str) -> list[dict[str, Any]]:  # Any: JSON
        """Return the events of one kind, in order."""
        return [each.event for each in self._calls if each.what == what]

    def slept_seconds(self) -> list[int]:
        """Return the sleeps that slices asked for; delays of retries are none."""
        assert all(seconds in self._waits for seconds in self._sleeps)
        return self._sleeps

    def failure(self) -> str:
        """Return the name of the error that came out."""
        return self._failure

    def _slice(self, event: SliceEvent) -> Transition:
        self._calls.append(Call("slice", event.model_dump(mode="json")))
        step = next(self._steps)
        if isinstance(step, str):
            raise getattr(errors, step)("scripted")
        transition = TRANSITION.validate_python(step)
        if transition.kind == "sleep":
            self._sleeps.append(transition.seconds)
        if transition.kind == "await_approval":
            self._park(transition.ref)
        return transition

    def _park(self, ref: str) -> None:
        """Note what waits: on a laptop nothing is asked to park it."""
        for item in self._script.parked(ref):
            self._open.add(item["approval_id"])
            self._calls.append(Call("park", item))

    def _work(self, event: WorkerEvent) -> None:
        self._calls.append(Call("worker", event.model_dump(mode="json")))
