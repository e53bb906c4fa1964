"""A plan's arithmetic, and what it refuses."""

import operator
from typing import Annotated, Any, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.graph import END, START, StateGraph
from langgraph.types import RetryPolicy, Send

from analemma.errors import InputInvalid
from analemma.ids import WorkflowDigest
from analemma.kernelspace.planner.assumptions import Assumptions, Bound, Range
from analemma.kernelspace.planner.plan import FARTHEST, Plan, plan
from analemma.kernelspace.planner.shape import Shape, shape_of
from analemma.kernelspace.planner.slicing import Counts
from analemma.kernelspace.planner.stops import Kind
from analemma.kernelspace.program import Program
from analemma.records.budget import Budget
from analemma.records.policy import FanOutPolicy, KernelPolicy, SlicePolicy

POLICY = KernelPolicy()


class State(TypedDict, total=False):
    seen: Annotated[list[int], operator.add]


def nothing(state: State) -> State:
    return {}


def graph_of(*edges: tuple[str, str]) -> StateGraph[Any, Any, Any, Any]:
    graph = StateGraph(State)
    for name in sorted({name for edge in edges for name in edge} - {START, END}):
        graph.add_node(name, nothing)
    for start, end in edges:
        graph.add_edge(start, end)
    return graph


def shaped(
    graph: StateGraph[Any, Any, Any, Any], limit: int | None = None, **options: Any
) -> Shape:
    compiled = graph.compile(**options)
    program = Program("w", WorkflowDigest("d" * 64), compiled, recursion_limit=limit)
    return shape_of(program)


def loop() -> StateGraph[Any, Any, Any, Any]:
    graph = graph_of((START, "a"), ("a", "b"))
    return graph.add_conditional_edges("b", lambda state: "a", ["a", END])


def scatter() -> StateGraph[Any, Any, Any, Any]:
    graph = StateGraph(State).add_node("work", nothing).add_node("end", nothing)
    graph.add_conditional_edges(START, lambda state: [Send("work", {})], ["work"])
    return graph.add_edge("work", "end").add_edge("end", END)


def counts(made: Plan, bound: Bound = Bound.EXPECTED) -> Counts:
    return made.estimates[bound].counts


def exactly(seconds: float = 1, tasks: int = 10, passes: int = 3) -> Assumptions:
    return Assumptions(
        seconds=Range.parse(str(seconds)),
        tasks=Range.parse(str(tasks)),
        passes=Range.parse(str(passes)),
        slice_seconds=Range.parse("0"),
        superstep_seconds=Range.parse("0"),
    )


CHAIN = graph_of((START, "a"), ("a", "b"), ("b", "c"), ("c", END))


# -- supersteps and slices


def test_a_chain_is_one_slice_of_one_superstep_a_node_and_one_to_start() -> None:
    found = counts(plan(shaped(CHAIN), POLICY, exactly()))

    assert (found.supersteps, found.tasks, found.slices) == (4, 4, 1)
    assert found.transitions == 3  # Slice, Route, Done
    assert found.slice_ms == 3000  # LangGraph's own first superstep takes no time


def test_time_cuts_slices_before_the_superstep_that_would_not_fit() -> None:
    assumed = Assumptions(
        seconds=Range.parse("40"),
        slice_seconds=Range.parse("0"),
        superstep_seconds=Range.parse("0"),
        timeout_seconds=100,
    )
    found = counts(plan(shaped(CHAIN), POLICY, assumed))

    # 90 s may be used: two supersteps of 40 s a slice, of four in all.
    assert found.slices == 2
    assert found.longest_slice_ms == 80_000


def test_the_policy_cuts_slices_at_its_number_of_supersteps() -> None:
    policy = KernelPolicy(slices=SlicePolicy(supersteps=2))
    made = plan(shaped(loop()), policy, exactly(passes=10))

    assert counts(made).supersteps == 21
    assert counts(made).slices == 11
    assert counts(made).transitions == 11 * 2 + 1
    assert [fact.kind for fact in made.stops] == [Kind.CAP]


def test_many_slices_renew_their_execution() -> None:
    policy = KernelPolicy(slices=SlicePolicy(supersteps=1, renew_after_slices=10))
    found = counts(plan(shaped(loop()), policy, exactly(passes=15)))

    assert (found.slices, found.executions) == (31, 4)
    assert found.transitions == 31 * 2 + 1 + 3 * 4


def test_branches_run_side_by_side_and_take_as_long_as_the_longest() -> None:
    graph = graph_of((START, "a"), (START, "b"), ("a", END), ("b", END))
    assumed = exactly()
    assumed = Assumptions(
        seconds=Range.parse("0"),
        seconds_of={"a": Range.parse("5"), "b": Range.parse("3")},
        slice_seconds=assumed.slice_seconds,
        superstep_seconds=assumed.superstep_seconds,
    )
    found = counts(plan(shaped(graph), POLICY, assumed))

    assert (found.supersteps, found.tasks, found.slice_ms) == (2, 3, 5000)


# -- fan-outs


@pytest.mark.parametrize(("tasks", "workers"), [(7, 0), (8, 1), (10, 1), (25, 3)])
def test_sent_tasks_leave_the_slice_from_the_policys_number_on(
    tasks: int, workers: int
) -> None:
    made = plan(shaped(scatter()), POLICY, exactly(tasks=tasks))
    found = counts(made)

    assert found.workers == workers
    assert found.slices == (2 if workers else 1)
    assert found.transitions == (3 + 1 + workers + 2 if workers else 3)
    assert made.stops[0].kind is Kind.FAN_OUT


def test_a_batch_takes_as_many_turns_as_its_worker_has_threads_for() -> None:
    policy = KernelPolicy(fan_out=FanOutPolicy(batch_size=10))
    found = counts(plan(shaped(scatter()), policy, exactly(seconds=2, tasks=25)))

    # Batches of 10, 10 and 5 with four threads: 3, 3 and 2 turns of 2 s.
    assert found.worker_ms == (3 + 3 + 2) * 2000


def test_parallel_branches_that_nobody_sends_never_fan_out() -> None:
    edges = [(START, f"n{number}") for number in range(20)]
    made = plan(shaped(graph_of(*edges)), POLICY, exactly())

    assert counts(made).fan_outs == 0
    assert made.stops == ()


# -- people


@pytest.mark.parametrize("when", ["interrupt_before", "interrupt_after"])
def test_a_breakpoint_is_a_wait_and_another_slice(when: str) -> None:
    found = counts(plan(shaped(CHAIN, **{when: ["b"]}), POLICY, exactly()))

    assert (found.approvals, found.slices) == (1, 2)
    assert found.transitions == 2 + 2 + 2 + 1


def test_a_breakpoint_after_the_last_node_holds_nothing_back() -> None:
    found = counts(plan(shaped(CHAIN, interrupt_after=["c"]), POLICY, exactly()))

    assert found.approvals == 0


# -- bounds


def test_the_lower_bound_takes_the_end_that_is_over_soonest() -> None:
    graph = graph_of((START, "a"), ("b", "c"), ("c", END))
    graph.add_conditional_edges("a", lambda state: "b", ["b", END])
    made = plan(shaped(graph), POLICY, Assumptions())

    assert [counts(made, bound).supersteps for bound in Bound] == [2, 4, 4]


def test_the_lower_bound_waits_for_every_plain_edge() -> None:
    graph = graph_of((START, "a"), (START, "b"), ("b", "c"), ("a", END), ("c", END))
    made = plan(shaped(graph), POLICY, Assumptions())

    assert counts(made, Bound.LOWER).supersteps == 3


@pytest.mark.parametrize(
    ("limit", "budget", "most"), [(None, 77, 77), (12, 77, 12), (99, 50, 50)]
)
def test_loops_are_bounded_by_the_smaller_of_budget_and_recursion_limit(
    limit: int | None, budget: int, most: int
) -> None:
    policy = KernelPolicy(budget=Budget(supersteps=budget))
    made = plan(shaped(loop(), limit), policy, Assumptions())

    assert counts(made, Bound.UPPER).supersteps == made.limit.supersteps == most
    assert counts(made, Bound.EXPECTED).supersteps == 7


def test_without_any_limit_a_plan_ends_at_langgraphs_default() -> None:
    policy = KernelPolicy(budget=Budget())
    made = plan(shaped(loop()), policy, Assumptions())

    assert made.limit.source == "LangGraph's default recursion limit"
    assert made.limit.supersteps < FARTHEST


def test_a_limit_beyond_all_reason_does_not_make_a_plan_endless() -> None:
    policy = KernelPolicy(budget=Budget(supersteps=10**12))

    assert plan(shaped(loop()), policy, exactly()).limit.supersteps == FARTHEST


def test_a_loop_that_nothing_leaves_runs_to_the_limit_even_at_best() -> None:
    endless = graph_of((START, "a"), ("a", "b"), ("b", "a"))
    made = plan(shaped(endless), POLICY, Assumptions())

    assert counts(made, Bound.LOWER).supersteps == 1000


def test_of_two_open_loops_the_dearer_one_makes_the_upper_bound() -> None:
    graph = graph_of((START, "a"), ("b", END))
    graph.add_conditional_edges("a", lambda state: "a", ["a", "b"])
    graph.add_conditional_edges("b", lambda state: "b", ["b", END])
    assumed = Assumptions(seconds=Range.parse("0"), seconds_of={"b": Range.parse("9")})
    policy = KernelPolicy(budget=Budget(supersteps=102))
    found = counts(plan(shaped(graph), policy, assumed), Bound.UPPER)

    assert found.supersteps == 102
    assert found.slice_ms >= 100 * 9000


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20), st.booleans())
def test_bounds_are_in_order(low: int, more: int, most: int, fans: bool) -> None:
    ends = f"{low}:{low + more}:{low + more + most}"
    assumed = Assumptions(
        seconds=Range.parse(ends), tasks=Range.parse(ends), passes=Range.parse(ends)
    )
    made = plan(shaped(scatter() if fans else loop()), POLICY, assumed)
    lower, expected, upper = (made.estimates[bound] for bound in Bound)

    assert lower.pico_usd <= expected.pico_usd <= upper.pico_usd
    for figure in ("supersteps", "tasks", "slices", "transitions", "write_units"):
        found = [getattr(each.counts, figure) for each in (lower, expected, upper)]
        assert found == sorted(found), figure


def test_parts_of_the_bill_are_the_bill() -> None:
    made = plan(shaped(CHAIN), POLICY, exactly())
    found = made.estimates[Bound.EXPECTED]

    assert found.pico_usd == sum(part.pico_usd for part in found.parts)
    assert found.gb_seconds == 3.0
    (compute,) = [part for part in found.parts if part.name == "Lambda GB-seconds"]
    assert compute.pico_usd == 3 * 13_333_400


# -- what is refused


@pytest.mark.parametrize("timeout", [900, 300])
def test_a_task_longer_than_its_lambda_is_refused_with_its_name(timeout: int) -> None:
    long = {"b": Range.parse(f"1:1:{timeout + 1}")}
    assumed = Assumptions(
        seconds=Range.parse("1"), seconds_of=long, timeout_seconds=timeout
    )

    with pytest.raises(InputInvalid, match=f"node 'b'.*{timeout + 1} s.*{timeout} s"):
        plan(shaped(CHAIN), POLICY, assumed)


def test_a_figure_of_an_unknown_node_is_refused() -> None:
    assumed = Assumptions(tasks_of={"x": Range.parse("1")})

    with pytest.raises(InputInvalid, match=r"tasks of 'x'.*it has a, b, c"):
        plan(shaped(CHAIN), POLICY, assumed)


@pytest.mark.parametrize(
    "text", ["", "x", "1:2", "3:2:1", "-1", "1:2:3:4", "nan", "inf"]
)
def test_a_range_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputInvalid, match="lower:expected:upper"):
        Range.parse(text)


# -- what is said


def test_what_stays_inside_a_superstep_is_said_with_its_reason() -> None:
    inner = graph_of((START, "x"), ("x", END)).compile()
    graph = graph_of((START, "a"), ("a", END), (START, "skip"), ("skip", "end"))
    graph.add_edge("a", "end")
    graph.add_node("sub", inner, retry_policy=RetryPolicy(max_attempts=4))
    graph.add_edge("a", "sub").add_edge("sub", "end")
    made = plan(shaped(graph), POLICY, exactly())

    said = {(fact.kind, fact.nodes) for fact in made.notes}
    assert (Kind.SUBGRAPH, ("sub",)) in said
    assert (Kind.RETRY, ("sub",)) in said
    assert (Kind.AGAIN, ("end",)) in said


def test_a_join_that_waits_runs_once() -> None:
    graph = graph_of((START, "a"), (START, "b"), ("b", "c"), ("end", END))
    graph.add_edge(["a", "c"], "end")
    made = plan(shaped(graph), POLICY, exactly())

    assert made.notes == ()


def test_a_batch_that_its_lambda_cannot_hold_is_said() -> None:
    made = plan(shaped(scatter()), POLICY, exactly(seconds=400))

    (fact,) = [fact for fact in made.facts if fact.kind is Kind.LONG_BATCH]
    assert "1,200 s" in fact.why
