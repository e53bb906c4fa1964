"""Guard a node's tool call: ``with guarded("search"): answer = search(query)``.

The breaker of a tool is one for all runs of an environment: what failed for
others is not called again for a while, and the run sleeps until then. Outside a
run (a plain ``graph.invoke``) nothing is guarded and the block simply runs.
"""

import asyncio
from types import TracebackType

from analemma.kernelspace.backoff.breaker import CURRENT_BREAKERS, Breaker, Permit
from analemma.kernelspace.backoff.circuit import CircuitOpen

__all__ = ["CircuitOpen", "Guarded", "guarded"]


class Guarded:
    """One call of a tool. For ``with``, and for ``async with``."""

    def __init__(
        self, breaker: Breaker | None, failures: tuple[type[Exception], ...]
    ) -> None:
        self._breaker = breaker
        self._failures = failures
        self._permit = Permit()

    def __enter__(self) -> None:
        """Let the block run.

        Raises:
            CircuitOpen: the tool failed too often; the block is not run.
        """
        if self._breaker is not None:
            self._permit = self._breaker.enter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take down how the call ended; what it raised goes on."""
        if self._breaker is not None:
            self._breaker.left(self._permit, error, self._failures)

    async def __aenter__(self) -> None:
        """Let the block run, as ``__enter__`` does, without blocking the loop."""
        await asyncio.to_thread(self.__enter__)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take down how the call ended, without blocking the loop."""
        await asyncio.to_thread(self.__exit__, kind, error, traceback)


def guarded(
    name: str, *, failures: tuple[type[Exception], ...] = (Exception,)
) -> Guarded:
    """Guard one call of the tool called ``name``.

    Args:
        name: The tool, the same in all workflows that call it.
        failures: The errors that speak against the tool. Any other is an answer:
            name the connection errors of its client where bad arguments raise too.
    """
    breakers = CURRENT_BREAKERS.get()
    breaker = None if breakers is None else breakers.of_tool(name)
    return Guarded(breaker, failures)
