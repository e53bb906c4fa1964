"""A call that was refused, as LangGraph sees it: neither an answer nor an error."""

from langgraph.errors import GraphBubbleUp

from analemma.records.spending import Refusal


class BudgetReached(GraphBubbleUp):
    """A model call was refused: what it could cost does not fit a limit.

    A ``GraphBubbleUp``, so that LangGraph records no error on the task: the run
    stops in the middle of a superstep and can go on there with a larger budget.
    """

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.sentence())
        self.refusal = refusal
