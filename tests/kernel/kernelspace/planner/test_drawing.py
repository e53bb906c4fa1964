"""The drawing and the document of a plan: whole, safe, and the same every time."""

import json
import re
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

from analemma.ids import WorkflowDigest
from analemma.kernelspace.planner.assumptions import Assumptions
from analemma.kernelspace.planner.document import document
from analemma.kernelspace.planner.drawing import mermaid
from analemma.kernelspace.planner.plan import Plan, plan
from analemma.kernelspace.planner.shape import shape_of
from analemma.kernelspace.program import Program
from analemma.records.policy import KernelPolicy

NASTY = 'a"]; click n0 "x" <b>'


def made(name: str = "a") -> Plan:
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(dict)
    for each in (name, "work", "end"):
        graph.add_node(each, lambda state: {})
    graph.add_edge(START, name)
    graph.add_conditional_edges(name, lambda state: [Send("work", {})], ["work", "end"])
    graph.add_edge("work", "end").add_edge("end", END)
    compiled = graph.compile(interrupt_before=["end"])
    shape = shape_of(Program("w", WorkflowDigest("d" * 64), compiled))
    return plan(shape, KernelPolicy(), Assumptions())


def test_every_edge_is_drawn_as_what_it_is() -> None:
    assert mermaid(made()).splitlines() == [
        "flowchart TD",
        "    start([start])",
        '    n0["a"]',
        '    n1["end<br/>stops before it for a person"]',
        '    n2["work<br/>may fan out"]',
        "    stop([end])",
        "    start --> n0",
        "    n0 -.-> n1",
        "    n0 ==> n2",
        "    n1 --> stop",
        "    n2 --> n1",
    ]


def test_no_name_of_a_node_breaks_out_of_the_drawing() -> None:
    for line in mermaid(made(NASTY)).splitlines():
        assert re.fullmatch(
            r"flowchart TD| +\w+(\[\"[^\"\]\[]*\"\]|\(\[\w+\]\)| [-=.]+> \w+)", line
        ), line
        assert "<b>" not in line


def test_the_document_is_json_and_the_same_every_time() -> None:
    first, second = (json.dumps(document(made(), None)) for _ in range(2))

    assert first == second
    found = json.loads(first)
    assert list(found["estimates"]) == ["lower", "expected", "upper"]
    for each in found["estimates"].values():
        total = sum(float(part) for part in each["usd_of"].values())
        assert abs(total - float(each["usd"])) < 1e-12
    assert [stop["kind"] for stop in found["stops"]] == ["interrupt_before", "fan_out"]
