"""How values become bytes: LangGraph's serializer, which never pickles.

With an encryption key it is wrapped in LangGraph's ``EncryptedSerializer``
(``analemma.wiring``), which puts the cipher's name behind the type of all it
writes: ``msgpack+aes-siv-1.1a2b3c4d``. Without one, LangGraph would call such a
type unknown. Here it is said which key is wanted.
"""

from typing import Any

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from analemma.errors import ConfigInvalid

_ENCRYPTED = "+"


class PlainSerializer(JsonPlusSerializer):
    """``JsonPlusSerializer``, with a clear answer to what is encrypted.

    A subclass and not a wrapper: LangGraph narrows the types that may be
    restored (``LANGGRAPH_STRICT_MSGPACK``) for its own serializer only.
    """

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Return the value. Any: LangGraph's signature.

        Raises:
            ConfigInvalid: it is encrypted.
        """
        type_, separator, cipher = data[0].partition(_ENCRYPTED)
        if separator:
            raise ConfigInvalid(
                f"a value ({type_}) is encrypted with {cipher}, and no key is "
                "configured; set ANALEMMA_ENCRYPTION_KEY_FILE to the file of its key"
            )
        return super().loads_typed(data)


PLAIN = PlainSerializer(pickle_fallback=False)
"""The serializer of a machine without a key. It holds no state."""
