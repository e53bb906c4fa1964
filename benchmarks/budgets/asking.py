"""The graphs that are measured: ``tasks`` questions to the model, all at once.

``workers`` asks them in tasks of one superstep, ``threads`` in one task.
``limit`` above 0 has them ask through a meter that only checks, as ours did before
it reserved: it reads the ledger, compares, and asks.
"""

import operator
import os
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langgraph.config import get_config
from langgraph.graph import START, StateGraph
from langgraph.types import Send

from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.ledger import Ledger
from analemma.models import ModelRequest, current_model
from analemma.wiring import HOME, laptop_machine

REFUSED = "refused"
ANSWER_CAP = 400
THREADS = 12
PROMPT = "Say something of this length about number %04d."


class Asked(TypedDict, total=False):
    tasks: int
    limit: int
    number: int
    said: Annotated[list[str], operator.add]


def scatter(state: Asked) -> list[Send]:
    return [
        Send("ask", {"number": number, "limit": state.get("limit", 0)})
        for number in range(state["tasks"])
    ]


def ask(state: Asked) -> Asked:
    if state["limit"] and _spent_tokens() >= state["limit"]:
        return {"said": [REFUSED]}
    request = ModelRequest(PROMPT % state["number"], max_tokens=ANSWER_CAP)
    return {"said": [current_model().ask(request).text]}


def _spent_tokens() -> int:
    run_id = str(get_config()["configurable"]["thread_id"])
    with laptop_machine(Path(os.environ[HOME]), os.environ, create=False) as machine:
        ledger = Ledger(machine.records, LOCAL_OWNER, run_id, "reader")
        ledger.load()
    return ledger.tokens


def ask_all(state: Asked) -> Asked:
    """Ask from threads of the node's own: as many at once as there are questions."""
    asked = [send.arg for send in scatter(state)]
    with ThreadPoolExecutor(THREADS) as pool:
        waiting = [pool.submit(copy_context().run, ask, each) for each in asked]
        return {"said": [text for each in waiting for text in each.result()["said"]]}


_workers: StateGraph[Any, Any, Any, Any] = StateGraph(Asked)
workers = (
    _workers.add_node(ask)
    .add_conditional_edges(START, scatter, ["ask"])
    .compile(name="workers")
)

_threads: StateGraph[Any, Any, Any, Any] = StateGraph(Asked)
threads = _threads.add_node(ask_all).add_edge(START, "ask_all").compile(name="threads")
