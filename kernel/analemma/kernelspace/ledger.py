"""The ledger: the metered model calls of one run, one record a call.

An entry is written before the answer is handed to the node: what was paid is never
forgotten, also when the node or the process then dies. It holds what the provider
reported and no guess.
"""

import json
import threading
from collections.abc import Iterator

from analemma.hardware.ports import ModelUsage, Record, RecordStore
from analemma.kernelspace import layout
from analemma.records.budget import NOTHING, Amount


class Ledger:
    """The metered model calls of one run, as one writer knows and adds to them."""

    def __init__(
        self, records: RecordStore, owner: str, run_id: str, writer: str
    ) -> None:
        self._records = records
        self._partition = layout.run_partition(owner, run_id)
        self._lock = threading.Lock()
        self._calls = 0
        self._writers: dict[str, tuple[Amount, Amount]] = {}
        self.writer = writer
        self.total = NOTHING

    @property
    def tokens(self) -> int:
        """Tokens of all calls that are known here."""
        return self.total.tokens

    @property
    def micro_usd(self) -> int:
        """Micro-dollars of all calls that are known here."""
        return self.total.micro_usd

    def load(self) -> None:
        """Add up every entry there is; call once before the first read."""
        total, writers = NOTHING, dict[str, tuple[Amount, Amount]]()
        for writer, cost, counted, bound in self._entries():
            total += cost
            entered, settled = writers.get(writer, (NOTHING, NOTHING))
            writers[writer] = (entered + bound, settled + counted)
        with self._lock:
            self.total, self._writers = total, writers

    def of_writer(self, writer: str) -> tuple[Amount, Amount]:
        """Return the bounds of a writer's reserved calls, and what they count as.

        As of the last ``load``. A call whose cost was not reported counts as its
        bound.
        """
        return self._writers.get(writer, (NOTHING, NOTHING))

    def enter(
        self, task_id: str, model: str, usage: ModelUsage, bound: Amount | None = None
    ) -> None:
        """Store what a call cost, under a key of its own.

        ``bound`` is what was reserved for it; None if nothing was.
        """
        with self._lock:
            self._calls += 1
            call = self._calls
            self.total += Amount(tokens=usage.tokens, micro_usd=usage.micro_usd)
        body: dict[str, object] = {
            "model": model,
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "micro_usd": usage.micro_usd,
        }
        if bound is not None:
            body["bound"] = [bound.tokens, bound.micro_usd]
        if not usage.reported:
            body["reported"] = False
        self._records.put(
            self._partition,
            layout.ledger_sort(task_id, f"{self.writer}-{call:06d}"),
            json.dumps(body).encode(),
        )

    def _entries(self) -> Iterator[tuple[str, Amount, Amount, Amount]]:
        """Yield writer, cost, what counts, and bound of every entry."""
        for entry in self._records.query(
            self._partition, low=layout.LEDGER, high=layout.after(layout.LEDGER)
        ):
            yield (_writer_of(entry), *_amounts_of(entry))


def _writer_of(entry: Record) -> str:
    call = entry.sort.rpartition("/")[2]
    return call.rpartition("-")[0]


def _amounts_of(entry: Record) -> tuple[Amount, Amount, Amount]:
    fields = json.loads(entry.body)
    cost = Amount(
        tokens=fields["input_tokens"] + fields["output_tokens"],
        micro_usd=fields["micro_usd"],
    )
    if "bound" not in fields:
        return cost, NOTHING, NOTHING
    tokens, micro_usd = fields["bound"]
    bound = Amount(tokens=tokens, micro_usd=micro_usd)
    return cost, cost if fields.get("reported", True) else bound, bound
