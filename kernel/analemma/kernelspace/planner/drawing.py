"""Draw a plan as a Mermaid flowchart.

Solid arrows are always followed, dotted ones are choices, thick ones are sent to
and may fan out. Nodes are numbered, so that no name can break the drawing.
"""

from collections.abc import Iterator

from langgraph.graph import END, START

from analemma.kernelspace.planner.plan import Plan
from analemma.kernelspace.planner.stops import Kind

_WORDS = {
    Kind.BREAKPOINT_BEFORE: "stops before it for a person",
    Kind.BREAKPOINT_AFTER: "stops after it for a person",
    Kind.ASKS: "may wait for a person",
    Kind.FAN_OUT: "may fan out",
    Kind.SUBGRAPH: "a graph inside one superstep",
    Kind.DEFER: "deferred",
    Kind.ERROR_HANDLER: "has an error handler",
}


def mermaid(plan: Plan) -> str:
    """Return the drawing, the same text for the same plan."""
    return "\n".join(["flowchart TD", *(f"    {line}" for line in _lines(plan))]) + "\n"


def _lines(plan: Plan) -> Iterator[str]:
    ids = {name: f"n{number}" for number, name in enumerate(plan.shape.names)}
    ids |= {START: "start", END: "stop"}
    yield "start([start])"
    for name in plan.shape.names:
        yield f'{ids[name]}["{"<br/>".join([_safe(name), *_marks(plan, name)])}"]'
    yield "stop([end])"
    chosen = {(each.start, end) for each in plan.shape.choices for end in each.ends}
    sent = {(each.start, end) for each in plan.shape.choices for end in each.sent}
    for start, end in plan.shape.all_edges:
        arrow = "-->"
        if (start, end) in sent:
            arrow = "==>"
        elif (start, end) in chosen and (start, end) not in plan.shape.edges:
            arrow = "-.->"
        yield f"{ids[start]} {arrow} {ids[end]}"


def _marks(plan: Plan, name: str) -> Iterator[str]:
    for fact in plan.facts:
        if fact.kind in _WORDS and name in fact.nodes:
            yield _WORDS[fact.kind]


def _safe(name: str) -> str:
    """Return a name as Mermaid's entities, as far as it is not plain."""
    return "".join(
        each if each.isalnum() or each in " _-." else f"#{ord(each)};" for each in name
    )
