"""Call a saver or a graph through its plain methods or through its async ones.

A check is written once and runs both ways. The async way keeps one event loop on
a thread of its own for the whole check, because a saver may be bound to a loop.
"""

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from enum import StrEnum
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Way(StrEnum):
    """Which half of a saver's methods is checked."""

    SYNC = "sync"
    ASYNC = "async"


class Caller(Protocol):
    """Calls methods by their plain names. Safe between threads.

    Any throughout: the methods are named at run time.
    """

    def make(self, factory: Callable[[], Any]) -> Any:
        """Call ``factory``, and wait for what it returns if it is awaitable."""
        ...

    def call(self, target: object, method: str, *args: Any, **options: Any) -> Any:
        """Call a method and return what it returns."""
        ...

    def collect(
        self, target: object, method: str, *args: Any, **options: Any
    ) -> list[Any]:
        """Call a method that yields and return all it yields."""
        ...

    def close(self) -> None:
        """End what the calls needed."""
        ...


class SyncCaller:
    """Calls the plain methods."""

    def make(self, factory: Callable[[], Any]) -> Any:
        """Call ``factory``, and wait for what it returns if it is awaitable."""
        made = factory()
        return asyncio.run(_awaited(made)) if inspect.isawaitable(made) else made

    def call(self, target: object, method: str, *args: Any, **options: Any) -> Any:
        """Call the method."""
        return getattr(target, method)(*args, **options)

    def collect(
        self, target: object, method: str, *args: Any, **options: Any
    ) -> list[Any]:
        """Call the method and return all it yields."""
        return list(getattr(target, method)(*args, **options))

    def close(self) -> None:
        """Do nothing."""


class AsyncCaller:
    """Calls the methods whose names begin with ``a``, all on one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def make(self, factory: Callable[[], Any]) -> Any:
        """Call ``factory`` in the loop and wait for what it returns."""

        async def made() -> Any:
            found = factory()
            return await found if inspect.isawaitable(found) else found

        return self._run(made())

    def call(self, target: object, method: str, *args: Any, **options: Any) -> Any:
        """Call the async method and wait for it."""
        return self._run(getattr(target, f"a{method}")(*args, **options))

    def collect(
        self, target: object, method: str, *args: Any, **options: Any
    ) -> list[Any]:
        """Call the async method and return all it yields."""

        async def collected() -> list[Any]:
            found: AsyncIterator[Any] = getattr(target, f"a{method}")(*args, **options)
            return [item async for item in found]

        return self._run(collected())

    def close(self) -> None:
        """Stop the loop and its thread."""
        self._run(self._loop.shutdown_asyncgens())
        self._run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(_kept(coroutine), self._loop).result()


def caller(way: Way) -> Caller:
    """Return a caller for one way; to be closed."""
    return SyncCaller() if way is Way.SYNC else AsyncCaller()


async def _kept(coroutine: Coroutine[Any, Any, T]) -> T:
    """Await, and turn what would end the loop, with all its waiters, into an error."""
    try:
        return await coroutine
    except (SystemExit, KeyboardInterrupt) as end:
        raise RuntimeError(f"{type(end).__name__}: {end}") from end


async def _awaited(made: Awaitable[T]) -> T:
    return await made
