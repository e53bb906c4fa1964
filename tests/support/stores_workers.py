"""What other processes do to a store in tests; importable by ``spawn``."""

import sys
from multiprocessing.synchronize import Barrier
from pathlib import Path

from analemma.hardware.local.sqlite_records import SqliteRecordStore
from analemma.hardware.ports.records import ABSENT, RecordConflict


def compete(
    path: Path, name: str, partition: str, rounds: int, start: Barrier, wins: Path
) -> None:
    """Try to be first at ``rounds`` records; write the rounds won to ``wins``."""
    won = []
    with SqliteRecordStore(path) as store:
        start.wait(60)
        for number in range(rounds):
            try:
                store.put(partition, f"{number:04d}", name.encode(), expected=ABSENT)
            except RecordConflict:
                continue
            won.append(number)
    wins.write_text(" ".join(map(str, won)))


def write_until_killed(path: Path) -> None:
    """Put records for ever; say each one's number once it is acknowledged."""
    store = SqliteRecordStore(path)
    number = 0
    while True:
        store.put("acknowledged", f"{number:06d}", body_of(number))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        number += 1


def body_of(number: int) -> bytes:
    """Return the body that ``write_until_killed`` gives record ``number``."""
    return f"body {number} ".encode() * 100


if __name__ == "__main__":
    write_until_killed(Path(sys.argv[1]))
