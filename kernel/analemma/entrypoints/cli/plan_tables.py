"""Print a plan as tables, for people.

Names of nodes and a model's reasons come from strangers: none is read as markup.
"""

from collections.abc import Callable, Sequence

from rich.markup import escape
from rich.table import Table

from analemma.entrypoints.cli import outcome
from analemma.kernelspace.planner.advice import Advice
from analemma.kernelspace.planner.assumptions import Bound
from analemma.kernelspace.planner.costs import Estimate
from analemma.kernelspace.planner.plan import Plan
from analemma.kernelspace.planner.schedule import Group
from analemma.kernelspace.planner.stops import Fact
from analemma.records.prices import usd

_FIGURES: tuple[tuple[str, Callable[[Estimate], str]], ...] = (
    ("supersteps", lambda each: f"{each.counts.supersteps:,}"),
    ("tasks", lambda each: f"{each.counts.tasks:,}"),
    ("slices", lambda each: f"{each.counts.slices:,}"),
    ("fan-outs", lambda each: f"{each.counts.fan_outs:,}"),
    ("worker calls", lambda each: f"{each.counts.workers:,}"),
    ("approvals", lambda each: f"{each.counts.approvals:,}"),
    ("executions", lambda each: f"{each.counts.executions:,}"),
    ("state transitions", lambda each: f"{each.counts.transitions:,}"),
    ("Lambda requests", lambda each: f"{each.counts.lambda_requests:,}"),
    ("Lambda GB-seconds", lambda each: f"{each.gb_seconds:,.1f}"),
    ("DynamoDB writes", lambda each: f"{each.counts.dynamodb_writes:,}"),
    ("  write units", lambda each: f"{each.counts.write_units:,}"),
    ("DynamoDB reads", lambda each: f"{each.counts.dynamodb_reads:,}"),
    ("  read units", lambda each: f"{each.counts.read_units:,}"),
    ("S3 writes", lambda each: f"{each.counts.s3_puts:,}"),
    ("S3 reads", lambda each: f"{each.counts.s3_gets:,}"),
    ("dollars", lambda each: f"{usd(each.pico_usd):,.6f}"),
    ("  without compute", lambda each: f"{usd(_without_compute(each)):,.6f}"),
)


def show(plan: Plan, advice: Advice | None) -> None:
    """Print the plan."""
    shape = plan.shape
    nodes = "1 node" if len(shape.nodes) == 1 else f"{len(shape.nodes):,} nodes"
    _say(
        f"[bold]{escape(shape.name)}[/]  {nodes}, at most "
        f"{plan.limit.supersteps:,} supersteps ({plan.limit.source})"
    )
    _print(_places(plan))
    _facts("stops a slice", plan.stops, "nothing but its time stops a slice")
    if plan.notes:
        _facts("to know", plan.notes, "")
    _print(_estimates(plan))
    _assumed(plan)
    if advice is not None:
        _advice(advice)


def _places(plan: Plan) -> Table:
    table = _table()
    table.add_column("place", justify="right", no_wrap=True)
    table.add_column("nodes", overflow="fold")
    table.add_column("tasks", no_wrap=True)
    table.add_column("joins", overflow="fold")
    sent = set(plan.shape.sent)
    joins = {join.at: join for join in plan.schedule.joins}
    for number, level in enumerate(plan.schedule.levels, start=1):
        for group in level:
            join = joins.get(group.name)
            waits = "" if join is None else ", ".join(join.waits_for)
            table.add_row(
                str(number),
                escape(_words(group)),
                _tasks(plan, [node for node in group.nodes if node in sent]),
                escape(waits),
            )
    return table


def _words(group: Group) -> str:
    steps = ", then ".join(" + ".join(level) for level in group.levels)
    return f"loop: {steps}" if group.is_loop else steps


def _tasks(plan: Plan, sent: Sequence[str]) -> str:
    if not sent:
        return "1"
    ends = [
        max(plan.assumptions.tasks_for(node, bound) for node in sent) for bound in Bound
    ]
    fans = ends[-1] >= plan.policy.fan_out.min_tasks
    text = " / ".join(f"{end:,}" for end in dict.fromkeys(ends))
    return f"{text}, may fan out" if fans else text


def _facts(heading: str, facts: Sequence[Fact], nothing: str) -> None:
    if not facts:
        _say(nothing)
        return
    table = _table()
    table.add_column(heading, no_wrap=True)
    table.add_column("node", overflow="fold")
    table.add_column("why", overflow="fold")
    for fact in facts:
        table.add_row(str(fact.kind), escape(", ".join(fact.nodes)), escape(fact.why))
    _print(table)


def _estimates(plan: Plan) -> Table:
    table = _table()
    table.add_column("one run", no_wrap=True)
    for bound in Bound:
        table.add_column(str(bound), justify="right", no_wrap=True)
    for name, figure in _FIGURES:
        table.add_row(name, *(figure(plan.estimates[bound]) for bound in Bound))
    return table


def _assumed(plan: Plan) -> None:
    assumed = plan.assumptions
    table = _table()
    table.add_column("assumed", no_wrap=True)
    table.add_column("lower / expected / upper", overflow="fold")
    for name, general, by_node in (
        ("seconds a task", assumed.seconds, assumed.seconds_of),
        ("tasks sent", assumed.tasks, assumed.tasks_of),
        ("passes of a loop", assumed.passes, assumed.passes_of),
        ("bytes a task", assumed.task_bytes, assumed.task_bytes_of),
    ):
        table.add_row(name, str(general))
        for node in sorted(by_node):
            table.add_row(f"  of {escape(node)}", str(by_node[node]))
    table.add_row("seconds of a slice besides", str(assumed.slice_seconds))
    table.add_row("seconds of a superstep besides", str(assumed.superstep_seconds))
    table.add_row(
        "a Lambda", f"{assumed.timeout_seconds:,} s, {assumed.memory_mb:,} MB, arm64"
    )
    _print(table)
    _say(
        "Not in it: models, failures, logs, storage, transfer, KMS. "
        "List prices of us-east-1."
    )


def _advice(advice: Advice) -> None:
    _say(
        f"\nadvice of {escape(advice.model)}: {len(advice.taken)} taken, "
        f"{len(advice.refused)} refused, {advice.input_tokens:,} + "
        f"{advice.output_tokens:,} tokens, {advice.micro_usd:,} micro-dollars"
    )
    if not advice.taken and not advice.refused:
        return
    table = _table()
    table.add_column("", no_wrap=True)
    table.add_column("suggestion", overflow="fold")
    table.add_column("why", overflow="fold")
    for taken in advice.taken:
        table.add_row("taken", escape(taken.suggestion), escape(taken.why))
    for refused in advice.refused:
        table.add_row("refused", escape(refused.suggestion), escape(refused.reason))
    _print(table)


def _without_compute(found: Estimate) -> int:
    return sum(
        part.pico_usd for part in found.parts if part.name != "Lambda GB-seconds"
    )


def _table() -> Table:
    return Table(box=None, pad_edge=False, header_style="bold")


def _print(table: Table) -> None:
    outcome.console.print()
    # A cell wraps inside its column; the console's own way would run on.
    outcome.console.print(table, soft_wrap=False)


def _say(text: str) -> None:
    outcome.console.print(text, soft_wrap=False)
