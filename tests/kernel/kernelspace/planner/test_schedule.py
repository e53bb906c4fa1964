"""Every node once, after all before it, and the same bytes in every order."""

import json
import os
import random
import subprocess
import sys

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analemma.errors import InputInvalid
from analemma.kernelspace.planner.schedule import Schedule, schedule
from benchmarks.planner.graphs import complaints, random_graph

Edges = list[tuple[str, str]]

SAMPLE, WHOLE = 300, 10_000


def of(text: str) -> Schedule:
    """Return the schedule of edges like ``a>b a>c``; a lone name is a node."""
    words = text.split()
    edges = [(word[0], word[2]) for word in words if len(word) == 3]
    return schedule([letter for letter in text if letter.isalpha()], edges)


def levels(found: Schedule) -> list[str]:
    return ["".join(name for g in level for name in g.nodes) for level in found.levels]


# -- the shapes of the issue


def test_a_branch_that_forks_again_shares_its_end_with_the_other_branch() -> None:
    found = of("a>b a>c b>d b>e c>e")

    assert levels(found) == ["a", "bc", "de"]
    (join,) = found.joins
    assert (join.at, join.waits_for, join.fork) == ("e", ("b", "c"), "a")
    assert not join.closes  # d goes on beside it
    assert [(fork.at, fork.branches, fork.meets) for fork in found.forks] == [
        ("a", ("b", "c"), None),
        ("b", ("d", "e"), None),
    ]


def test_a_join_that_is_part_of_another_join_stands_before_it() -> None:
    found = of("b>m c>m m>n d>n")

    assert levels(found) == ["bcd", "m", "n"]
    inner, outer = found.joins
    assert (inner.at, inner.waits_for, inner.fork) == ("m", ("b", "c"), None)
    assert not inner.closes  # d does not pass it
    assert (outer.at, outer.waits_for, outer.fork) == ("n", ("d", "m"), None)
    assert outer.closes


def test_an_edge_that_skips_a_branch_does_not_place_the_join_early() -> None:
    found = of("a>b b>c c>d a>d")

    assert levels(found) == ["a", "b", "c", "d"]
    (join,) = found.joins
    assert (join.waits_for, join.fork, join.closes) == (("a", "c"), "a", True)
    (fork,) = found.forks
    assert (fork.at, fork.branches, fork.meets) == ("a", ("b", "d"), "d")


def test_two_roots_stand_side_by_side_and_their_join_has_no_fork() -> None:
    found = of("a>c b>c c>d")

    assert levels(found) == ["ab", "c", "d"]
    (join,) = found.joins
    assert (join.waits_for, join.fork, join.closes) == (("a", "b"), None, True)


def test_a_diamond_closes_where_its_branches_meet() -> None:
    found = of("a>b a>c b>d c>d d>e")

    (join,) = found.joins
    assert (join.at, join.fork, join.closes) == ("d", "a", True)
    assert found.forks[0].meets == "d"


def test_parts_that_nothing_connects_are_all_there() -> None:
    assert levels(of("a>b c d>e")) == ["acd", "be"]


def test_nothing_is_a_schedule_too() -> None:
    assert schedule([], []).order == ()


# -- loops


def test_a_cycle_is_one_place_with_an_order_for_one_pass() -> None:
    found = of("a>b b>c c>b c>d")

    assert levels(found) == ["a", "bc", "d"]
    (loop,) = found.loops
    assert loop.levels == (("b",), ("c",))
    assert loop.back == (("c", "b"),)


def test_a_loop_begins_where_it_is_entered_and_not_at_its_first_name() -> None:
    (loop,) = of("z>m m>a a>b b>m").loops

    assert loop.nodes == ("m", "a", "b")
    assert loop.name == "m"


def test_a_node_that_follows_itself_is_a_loop() -> None:
    (loop,) = of("a>a a>b").loops

    assert (loop.nodes, loop.back) == (("a",), (("a", "a"),))


def test_loops_inside_a_loop_are_one_loop() -> None:
    (loop,) = of("a>b b>c c>b c>d d>a").loops

    assert loop.nodes == ("a", "b", "c", "d")
    assert loop.back == (("c", "b"), ("d", "a"))


def test_a_loop_of_parallel_branches_keeps_them_side_by_side() -> None:
    (loop,) = of("a>b a>c b>d c>d d>a").loops

    assert loop.levels == (("a",), ("b", "c"), ("d",))


def test_a_loop_of_120_nodes_that_all_follow_each_other_is_ordered() -> None:
    names = [f"n{number:03}" for number in range(120)]
    edges = [(start, end) for start in names for end in names if start != end]

    (loop,) = schedule(names, edges).loops

    assert sorted(loop.nodes) == names


def test_an_edge_to_nowhere_is_refused_with_its_name() -> None:
    with pytest.raises(InputInvalid, match="no node 'x'"):
        schedule(["a"], [("a", "x")])


# -- random graphs


def check(graphs: int, seed: int) -> None:
    chance = random.Random(seed)
    for number in range(graphs):
        graph = random_graph(chance)
        found = schedule(graph.nodes, graph.edges)
        again = graph.shuffled(chance)
        assert complaints(graph, found) == [], f"seed {seed}, graph {number}"
        assert found.to_bytes() == schedule(again.nodes, again.edges).to_bytes()
        check_dominators(found, graph.edges, chance)


def check_dominators(found: Schedule, edges: Edges, chance: random.Random) -> None:
    """Check one join by its definition: without its fork nothing leads to it."""
    forked = [join for join in found.joins if join.fork is not None]
    if not forked:
        return
    join = chance.choice(forked)
    graph = nx.DiGraph(edges)
    roots = [node for node in graph if not graph.in_degree(node)]
    assert join.fork is not None
    assert join.at in nx.descendants(graph, join.fork)
    graph.remove_node(join.fork)
    reached = {
        node
        for root in roots
        if root in graph
        for node in (root, *nx.descendants(graph, root))
    }
    assert join.at not in reached


def test_random_graphs_are_scheduled_right_and_alike() -> None:
    check(SAMPLE, seed=1)


@pytest.mark.whole
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_all_random_graphs_are_scheduled_right_and_alike() -> None:
    check(WHOLE, seed=2)


names = st.text("abcdefgh", min_size=1, max_size=2)


@given(st.lists(st.tuples(names, names), max_size=30), st.randoms())
def test_any_graph_with_cycles_has_every_node_once_and_one_result(
    edges: Edges, chance: random.Random
) -> None:
    nodes = [name for edge in edges for name in edge]
    found = schedule(nodes, edges)
    chance.shuffle(nodes)
    chance.shuffle(edges)

    assert sorted(found.order) == sorted(set(nodes))
    assert found.to_bytes() == schedule(nodes, edges).to_bytes()
    place = {name: at for at, name in enumerate(found.order)}
    back = {edge for loop in found.loops for edge in loop.back}
    assert all(place[a] < place[b] for a, b in set(edges) - back)


PROGRAM = """
import random
from analemma.kernelspace.planner.schedule import schedule
edges = {(a, b) for a in "abcdefgh" for b in "abcdefgh" if (ord(a) * ord(b)) % 5 == 1}
print(schedule(set("abcdefgh"), edges).to_bytes().decode())
"""


def test_bytes_are_the_same_in_processes_that_hash_differently() -> None:
    said = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }

    (text,) = said
    assert json.loads(text)["levels"]
