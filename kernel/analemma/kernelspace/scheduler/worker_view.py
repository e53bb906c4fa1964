"""What a worker shows LangGraph: a checkpoint in which only its tasks exist.

LangGraph names a task by its packet's index among all, so the packets stand at
their own indexes, and everywhere between stands one for a node that does
nothing, which LangGraph passes over. After the last place stands one
that the worker refuses to run: a superstep in which everything finished
would be applied, and that is the join's.

The other channels are read from the log when somebody asks for their value. A
task that was sent gets its packet; only a routing function, or a node that asks
by itself, reads the state.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Self, TypeGuard, overload

from langgraph.channels import DeltaChannel, Topic, UntrackedValue
from langgraph.channels.base import BaseChannel
from langgraph.checkpoint.base import BaseCheckpointSaver, Checkpoint
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.pregel import NodeBuilder
from langgraph.types import Send

from analemma.kernelspace.langgraph_compat import TASKS
from analemma.kernelspace.memory.rootlog import RootLog
from analemma.kernelspace.program import Graph
from analemma.kernelspace.scheduler.batches import Batch

_NOWHERE = "__analemma_nowhere__"
_REFUSED = "__analemma_refused__"
_GAP = Send(_NOWHERE, None)


class Packets(Sequence[Send]):
    """The packets of a superstep, of which one batch is known."""

    def __init__(self, known: Mapping[int, Send], sent: int) -> None:
        # To a node of its own: under the same key of a cache LangGraph would take
        # it for one of ours. A policy for all nodes reads the argument.
        argument = next(iter(known.values())).arg
        self._known = {**known, sent: Send(_REFUSED, argument)}
        self._length = sent + 1

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Send: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Send]: ...
    def __getitem__(self, index: int | slice) -> Send | Sequence[Send]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(self._length))]
        return self._known.get(index, _GAP)

    def __iter__(self) -> Iterator[Send]:
        return (self._known.get(index, _GAP) for index in range(self._length))


class PacketChannel(Topic[Send]):
    """The channel of ``Send``s over packets that it does not copy."""

    def get(self) -> Sequence[Send]:
        """Return the packets. Not a copy, which would cost one for each."""
        return self.values

    def copy(self) -> Self:
        """Return the channel with the same packets."""
        return self.from_checkpoint(self.values)


class Unread:
    """Stands for a channel's value that nobody has asked for."""

    def __init__(self, read: Callable[[], object]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._value: tuple[object] | None = None

    def value(self) -> object:
        """Return the value; reads it the first time."""
        with self._lock:
            if self._value is None:
                self._value = (self._read(),)
            return self._value[0]


# Any: LangGraph's channels are of whatever the graph keeps in them.
class UnreadChannel(BaseChannel[Any, Any, Any]):
    """A channel that reads its value when it is asked for it."""

    def __init__(
        self,
        channel: BaseChannel[Any, Any, Any],
        unread: Unread | None = None,
        updates: Iterable[Sequence[Any]] = (),
    ) -> None:
        """Stand before a channel; with ``unread``, for when that has been read."""
        super().__init__(channel.typ, channel.key)
        self._channel = channel
        self._unread = unread
        self._updates = list(updates)

    @property
    def ValueType(self) -> Any:  # noqa: N802  # LangGraph's name
        """The type of the value."""
        return self._channel.ValueType

    @property
    def UpdateType(self) -> Any:  # noqa: N802  # LangGraph's name
        """The type of an update."""
        return self._channel.UpdateType

    def from_checkpoint(self, checkpoint: Any) -> Self:
        """Return the channel with this value, read or not."""
        if isinstance(checkpoint, Unread):
            return self.__class__(self._channel, checkpoint)
        return self.__class__(self._channel.from_checkpoint(checkpoint))

    def copy(self) -> Self:
        """Return a copy; what is not read yet is not read."""
        if self._unread is None:
            return self.__class__(self._channel.copy())
        return self.__class__(self._channel, self._unread, self._updates)

    def checkpoint(self) -> Any:
        """Return the value as a checkpoint holds it."""
        return self._whole().checkpoint()

    def get(self) -> Any:
        """Return the value."""
        return self._whole().get()

    def is_available(self) -> bool:
        """Say whether there is a value."""
        return self._whole().is_available()

    def update(self, values: Sequence[Any]) -> bool:
        """Apply updates; without a value read, when that is.

        LangGraph asks for the answer when it applies a superstep, which no
        worker does.
        """
        if self._unread is None:
            return self._channel.update(values)
        self._updates.append(values)
        return bool(values)

    def consume(self) -> bool:
        """Tell the channel that a task ran that reads it."""
        return self._whole().consume()

    def finish(self) -> bool:
        """Tell the channel that the run ends."""
        return self._whole().finish()

    def _whole(self) -> BaseChannel[Any, Any, Any]:
        if self._unread is not None:
            channel = self._channel.from_checkpoint(self._unread.value())
            for values in self._updates:
                channel.update(values)
            self._channel, self._unread = channel, None
        return self._channel


def _may_stay_unread(channel: object) -> TypeGuard[BaseChannel[Any, Any, Any]]:
    """Say whether LangGraph does not care of which class the channel is."""
    return isinstance(channel, BaseChannel) and not isinstance(
        channel, DeltaChannel | UntrackedValue
    )


def narrowed(graph: Graph, saver: BaseCheckpointSaver[int], batch: Batch) -> Graph:
    """Return the graph as the worker of a batch runs it, on ``saver``."""
    channels = {
        name: UnreadChannel(channel)
        if name in batch.channels and _may_stay_unread(channel)
        else channel
        for name, channel in graph.channels.items()
    }
    refused = NodeBuilder().build()
    # Without writers LangGraph finds nothing to run in it.
    nowhere = refused.copy({"writers": []})
    worker = graph.copy(
        {
            "checkpointer": saver,
            "channels": channels,
            "nodes": {**graph.nodes, _NOWHERE: nowhere, _REFUSED: refused},
        }
    )
    packets = PacketChannel(Send, accumulate=False)
    packets.key = TASKS
    # Not in the copy's arguments: LangGraph always makes this channel itself.
    worker.channels = {**worker.channels, TASKS: packets}
    return worker


def checkpoint_of(
    batch: Batch, graph: Graph, log: RootLog, serde: SerializerProtocol
) -> Checkpoint:
    """Return the checkpoint in which only the batch's tasks exist.

    Raises:
        Corrupt: stored bytes are not what was written.
    """

    def unread(name: str) -> object:
        value = Unread(lambda: log.channel(batch.place, name))
        declared = graph.channels.get(name)
        return value if _may_stay_unread(declared) else value.value()

    values: dict[str, object] = {name: unread(name) for name in batch.channels}
    values[TASKS] = Packets(batch.sends(serde), batch.sent)
    return {
        **batch.checkpoint,
        "channel_values": values,
        "versions_seen": {
            node: dict(seen) for node, seen in batch.checkpoint["versions_seen"].items()
        },
        "channel_versions": dict(batch.checkpoint["channel_versions"]),
        # No node is triggered by it: what edges start is the join's.
        "updated_channels": [TASKS],
    }
