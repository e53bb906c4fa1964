"""The log, as people are shown it."""

from itertools import pairwise

from analemma.kernelspace.memory.log import EntryKind, entries, node_of, state_at
from analemma.kernelspace.memory.namespaces import namespaces
from memory_backends import OWNER, RUN, Backend, MemoryBackend, config_of
from memory_checkpoints import loaded, put
from memory_graphs import appending, limits, run_in_slices
from memory_moments import grown


def test_log_tells_a_runs_story_in_order(backend: Backend) -> None:
    backend.saver().claim(RUN, "slice 1")
    run_in_slices(backend.saver)
    told = list(entries(backend.records, backend.pages, OWNER, RUN))
    assert [entry.number for entry in told] == list(range(1, len(told) + 1))
    claim, first = told[0], told[1]
    assert (claim.kind, claim.label, claim.writes) == (
        EntryKind.CLAIM,
        "slice 1",
        (),
    )
    assert (first.kind, first.step, first.source) == (
        EntryKind.CHECKPOINT,
        -1,
        "input",
    )
    by_parent = {entry.checkpoint_id: entry for entry in told[1:]}
    for before, after in pairwise(told[1:]):
        assert after.parent_id == before.checkpoint_id
        assert after.step == (before.step or 0) + 1
    assert len(by_parent) == len(told) - 1
    nodes = {write.node for entry in told for write in entry.writes}
    assert {"plan", "side", "join", "ask_twice", "fail", "finish"} <= nodes
    asked = [w for e in told for w in e.writes if w.node == "ask_twice"]
    assert [write.finished for write in asked] == [False, True]
    assert asked[0].channels == ("__interrupt__", "__resume__")


def test_log_is_told_without_any_channel_value(memory: MemoryBackend) -> None:
    put(memory.saver(), x="large " * 10_000)
    memory.pages.cells.clear()
    (entry,) = entries(memory.records, memory.pages, OWNER, RUN)
    assert entry.kind is EntryKind.CHECKPOINT
    assert entry.body_bytes == memory.records.written_bytes
    assert memory.pages.calls["get"] == 0


def test_log_counts_the_pages_each_record_brought(memory: MemoryBackend) -> None:
    saver = memory.saver()
    config = put(saver, xs=["one " * 40])
    saver.put_writes(config, [("xs", ["two " * 40])], "task", "~__pregel_pull, node")
    put(saver, config, xs=["one " * 40, "two " * 40])
    first, second = entries(memory.records, memory.pages, OWNER, RUN)
    assert (first.new_pages, second.new_pages) == (1, 0)
    (write,) = first.writes
    assert (write.node, write.new_pages, write.finished) == ("node", 1, True)


def test_lone_tasks_are_told_with_the_checkpoint_they_ran_for(
    memory: MemoryBackend,
) -> None:
    element = "an element " * 20
    graphs = [appending(3, lambda n: f"{element}{n}") for _ in range(2)]
    known, unknown = memory.saver(), MemoryBackend()
    for graph in (
        known.bind(graphs[0].compile()),
        graphs[1].compile(checkpointer=unknown.saver()),
    ):
        graph.invoke({"items": [], "done": 0}, limits(3), durability="sync")

    def told(backend: MemoryBackend) -> list[list[tuple[object, ...]]]:
        return [
            [(w.node, w.task_path, w.channels, w.finished) for w in entry.writes]
            for entry in entries(backend.records, backend.pages, OWNER, RUN)
        ]

    assert told(memory) == told(unknown)
    alone = [
        w for e in entries(memory.records, memory.pages, OWNER, RUN) for w in e.writes
    ]
    assert [write.node for write in alone[1:]] == ["grow"] * 3
    # They have no record of their own; their pages are the next entry's.
    assert {(write.body_bytes, write.new_pages) for write in alone[1:]} == {(0, 0)}
    assert not any("/w/" in sort for _, sort in memory.records.cells)


def test_claim_between_a_checkpoint_and_the_next_hides_no_writes(
    memory: MemoryBackend,
) -> None:
    saver = memory.saver()
    config = put(saver, x=1)
    saver.put_writes(config, [("x", 2)], "task", "~__pregel_pull, node")
    saver.claim(RUN, "slice 2")
    put(saver, config, x=2)
    told = list(entries(memory.records, memory.pages, OWNER, RUN))
    assert [entry.kind for entry in told] == [
        EntryKind.CHECKPOINT,
        EntryKind.CLAIM,
        EntryKind.CHECKPOINT,
    ]
    assert [[write.node for write in entry.writes] for entry in told] == [
        ["node"],
        [],
        [],
    ]


def test_log_of_a_pruned_run_tells_what_is_left(memory: MemoryBackend) -> None:
    configs = grown(memory.saver(), 6)
    before = list(entries(memory.records, memory.pages, OWNER, RUN))
    memory.saver().prune([RUN])
    (left,) = entries(memory.records, memory.pages, OWNER, RUN)
    assert left == before[-1]
    assert left.parent_id == configs[-2]["configurable"]["checkpoint_id"]
    assert left.step == 5


def test_log_tells_of_branches_from_any_entry(memory: MemoryBackend) -> None:
    saver = memory.saver()
    trunk = grown(saver, 5)
    put(memory.saver(), trunk[1], step=2, xs=["a branch"])
    loaded(saver)
    put(saver, trunk[2], step=3, xs=["another"])
    told = list(entries(memory.records, memory.pages, OWNER, RUN))
    ids = [entry.checkpoint_id for entry in told]
    parents = [ids.index(entry.parent_id) for entry in told[1:]]
    assert parents == [0, 1, 2, 3, 1, 2]
    assert [entry.step for entry in told] == [0, 1, 2, 3, 4, 2, 3]


def test_log_of_a_subgraph_stands_by_itself(memory: MemoryBackend) -> None:
    run_in_slices(memory.saver)
    root, inner = namespaces(memory.records, OWNER, RUN)
    assert root == ""
    assert inner.startswith("inner:")
    told = list(entries(memory.records, memory.pages, OWNER, RUN, inner))
    assert {write.node for entry in told for write in entry.writes} >= {
        "consider",
        "approve",
    }
    assert all(entry.namespace == inner for entry in told)


def test_state_at_a_checkpoint_is_what_it_was(memory: MemoryBackend) -> None:
    saver = memory.saver()
    first = put(saver, x=1)
    put(saver, first, x=2)
    checkpoint_id = first["configurable"]["checkpoint_id"]
    then = state_at(memory.saver(), RUN, checkpoint_id)
    now = state_at(memory.saver(), RUN)
    assert then is not None
    assert now is not None
    assert then.checkpoint["channel_values"] == {"x": 1}
    assert now.checkpoint == loaded(memory.saver(), config_of()).checkpoint
    assert state_at(memory.saver(), "run-unknown") is None


def test_path_of_a_sent_task_names_no_node() -> None:
    assert node_of("~__pregel_push, 0000000003") is None
    assert node_of("~__pregel_pull, my node") == "my node"
    assert node_of("") is None


def test_run_without_a_log_has_no_entries(memory: MemoryBackend) -> None:
    assert list(entries(memory.records, memory.pages, OWNER, RUN)) == []
    assert list(namespaces(memory.records, OWNER, RUN)) == []
