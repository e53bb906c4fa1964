"""What a deployment reports on purpose.

The kernel's tree has no word for "some of it was done", so there is one here:
a failed deployment is neither safe to retry blindly nor without effect.
"""

from typing import TYPE_CHECKING

from analemma.errors import AnalemmaError, Rejected

if TYPE_CHECKING:
    from analemma_platform.engine.plan import Step


class DeploymentFailed(AnalemmaError):
    """A deployment stopped half way; the state says what was done.

    ``steps`` are those that finished, in order. Running the same command again
    continues from there.
    """

    def __init__(self, message: str, steps: "tuple[Step, ...]" = ()) -> None:
        super().__init__(message)
        self.steps = steps


class ProviderFailure(AnalemmaError):
    """A provider refused an operation, or the cloud behind it did."""


class Unsupported(Rejected):
    """The program asks for something this engine does not know.

    Said rather than ignored: a property that is quietly dropped here would be
    missed only on AWS.
    """


class Protected(Rejected):
    """A protected resource would have been deleted; nothing was."""


class StackBusy(Rejected):
    """Another command is changing this stack at this moment."""


class Interrupted(Exception):
    """A deployment was told to stop; in-flight operations were finished."""
