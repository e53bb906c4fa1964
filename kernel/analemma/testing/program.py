"""A compiled graph as a check runs it, one way or the other."""

from collections.abc import Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph import StateGraph
from langgraph.pregel import Pregel
from langgraph.types import StateSnapshot

from analemma.testing.caller import Caller

Builder = StateGraph[Any, Any, Any, Any]
"""A graph to be compiled. Any: LangGraph's parameters are its author's types."""


class Program:
    """A graph with its checkpointer. Every superstep is durable when it ends."""

    def __init__(self, graph: Pregel[Any, Any, Any, Any], caller: Caller) -> None:
        self._graph = graph
        self._caller = caller

    def invoke(self, given: object, config: RunnableConfig) -> Mapping[str, Any]:
        """Run until the graph ends or waits. Any: the values are the graph's."""
        result: Mapping[str, Any] = self._caller.call(
            self._graph, "invoke", given, config, durability="sync"
        )
        return result

    def invoke_until(
        self, node: str, given: object, config: RunnableConfig
    ) -> Mapping[str, Any]:
        """Run until ``node`` is next."""
        result: Mapping[str, Any] = self._caller.call(
            self._graph,
            "invoke",
            given,
            config,
            durability="sync",
            interrupt_before=[node],
        )
        return result

    def state(
        self, config: RunnableConfig, *, subgraphs: bool = False
    ) -> StateSnapshot:
        """Return the state that ``config`` names."""
        found: StateSnapshot = self._caller.call(
            self._graph, "get_state", config, subgraphs=subgraphs
        )
        return found

    def history(self, config: RunnableConfig) -> list[StateSnapshot]:
        """Return every state of a thread, the newest first."""
        return self._caller.collect(self._graph, "get_state_history", config)

    def update(
        self,
        config: RunnableConfig,
        values: Mapping[str, object],
        as_node: str | None = None,
    ) -> RunnableConfig:
        """Edit a state; return the config of the edited one."""
        edited: RunnableConfig = self._caller.call(
            self._graph, "update_state", config, values, as_node=as_node
        )
        return edited
