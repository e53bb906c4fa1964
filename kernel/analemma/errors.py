"""The error tree: the fork at its root decides whether anything is retried.

    AnalemmaError
    ├─ Retryable            the same call may succeed later
    │  ├─ StoreUnavailable  a store did not answer; nothing is known to be lost
    │  ├─ LeaseLost         another writer advanced the run; this one must stop
    │  ├─ ProviderUnavailable a model provider did not answer
    │  └─ ProviderThrottled a model provider asked to wait
    ├─ Rejected             the request can never succeed as it stands
    │  ├─ TargetInvalid     a graph could not be found or loaded
    │  ├─ InputInvalid      the input of a run is not what the command takes
    │  ├─ ConfigInvalid     settings of an environment do not hold
    │  ├─ RunNotFound       no run of this owner has that id
    │  ├─ RunFinished       the run ended; nothing can change it
    │  ├─ KeyReused         one key, two different inputs
    │  ├─ ApprovalNotFound  no approval of this owner has that id
    │  ├─ ApprovalAnswered  somebody answered otherwise before
    │  ├─ HomeTooNew        the home was written by a newer format
    │  ├─ HomeTooOld        the home was written by a format no longer read
    │  ├─ CloudUnavailable  the stack is not deployed or not reachable
    │  └─ ProviderRejected  a model provider refused the call for good
    └─ Corrupt              stored bytes are not what was written
       ├─ PageMissing       a manifest names a page that is not there
       ├─ PageCorrupt       a page's bytes do not hash to its id
       └─ ManifestMismatch  a manifest does not fit its pages or its parent

A message names the thing, the value and the next step, in one line. Adapters
translate vendor errors at their edge, so nothing above an adapter ever sees a
botocore or sqlite3 exception. Step Functions retries by the class names of
``Retryable``: renaming one changes the deployed state machine.
"""

from dataclasses import dataclass


class AnalemmaError(Exception):
    """Anything Analemma reports on purpose."""


class Retryable(AnalemmaError):
    """The same call may succeed later; nothing was half done."""


class StoreUnavailable(Retryable):
    """A store did not answer. Whether the write was applied is unknown."""


class LeaseLost(Retryable):
    """Another writer advanced the run. This one stops and changes nothing."""


@dataclass(frozen=True, slots=True)
class CallCost:
    """What a model call cost that gave no answer, as the provider reported it."""

    input_tokens: int = 0
    output_tokens: int = 0
    micro_usd: int = 0


NOT_BILLED = CallCost()
"""The cost of a call that was not served: it failed before, or was turned away."""


class ProviderUnavailable(Retryable):
    """A model provider did not answer, or failed on its side.

    ``cost`` is None where nobody knows it: a call that timed out may have been
    served, and billed.
    """

    def __init__(self, message: str, *, cost: CallCost | None = NOT_BILLED) -> None:
        super().__init__(message)
        self.cost = cost


class ProviderThrottled(Retryable):
    """A model provider asked to wait ``retry_after_seconds`` (None: not said)."""

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Rejected(AnalemmaError):
    """The request can never succeed as it stands; nothing was changed."""


class TargetInvalid(Rejected):
    """A workflow target could not be found, or is not a LangGraph graph."""


class InputInvalid(Rejected):
    """What was handed in is not what the command or the run takes."""


class ConfigInvalid(Rejected):
    """Settings of an environment do not hold; names the file and the key."""


class RunNotFound(Rejected):
    """No run of this owner has that id."""


class RunFinished(Rejected):
    """The run has ended; nothing can change it."""


class KeyReused(Rejected):
    """A key admitted a run before, with another workflow or another input."""


class ApprovalNotFound(Rejected):
    """No approval of this owner has that id."""


class ApprovalAnswered(Rejected):
    """The approval was answered before, and otherwise."""


class HomeTooNew(Rejected):
    """The home directory was written by a newer format; nothing was touched."""


class HomeTooOld(Rejected):
    """The home directory is of a format no longer read; nothing was touched."""


class CloudUnavailable(Rejected):
    """The stack is not deployed, or its cloud does not answer."""


class ProviderRejected(Rejected):
    """A model provider refused the call, and would refuse it again.

    ``cost`` is what that cost: content is refused after it was read. None: unknown.
    """

    def __init__(self, message: str, *, cost: CallCost | None = NOT_BILLED) -> None:
        super().__init__(message)
        self.cost = cost


class Corrupt(AnalemmaError):
    """Stored bytes are not what was written. Never retried, never hidden."""


class PageMissing(Corrupt):
    """A manifest names a page that no store holds."""


class PageCorrupt(Corrupt):
    """A page's bytes do not hash to its id."""


class ManifestMismatch(Corrupt):
    """A manifest does not fit its pages, its parent or its workflow."""


def retryable_names() -> tuple[str, ...]:
    """Return the class names below ``Retryable``, sorted.

    Lambda reports a raised exception by its class name, and Step Functions
    matches ``ErrorEquals`` against it, so these names are a wire contract.
    Classes of other modules are left out: which of those exist depends on what
    was imported, and the deployed document must not. They are translated to one
    of these before they leave a Lambda.
    """
    found: set[str] = set()
    open_classes: list[type[Retryable]] = [Retryable]
    while open_classes:
        error = open_classes.pop()
        if error.__module__ == __name__:
            found.add(error.__name__)
        open_classes.extend(error.__subclasses__())
    return tuple(sorted(found))
