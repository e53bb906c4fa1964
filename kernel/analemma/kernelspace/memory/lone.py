"""Which checkpoints are followed by one task at most.

Asked of LangGraph's own tables, as its planner asks them
(``langgraph.pregel``, ``trigger_to_nodes``): a node runs if a channel it is
triggered by was updated, and beside those run the tasks that ``Send`` asked
for. Counting candidates can only overstate; so one is one.
"""

from collections.abc import Mapping

from langgraph.checkpoint.base import Checkpoint
from langgraph.pregel import Pregel

from analemma.kernelspace.langgraph_compat import TASKS
from analemma.kernelspace.program import Graph


class LoneTasks:
    """The graph whose checkpoints are judged, with the graphs inside it."""

    def __init__(self, graph: Graph) -> None:
        self._graphs: Mapping[str, Graph] = {"": graph, **_inner(graph)}

    def follows(self, namespace: str, checkpoint: Checkpoint) -> bool:
        """Say whether at most one task runs after this checkpoint."""
        graph = self._graphs.get(_names(namespace))
        updated = checkpoint.get("updated_channels")
        if graph is None or not updated:
            return False
        triggers = graph.trigger_to_nodes
        nodes = {node for channel in updated for node in triggers.get(channel, ())}
        sends = checkpoint["channel_values"].get(TASKS) or ()
        return len(nodes) + len(sends) <= 1


def _inner(graph: Graph) -> dict[str, Graph]:
    return {
        name: inner
        for name, inner in graph.get_subgraphs(recurse=True)
        if isinstance(inner, Pregel)
    }


def _names(namespace: str) -> str:
    """Return the nodes of a namespace: ``a:<task>|b:<task>`` is ``a|b``."""
    parts = (part.split(":", 1)[0] for part in namespace.split("|"))
    return "|".join(part for part in parts if not part.isdecimal())
