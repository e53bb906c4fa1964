"""Keep a graph's recursion limit true over slices.

LangGraph grants the whole limit at every invocation: a graph stops at
``step + limit + 1``, and what its nodes are told about remaining steps hangs on
that. A slice would thus begin to count anew, and lowering the limit instead
would lower it for every nested graph too, whose invocation is whole. So the
limit is a number that only the root graph's own sum takes differently.
"""

from typing import Self

from langchain_core.runnables.config import var_child_runnable_config

from analemma.kernelspace.langgraph_compat import DEFAULT_RECURSION_LIMIT

_NO_LIMIT = 1_000_000_000


class RecursionLimit(int):
    """A recursion limit, and the step after which the root graph stops."""

    _root_stops_at: int

    @classmethod
    def of(cls, limit: int | None, asked_at_step: int | None = None) -> Self:
        """Return the limit that a graph was given; None for LangGraph's default.

        An answer is an invocation of its own: LangGraph counts from the step
        after which it was asked.

        The default does not stop a root graph: the run's budget does, and can
        be raised. Nested graphs keep it, because nothing else would stop them.
        """
        made = cls(DEFAULT_RECURSION_LIMIT if limit is None else limit)
        begun = 0 if asked_at_step is None else asked_at_step + 2
        made._root_stops_at = _NO_LIMIT if limit is None else begun + limit
        return made

    def __radd__(self, step: int) -> int:
        """Answer LangGraph's ``step + limit``, to which it then adds one.

        A fresh run starts at step -1, so an uncut one stops at its limit.
        """
        if var_child_runnable_config.get() is not None:
            return step + int(self)
        return self._root_stops_at - 1
