"""What pruning leaves of a log, at number 0, where every reader ends.

Later entries rely on pages of the records before them, and say what changed
since. So before a record is deleted, what others still need of it is written
here: its pages, in packs, and the frames that later entries are changes of. It
stands before everything in the log, so a reader going backwards finds it at the
place where it looks last. A writer that appends meanwhile need not notice.

    removed   [[first, last], …]   the numbers of deleted entries
    frames    [[number, id, parent, parent hash, hash, frame], …]
    links     {checkpoint id: hash}   of deleted parents of entries that stay
    pages, packs                      as in a manifest
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from analemma.errors import ManifestMismatch
from analemma.kernelspace.memory.holding import Holding, Load, holding_of, table
from analemma.kernelspace.memory.manifest import Manifest
from analemma.kernelspace.memory.pages import Draft
from analemma.kernelspace.memory.plain import id_from, id_wire
from analemma.kernelspace.memory.seal import Fields, Place, Wire, seal

REMAINS = "remains"
NUMBER = 0


@dataclass(frozen=True, slots=True)
class Remains:
    """What is left of deleted entries.

    ``frames`` and ``links`` are tables, or the references of their pages.
    """

    ranges: tuple[tuple[int, int], ...]
    frames: Wire
    links: Wire
    holding: Holding
    number: int = NUMBER

    def removed(self, number: int) -> bool:
        """Say whether the entry of this number was deleted."""
        return any(first <= number <= last for first, last in self.ranges)


def remains_body(
    place: Place,
    removed: Iterable[int],
    frames: Iterable[Manifest],
    links: Mapping[str, bytes],
    load: Load,
) -> tuple[bytes, tuple[bytes, ...]]:
    """Return the body of the record, and what must be stored before it."""
    late = Draft()
    told: list[Wire] = [
        [
            each.number,
            id_wire(each.checkpoint_id),
            None if each.parent_id is None else id_wire(each.parent_id),
            each.parent_hash,
            each.hash,
            each.frame,
        ]
        for each in frames
    ]
    fields: dict[str, Wire] = {
        "removed": [[first, last] for first, last in ranges_of(removed)],
        "frames": table(told, late),
        "links": table(dict[str, Wire](links), late),
        **load.fields,
    }
    return seal(place, REMAINS, fields), (*load.stored, *late.pages.values())


def remains_of(fields: Fields) -> Remains:
    """Read the record.

    Raises:
        ManifestMismatch: it is something else.
    """
    if fields.kind != REMAINS:
        raise ManifestMismatch(f"{fields.where}: {fields.kind!r} are no remains")
    return Remains(
        ranges=tuple(_range_from(each) for each in fields.items("removed")),
        frames=fields.wire("frames"),
        links=fields.wire("links"),
        holding=holding_of(fields),
    )


def frames_from(namespace: str, wire: Wire) -> dict[int, Manifest]:
    """Read the manifests that later entries are changes of, by number.

    Raises:
        ManifestMismatch: they are malformed or not what was written.
    """
    if not isinstance(wire, list):
        raise ManifestMismatch("the frames of a pruned log are malformed")
    found: dict[int, Manifest] = {}
    for told in wire:
        match told:
            case [int() as number, id_, parent, bytes() as link, bytes() as hash_, _]:
                frame = told[5]
                if not isinstance(frame, dict):
                    raise ManifestMismatch("a frame of a pruned log is malformed")
                manifest = Manifest(
                    namespace,
                    number,
                    id_from(id_),
                    None if parent is None else id_from(parent),
                    link,
                    frame,
                )
                if manifest.hash != hash_:
                    raise ManifestMismatch(
                        f"what is left of entry {number}: its hash is not that of "
                        "its content and its parent"
                    )
                found[number] = manifest
            case _:
                raise ManifestMismatch("a frame of a pruned log is malformed")
    return found


def links_from(wire: Wire) -> dict[str, bytes]:
    """Read the hashes of deleted parents, by checkpoint id."""
    if not isinstance(wire, dict):
        raise ManifestMismatch("the links of a pruned log are malformed")
    return {id_: hash_ for id_, hash_ in wire.items() if isinstance(hash_, bytes)}


def ranges_of(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Return numbers as ranges, in order."""
    ranges: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges


def _range_from(wire: Wire) -> tuple[int, int]:
    match wire:
        case [int() as first, int() as last]:
            return first, last
        case _:
            raise ManifestMismatch("the numbers of deleted entries are malformed")
