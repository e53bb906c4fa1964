"""``DeltaChannel``: values that LangGraph rebuilds from the writes of ancestors.

Between two snapshots such a channel is in no checkpoint at all. A saver that
returns its ancestors' writes in another order, of another branch, or not all of
them, rebuilds a value that no execution ever had, and nothing raises.
"""

from collections.abc import Sequence
from typing import Annotated, TypedDict

from langgraph.channels import DeltaChannel
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

from analemma.testing.check import Concern
from analemma.testing.checkpoints import Draft, pushed, put
from analemma.testing.graphs import Item
from analemma.testing.opened import Opened, config_of
from analemma.testing.program import Builder, Program
from analemma.testing.sameness import expect_same
from analemma.testing.trial import Trial

WIDTH = 12
CHANNEL = "items"


def extend(state: list[int], writes: Sequence[list[int]]) -> list[int]:
    """Append all writes; order shows in the result."""
    return [*state, *(item for write in writes for item in write)]


class Gathered(TypedDict):
    """A list that is stored as what was written to it."""

    items: Annotated[list[int], DeltaChannel(extend, snapshot_frequency=3)]
    rounds: int


class Turns(TypedDict):
    """What a node of the graph may write beside the list."""

    rounds: int


def parallel_sends_are_rebuilt_in_order(trial: Trial) -> None:
    """12 parallel Sends reload as 0 to 11, one round without a snapshot."""
    _expect_rebuilt(trial, 1)


def rounds_over_a_snapshot_are_rebuilt_in_order(trial: Trial) -> None:
    """Three to five rounds of 12 Sends reload in order, across snapshots."""
    # Three, so that one of them does not end at a snapshot.
    for rounds in (3, 4, 5):
        _expect_rebuilt(trial, rounds)


def every_past_state_is_rebuilt(trial: Trial) -> None:
    """The list of every past checkpoint is what ``InMemorySaver`` rebuilds."""
    seen: list[list[object]] = []
    for opened in (trial.reference(), trial.open()):
        thread_id = trial.thread_id()
        program = trial.program(opened, fanning(4))
        program.invoke({"items": [], "rounds": 0}, config_of(thread_id))
        if seen:
            program = trial.program(trial.open(), fanning(4))
        states = program.history(config_of(thread_id))
        seen.append([state.values.get(CHANNEL) for state in states])
    expect_same("the lists of all checkpoints, newest first", seen[0], seen[1])


def branches_are_rebuilt_apart(trial: Trial) -> None:
    """Two branches from the middle, grown in turn, each have their own writes.

    LangGraph begins a branch with a snapshot, so the trunk is what hangs on the
    saver here; ``history_of_a_fork_leaves_the_trunk_out`` asks it directly.
    """
    seen: list[list[object]] = []
    for is_reference in (True, False):
        config = config_of(trial.thread_id())
        reference = trial.reference()

        def open_program(
            reference: Opened = reference, is_reference: bool = is_reference
        ) -> Program:
            opened = reference if is_reference else trial.open()
            return trial.program(opened, fanning(4))

        program = open_program()
        program.invoke({"items": [], "rounds": 0}, config)
        trunk = program.history(config)[0].config
        past = next(s.config for s in program.history(config) if s.next == ("check",))
        heads = [past, past]
        for turn in range(4):
            program = open_program()
            head = heads[turn % 2]
            heads[turn % 2] = program.update(head, {"items": [turn]}, as_node="work")
        lists = [open_program().state(head).values[CHANNEL] for head in (*heads, trunk)]
        seen.append(lists)
    expect_same("the lists of two branches and the trunk", seen[0], seen[1])


def history_has_the_writes_on_the_path_in_order(trial: Trial) -> None:
    """The history is the path's writes, oldest first, from the seed on.

    The target's own writes are of the next superstep and are left out.
    """
    tree = _tree(trial)
    opened = trial.open()
    _expect_history(opened, tree["trunk"], ["seed"], ["r0", "r1", *_many("t")])
    _expect_history(opened, tree["root"], None, [])


def history_of_a_fork_leaves_the_trunk_out(trial: Trial) -> None:
    """The history of a branch has the common writes and its own, no others."""
    tree = _tree(trial)
    _expect_history(trial.open(), tree["fork"], ["seed"], ["r0", "r1", "f0"])


def history_ends_at_the_nearest_value(trial: Trial) -> None:
    """A stored value ends the walk, for its channel alone."""
    opened = trial.open()
    tree = _tree(trial)
    values = {CHANNEL: ["nearer"]}
    near = put(opened, tree["trunk"].thread_id, values, parent=tree["trunk"])
    opened.put_writes(near.config, [(CHANNEL, "n0"), ("other", "o1")], "n", pushed(0))
    after = put(opened, near.thread_id, {}, parent=near, unstored=[CHANNEL])
    fresh = trial.open()
    _expect_history(fresh, after, ["nearer"], ["n0"])
    found = fresh.delta_history(after.config, [CHANNEL, "other", "none"])
    expect_same("the other channel's seed", None, found["other"].get("seed"))
    others = [value for _, _, value in found["other"]["writes"]]
    expect_same("the other channel's writes", ["o0", "o1"], others)
    expect_same("an unknown channel", {"writes": []}, dict(found["none"]))


def history_is_whole_after_copy_thread(trial: Trial) -> None:
    """A copy rebuilds the same list, and its history is the source's."""
    opened = trial.offered("copy_thread")
    tree = _tree(trial)
    target = trial.thread_id()
    opened.copy_thread(tree["fork"].thread_id, target)
    config = config_of(target, "", tree["fork"].checkpoint["id"])
    found = trial.open().delta_history(config, [CHANNEL])[CHANNEL]
    writes = [value for _, _, value in found["writes"]]
    expect_same("the copy's writes", ["r0", "r1", "f0"], writes)
    source, copy = trial.thread_id(), trial.thread_id()
    _run(trial, trial.open(), source, 4)
    opened.copy_thread(source, copy)
    state = trial.program(trial.open(), fanning(4)).state(config_of(copy))
    expect_same("the copy's list", expected(4), state.values[CHANNEL])


def the_list_is_whole_after_prune(trial: Trial) -> None:
    """``prune`` keeps what the latest checkpoint's list is rebuilt from."""
    trial.offered("prune")
    thread_id = trial.thread_id()
    config = config_of(thread_id)
    _run(trial, trial.open(), thread_id, 4)
    trial.open().prune(thread_id)
    pruned = trial.program(trial.open(), fanning(6))
    expect_same("the list", expected(4), pruned.state(config).values[CHANNEL])
    pruned.update(config, {"rounds": 4}, as_node="check")
    pruned.invoke(None, config)
    again = trial.program(trial.open(), fanning(6)).state(config)
    expect_same("the list as it grew on", expected(6), again.values[CHANNEL])


def fanning(rounds: int) -> Builder:
    """Return a graph that sends 12 tasks a round, each writing its number."""

    def work(state: Item) -> dict[str, list[int]]:
        return {"items": [state["item"]]}

    def turn(state: Gathered) -> Turns:
        return {"rounds": state["rounds"] + 1}

    def spread(state: Gathered) -> list[Send]:
        first = 100 * state["rounds"]
        return [Send("work", {"item": first + n}) for n in range(WIDTH)]

    def again(state: Gathered) -> str:
        return "turn" if state["rounds"] < rounds else END

    builder = StateGraph(Gathered)
    builder.add_node("turn", turn)
    builder.add_node("work", work, input_schema=Item)
    builder.add_node("check", lambda state: {})  # noqa: ARG005 - the same
    builder.add_edge(START, "turn")
    builder.add_conditional_edges("turn", spread, ["work"])
    builder.add_edge("work", "check")
    builder.add_conditional_edges("check", again, ["turn", END])
    return builder


def expected(rounds: int) -> list[int]:
    """Return the list after so many rounds."""
    return [100 * (turn + 1) + n for turn in range(rounds) for n in range(WIDTH)]


def _run(trial: Trial, opened: Opened, thread_id: str, rounds: int) -> Program:
    program = trial.program(opened, fanning(rounds))
    program.invoke({"items": [], "rounds": 0}, config_of(thread_id))
    return program


def _expect_rebuilt(trial: Trial, rounds: int) -> None:
    thread_id = trial.thread_id()
    _run(trial, trial.open(), thread_id, rounds)
    state = trial.program(trial.open(), fanning(rounds)).state(config_of(thread_id))
    expect_same("the reloaded list", expected(rounds), state.values[CHANNEL])


def _many(prefix: str) -> list[str]:
    return [f"{prefix}{n:02d}" for n in range(WIDTH)]


def _tree(trial: Trial) -> dict[str, Draft]:
    """Store root, then a trunk and a fork of it; return their last checkpoints.

    Tasks are recorded in reverse, under ids that disagree with their paths.
    """
    opened = trial.open()
    thread_id = trial.thread_id()
    root = put(opened, thread_id, {CHANNEL: ["seed"]})
    opened.put_writes(root.config, [(CHANNEL, "r1")], "1", pushed(1))
    opened.put_writes(root.config, [(CHANNEL, "r0"), ("other", "o0")], "2", pushed(0))
    trunk = put(opened, thread_id, {}, parent=root, unstored=[CHANNEL])
    for n, value in reversed(list(enumerate(_many("t")))):
        opened.put_writes(trunk.config, [(CHANNEL, value)], f"{20 - n:02d}", pushed(n))
    last = put(opened, thread_id, {}, parent=trunk, unstored=[CHANNEL])
    opened.put_writes(last.config, [(CHANNEL, "pending")], "p", pushed(0))
    other = trial.open()
    other.load(root.config)
    side = put(other, thread_id, {}, parent=root, unstored=[CHANNEL])
    other.put_writes(side.config, [(CHANNEL, "f0")], "1", pushed(0))
    fork = put(other, thread_id, {}, parent=side, unstored=[CHANNEL])
    return {"root": root, "trunk": last, "fork": fork}


def _expect_history(
    opened: Opened, target: Draft, seed: list[str] | None, writes: list[str]
) -> None:
    found = opened.delta_history(target.config, [CHANNEL])[CHANNEL]
    expect_same("the seed", seed, found.get("seed"))
    expect_same("the writes", writes, [value for _, _, value in found["writes"]])


CHECKS = Concern(
    "delta",
    (
        parallel_sends_are_rebuilt_in_order,
        rounds_over_a_snapshot_are_rebuilt_in_order,
        every_past_state_is_rebuilt,
        branches_are_rebuilt_apart,
        history_has_the_writes_on_the_path_in_order,
        history_of_a_fork_leaves_the_trunk_out,
        history_ends_at_the_nearest_value,
        history_is_whole_after_copy_thread,
        the_list_is_whole_after_prune,
    ),
)
