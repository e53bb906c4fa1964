"""An agent that audits an installed Python package, as a LangGraph graph.

The audited code is only ever parsed: it is never imported and never run.
"""
