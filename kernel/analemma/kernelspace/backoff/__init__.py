"""Backing off: how long to wait, and when not to ask at all.

Nothing here waits. A wait is the orchestrator's: what is too early to be asked
says so in an error, and the slice turns that into a ``Sleep``.
"""
