"""A program: a workflow loaded into this process, ready to be driven.

The graph carries no checkpointer of its own that counts: the kernel replaces
it, because only the kernel's saver knows the fence.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

from langgraph.pregel import Pregel

from analemma.ids import WorkflowDigest
from analemma.kernelspace.machine import ScriptedAnswer

# Any four times: LangGraph's type of state, context, input and output, which a
# kernel that runs every graph cannot know.
Graph: TypeAlias = Pregel[Any, Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Program:
    """One version of a workflow, as code.

    ``asynchronous`` graphs have nodes without a synchronous form and are driven
    on an event loop. ``recursion_limit`` is what the graph was compiled with
    (``with_config``), None for LangGraph's default.
    """

    name: str
    digest: WorkflowDigest
    graph: Graph
    asynchronous: bool = False
    recursion_limit: int | None = None
    scripted_answer: ScriptedAnswer | None = None


def only_asynchronous(graph: Graph) -> bool:
    """Say whether a node of the graph has no synchronous form."""
    return any(_lacks_synchronous_form(node.bound) for node in graph.nodes.values())


def _lacks_synchronous_form(runnable: object) -> bool:
    steps = getattr(runnable, "steps", None)
    if steps:
        return any(map(_lacks_synchronous_form, steps))
    return hasattr(runnable, "afunc") and getattr(runnable, "func", None) is None
