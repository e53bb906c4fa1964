"""JSON documents as properties: a program may write text or an object."""

import json
import urllib.parse

from analemma_platform.engine.failures import ProviderFailure
from analemma_platform.engine.values import Value
from analemma_platform.realisers.block import Block


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


def from_iam(found: Block, name: str) -> str:
    """Return a policy as text: boto3 parses it, an emulator may not encode it."""
    document = found.value(name)
    if isinstance(document, str):
        document = urllib.parse.unquote(document)
    return as_text(document)
