"""The kernel's state machine, generated from code and policy."""

from analemma.kernelspace.state_machine.definition import FunctionArns, definition

__all__ = ["FunctionArns", "definition"]
