"""What a check is: a function of a trial that returns, or raises what it saw."""

from collections.abc import Callable
from dataclasses import dataclass

from analemma.testing.caller import Way, caller
from analemma.testing.subject import NotOffered, Subject
from analemma.testing.trial import Trial

Body = Callable[[Trial], None]


@dataclass(frozen=True, slots=True)
class Concern:
    """What several checks are about. Their names are those of the functions."""

    name: str
    bodies: tuple[Body, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """One check, one way. Called with a subject of its own."""

    concern: str
    body: Body
    way: Way

    @property
    def name(self) -> str:
        """The check's name: concern, function and way."""
        return f"{self.title}/{self.way}"

    @property
    def title(self) -> str:
        """The name without the way."""
        return f"{self.concern}/{self.body.__name__}"

    @property
    def rule(self) -> str:
        """The rule that is checked, as a sentence."""
        return " ".join((self.body.__doc__ or "").split())

    def __call__(self, subject: Subject) -> None:
        """Check the subject and close it.

        Raises:
            Violation: it breaks the rule.
            NotOffered: it does not implement what the rule is about.
            Exception: whatever the saver raised where it must not.
        """
        calls = caller(self.way)
        try:
            self.body(Trial(subject, calls))
        except NotImplementedError as refusal:
            raise NotOffered(f"not implemented: {refusal!r}") from refusal
        finally:
            try:
                calls.make(subject.close)
            finally:
                calls.close()
