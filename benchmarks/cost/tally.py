"""What one system asked of AWS: requests, units, state transitions.

Requests of Step Functions' own are here as Lambda requests, S3 reads of a Map
and executions started: they pass no network that could be watched.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from analemma.records.prices import (
    READ_UNIT_BYTES,
    WRITE_UNIT_BYTES,
    read_units,
    write_units,
)
from benchmarks.cloud.front import Call
from benchmarks.cloud.history import History

_ITEM_EDGE_BYTES = 16
_QUERY_EDGE_BYTES = 512
"""By how much an item, or what a Query finds, may differ between two runs."""

_WRITES = {"PutItem", "UpdateItem", "DeleteItem"}
_READS = {"GetItem", "Query", "Scan"}


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts that are equal in every run; ``requests`` by caller and operation.

    Units are equal but for items on the edge of a unit: a record holds times, and
    one digit more may cost a unit more. ``on_edge_writes`` and ``on_edge_reads``
    count the calls for which that is so.
    """

    requests: Mapping[str, int] = field(default_factory=dict)
    write_units: int = 0
    read_units: int = 0
    transitions: int = 0
    lambda_requests: int = 0
    s3_reads_of_maps: int = 0
    executions_started: int = 0
    on_edge_writes: int = 0
    on_edge_reads: int = 0

    def document(self) -> dict[str, object]:
        """Return the tally as JSON."""
        return {
            "requests": dict(sorted(self.requests.items())),
            "write_units": self.write_units,
            "read_units": self.read_units,
            "transitions": self.transitions,
            "lambda_requests": self.lambda_requests,
            "s3_reads_of_maps": self.s3_reads_of_maps,
            "executions_started": self.executions_started,
        }


def tally(
    calls: Iterable[Call], histories: Iterable[History], callers: Mapping[str, str]
) -> Tally:
    """Add up calls and executions; ``callers`` names who has which access key."""
    requests: Counter[str] = Counter()
    written = read = write_edges = read_edges = 0
    for call in calls:
        requests[f"{callers[call.key]}: {call.name}"] += 1
        if call.service == "dynamodb" and call.operation in _WRITES:
            written += write_units(call.billed_request_bytes)
            write_edges += _on_edge(
                call.billed_request_bytes, WRITE_UNIT_BYTES, _ITEM_EDGE_BYTES
            )
        if call.service == "dynamodb" and call.operation in _READS:
            read += read_units(call.billed_response_bytes)
            read_edges += _on_edge(
                call.billed_response_bytes, READ_UNIT_BYTES, _QUERY_EDGE_BYTES
            )
    known = list(histories)
    return Tally(
        requests=requests,
        write_units=written,
        read_units=read,
        transitions=sum(each.transitions for each in known),
        lambda_requests=sum(each.lambda_requests for each in known),
        s3_reads_of_maps=sum(each.items_read for each in known),
        executions_started=sum(each.executions_started for each in known),
        on_edge_writes=write_edges,
        on_edge_reads=read_edges,
    )


def _on_edge(size: int, unit: int, edge: int) -> bool:
    """Say whether so many bytes more or less would be another number of units."""
    return max(1, -(-(size - edge) // unit)) != max(1, -(-(size + edge) // unit))
