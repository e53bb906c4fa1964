"""JSON documents as properties: a program may write text or an object."""

import json

from analemma_platform.engine.failures import ProviderFailure
from analemma_platform.engine.values import Value


def as_text(document: Value) -> str:
    """Return ``document`` as JSON text.

    Raises:
        ProviderFailure: it is neither JSON text nor an object.
    """
    if isinstance(document, str):
        try:
            json.loads(document)
        except ValueError as error:
            raise ProviderFailure(f"a document is no JSON: {error}") from error
        return document
    if isinstance(document, dict):
        return json.dumps(document, sort_keys=True)
    raise ProviderFailure("a document must be JSON text or an object")
