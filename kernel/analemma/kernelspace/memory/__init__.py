"""Memory: the checkpoints of a run as pages, manifests and one log.

``PagedSaver`` is what LangGraph talks to; ``log`` and ``verify`` read the same
records for people.
"""
