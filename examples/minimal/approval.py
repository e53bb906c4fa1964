"""Pay an invoice after a person agrees, or lowers it: ``{"amount": 120}``."""

from typing import TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt


class Invoice(TypedDict, total=False):
    amount: int
    paid: int


def ask(state: Invoice) -> Invoice:
    answer = interrupt({"question": f"Pay {state['amount']}?", **state})
    if isinstance(answer, dict):
        return {"paid": int(answer["amount"])}
    return {"paid": state["amount"] if answer is True else 0}


graph = (
    StateGraph(Invoice)
    .add_node(ask)
    .add_edge(START, "ask")
    .add_edge("ask", END)
    .compile(name="approval")
)
