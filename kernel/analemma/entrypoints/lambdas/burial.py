"""Lambda: mark a run failed that failed below the kernel.

When Lambda itself fails for good, no slice is left to write down that the run
failed. The state machine catches the error and has this function do it, so that
no run is ever left looking alive.
"""

from analemma.entrypoints.lambdas.invocation import LambdaContext, answer, machine
from analemma.kernelspace.burial import bury
from analemma.records.envelope import BuryEvent


def handle(event: object, context: LambdaContext) -> dict[str, object]:
    """Take a ``BuryEvent``; return the run's ``failed`` transition."""

    def work(asked: BuryEvent) -> dict[str, object]:
        return bury(machine(), asked).model_dump(mode="json")

    return answer(BuryEvent, event, context, work)
