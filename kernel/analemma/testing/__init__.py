"""A conformance suite for LangGraph checkpointers, beyond LangGraph's own.

It checks what a run's correctness hangs on and the public suite leaves out:
order of writes, whole attempts, fencing, torn writes, threads at once, values
changed in place, prune beside writers. It needs langgraph and nothing else.

    from analemma.testing import Subject, run_suite

    report = run_suite(lambda: Subject(open=...))
    print(report.table())
"""

from analemma.testing.caller import Way
from analemma.testing.check import Check
from analemma.testing.report import Outcome, Report, Result, side_by_side
from analemma.testing.subject import NotOffered, Saver, Subject, Violation
from analemma.testing.suite import checks, run_suite

__all__ = [
    "Check",
    "NotOffered",
    "Outcome",
    "Report",
    "Result",
    "Saver",
    "Subject",
    "Violation",
    "Way",
    "checks",
    "run_suite",
    "side_by_side",
]
