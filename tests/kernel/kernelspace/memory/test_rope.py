"""The rope of a list, by properties."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from analemma.kernelspace.memory import rope

Item = int | tuple[object, ...]


def built(entries: Sequence[Item]) -> tuple[rope.Tails[Item], list[Item]]:
    nodes: list[Item] = []

    def store(children: Sequence[Item]) -> Item:
        nodes.append(tuple(children))
        return tuple(children)

    return rope.build(entries, store), nodes


def opened(entry: Item) -> Sequence[Item]:
    assert isinstance(entry, tuple)
    return entry  # type: ignore[return-value]  # a node holds items by build


LENGTHS = st.integers(min_value=0, max_value=3 * rope.FAN_OUT**3)


@given(LENGTHS)
def test_walk_gives_back_what_was_built_in_order(length: int) -> None:
    entries: list[Item] = list(range(length))
    tails, _ = built(entries)
    assert list(rope.walk(tails, opened)) == entries


@given(LENGTHS)
def test_every_node_is_full_and_every_tail_is_short(length: int) -> None:
    tails, nodes = built(list(range(length)))
    assert all(len(tail) < rope.FAN_OUT for tail in tails)
    assert all(isinstance(n, tuple) and len(n) == rope.FAN_OUT for n in nodes)


@given(LENGTHS, st.integers(min_value=0, max_value=40))
def test_appending_keeps_every_node_that_was_there(length: int, more: int) -> None:
    _, before = built(list(range(length)))
    _, after = built(list(range(length + more)))
    assert set(before) <= set(after)
    # A carry, like that of a counter: at most one more node a level.
    assert len(after) - len(before) <= more // (rope.FAN_OUT - 1) + 4


def test_a_million_entries_are_named_by_a_handful() -> None:
    tails, _ = built(list(range(1_000_000)))
    assert sum(map(len, tails)) <= 7 * (rope.FAN_OUT - 1)
