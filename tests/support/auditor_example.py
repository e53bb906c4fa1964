"""The examples, loaded by the kernel's own loader and run by plain LangGraph.

No part of the runtime drives them here: only an in-memory checkpointer does.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, StateSnapshot

from analemma.hardware.ports.models import ModelProvider
from analemma.hardware.providers.scripted import ScriptedProvider
from analemma.kernelspace.program import Program
from analemma.models import use_model
from analemma.userspace.targets import load_program, parse_target

EXAMPLES = Path(__file__).parents[2] / "examples"
AUDITOR = "auditor/auditor/graph.py"
_THREAD: RunnableConfig = {"configurable": {"thread_id": "alone"}}


def load_example(path: str) -> Program:
    """Load ``graph`` of the file ``path`` below ``examples/``."""
    return load_program(parse_target(f"{EXAMPLES / path}:graph"))


class AloneRun:
    """One thread of an example's graph, in memory.

    ``model`` None stands for no API key: the example's script answers.
    """

    def __init__(self, path: str, model: ModelProvider | None = None) -> None:
        program = load_example(path)
        self._graph = program.graph.copy({"checkpointer": InMemorySaver()})
        self._model = model or ScriptedProvider(program.scripted_answer or [])

    # Any: LangGraph types what goes into a graph and comes out of it as Any.
    def start(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Run from ``inputs`` to the end or to the first question."""
        return self._invoke(dict(inputs))

    def answer(self, answer: object) -> dict[str, Any]:
        """Answer the one open question, and run on."""
        return self._invoke(Command(resume=answer))

    def snapshot(self) -> StateSnapshot:
        """Return where the run stands."""
        return self._graph.get_state(_THREAD)

    def history(self) -> list[StateSnapshot]:
        """Return every checkpoint, oldest first."""
        return list(self._graph.get_state_history(_THREAD))[::-1]

    def question(self) -> dict[str, Any]:
        """Return what the one open question shows."""
        (interrupt,) = self.snapshot().interrupts
        shown: dict[str, Any] = interrupt.value
        return shown

    def _invoke(self, given: object) -> dict[str, Any]:
        with use_model(self._model):
            result: dict[str, Any] = self._graph.invoke(given, _THREAD)
        return result


# Any: a finding is JSON of the example, whose package no path leads to here.
def findings_of(package: str) -> dict[str, dict[str, Any]]:
    """Audit ``package`` and return what was found out about each path."""
    run = AloneRun(AUDITOR)
    run.start({"package": package})
    findings = run.snapshot().values["findings"]
    return {finding["path"]: finding for finding in findings}
