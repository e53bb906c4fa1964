"""Move a run: in this process on a laptop, by an execution in the cloud."""

import itertools
import os
import time
from collections.abc import Callable
from pathlib import Path

from analemma.entrypoints.cli.place import Place
from analemma.entrypoints.workers.pool import ProcessWorkers
from analemma.errors import CloudUnavailable
from analemma.ids import Owner
from analemma.kernelspace.interrupts.inbox import waits_for_people
from analemma.kernelspace.orchestrator import drive
from analemma.kernelspace.process_table import ProcessTable
from analemma.kernelspace.scheduler.slices import run_slice
from analemma.records.run import RunRecord, RunStatus
from analemma.userspace.targets import load_program, parse_target
from analemma.wiring import laptop_machine, state_machine

_POLL_SECONDS = 0.25
_LOOKS_PER_CHECK = 20


def drive_here(place: Place, record: RunRecord, *, verbose: bool) -> RunRecord:
    """Drive the run in this process until it ends or waits; return its record.

    Raises:
        TargetInvalid: the run's workflow cannot be loaded here.
        LeaseLost: another process drives the run.
    """
    program = load_program(parse_target(record.workflow.target))
    with ProcessWorkers(
        place.home,
        record.workflow.target,
        attempts=place.machine.policy.retry.max_attempts + 1,
        verbose=verbose,
    ) as workers:
        drive(
            place.machine,
            owner=place.owner,
            run_id=record.run_id,
            run_slice=lambda event: run_slice(place.machine, program, event),
            workers=workers,
            sleep=time.sleep,
        )
    return _now(place, record.run_id)


def start_there(place: Place, record: RunRecord) -> None:
    """Start the run's execution in the cloud; return at once. Idempotent.

    Raises:
        CloudUnavailable: the state machine is not there.
    """
    if place.cloud is not None and not record.status.ended:
        state_machine(place.cloud).start(
            owner=place.owner, run_id=record.run_id, generation=record.generation
        )


def is_dead_there(place: Place, run_id: str) -> bool:
    """Say whether the run should have an execution in the cloud, but has none.

    Somebody may have stopped it, or Step Functions ended it; the run's record
    cannot know.
    """
    if place.cloud is None:
        return False
    record = _now(place, run_id)
    return not record.status.ended and not state_machine(place.cloud).is_running(
        run_id=run_id, generation=record.generation
    )


def wait_there(
    place: Place, run_id: str, look: Callable[[RunRecord], None]
) -> RunRecord:
    """Watch a run in the cloud until it ends or waits; return its record.

    Raises:
        CloudUnavailable: its execution is gone, so it will not move by itself.
    """
    for looks in itertools.count(1):
        record = _now(place, run_id)
        look(record)
        if record.status.ended or _waits(place, record):
            break
        if looks % _LOOKS_PER_CHECK == 0 and is_dead_there(place, run_id):
            raise CloudUnavailable(
                f"the execution of run {run_id} has ended and left it "
                f"{record.status}; go on: analemma resume {run_id}{place.flag}"
            )
        time.sleep(_POLL_SECONDS)
    return record


def watch_here(
    home: Path,
    run_id: str,
    owner: Owner,
    stop: Callable[[], bool],
    look: Callable[[Place, RunRecord], None],
) -> None:
    """Call ``look`` a few times a second with the run as it stands, until told."""
    with laptop_machine(home, os.environ, create=False) as machine:
        place = Place(machine, owner, home, None)
        while not stop():
            look(place, _now(place, run_id))
            time.sleep(_POLL_SECONDS)


def _waits(place: Place, record: RunRecord) -> bool:
    """Say whether it is a person's turn: an answered run only looks as if."""
    return record.status is RunStatus.WAITING and waits_for_people(
        place.machine, place.owner, record.run_id
    )


def _now(place: Place, run_id: str) -> RunRecord:
    return ProcessTable(place.machine.records).get(place.owner, run_id).record
