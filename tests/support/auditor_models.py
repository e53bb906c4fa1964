"""A model under any name, for tests of the auditor; it keeps what it was asked."""

from analemma.hardware.ports.models import ModelAnswer, ModelRequest, ModelUsage


class ToldModel:
    """Answers with the same ``text`` always, as the model called ``name``."""

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._text = text
        self.requests: list[ModelRequest] = []

    @property
    def name(self) -> str:
        """The name it was given."""
        return self._name

    def bound(self, request: ModelRequest) -> ModelUsage:
        """Return what every answer takes."""
        return ModelUsage(1, 2, 3)

    def ask(self, request: ModelRequest) -> ModelAnswer:
        """Keep ``request`` and answer with the one text."""
        self.requests.append(request)
        return ModelAnswer(self._text, self._name, ModelUsage(1, 1, 1))
