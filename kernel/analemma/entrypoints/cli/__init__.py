"""The ``analemma`` command."""
