"""Plan a workflow: in what order it runs, where it must stop, what it costs.

Needs networkx, which the extra ``plan`` brings; nothing that runs a workflow
imports this package.
"""
