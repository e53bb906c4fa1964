"""A script in place of a model: for tests, and for a laptop without a key.

It pretends nothing: its name is ``scripted``, it costs nothing, and it counts
tokens as words between white space, which is no vendor's count.
"""

import re
import threading
from collections.abc import Callable, Sequence

from analemma.errors import ProviderRejected
from analemma.hardware.ports.models import ModelAnswer, ModelRequest, ModelUsage

NAME = "scripted"

LONGEST_ANSWER = 8192
"""Words of an answer to a request that sets no limit."""

_WORD = re.compile(r"\S+")


class ScriptedProvider:
    """Answers from a function of the request, or from a list in order.

    A list is used up: one answer a call, whichever thread asks first. An answer
    ends after ``max_tokens`` words.
    """

    def __init__(self, script: Callable[[ModelRequest], str] | Sequence[str]) -> None:
        self._script = script
        self._given = 0
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """``scripted``."""
        return NAME

    def bound(self, request: ModelRequest) -> ModelUsage:
        """Return the words of the question and as many as the answer may have."""
        return ModelUsage(_asked(request), _longest(request), 0)

    def ask(self, request: ModelRequest) -> ModelAnswer:
        """Answer ``request`` from the script.

        Raises:
            ProviderRejected: the list has no answer left. What a function
                raises passes through, so that a script can fail on purpose.
        """
        text = self._answer(request)
        words = list(_WORD.finditer(text))
        if len(words) > _longest(request):
            words = words[: _longest(request)]
            text = text[: words[-1].end()]
        return ModelAnswer(text, NAME, ModelUsage(_asked(request), len(words), 0))

    def _answer(self, request: ModelRequest) -> str:
        if callable(self._script):
            return self._script(request)
        with self._lock:
            if self._given == len(self._script):
                raise ProviderRejected(
                    f"the script's {self._given} answers are used up; add one"
                )
            self._given += 1
            return self._script[self._given - 1]


def _asked(request: ModelRequest) -> int:
    return len(_WORD.findall(request.system)) + len(_WORD.findall(request.prompt))


def _longest(request: ModelRequest) -> int:
    return LONGEST_ANSWER if request.max_tokens is None else request.max_tokens
