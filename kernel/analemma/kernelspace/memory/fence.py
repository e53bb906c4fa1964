"""The fence: who appends the next entry of a log owns the run.

There is no lock, no lease table and no second call. A log's entries are
numbered without gaps, and number ``head + 1`` is written on the condition that
nothing is there: of any number of writers exactly one succeeds, and every
other one learns at its next checkpoint that it has lost. Why the log itself is
the fence is told in docs/adr/0002-the-log-is-the-fence.md.
"""

from langgraph.errors import GraphBubbleUp

from analemma.errors import LeaseLost


class Fenced(LeaseLost, GraphBubbleUp):
    """Another writer appended to this log first; nothing was changed.

    A ``GraphBubbleUp``, because LangGraph neither records one as the error of
    a node nor retries it. The price: LangGraph swallows a ``GraphBubbleUp``
    that a background save raises, if the graph ends before it looks. Ask
    ``PagedSaver.raise_if_fenced`` after every invocation.
    """
