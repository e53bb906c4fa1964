"""The serializer without a key: LangGraph's, with an answer to what is encrypted."""

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from analemma.errors import ConfigInvalid
from analemma.hardware.local.key_file import EncryptionKey
from analemma.hardware.local.siv_cipher import SivCipher
from analemma.kernelspace.serializer import PLAIN, PlainSerializer

CIPHER = SivCipher(EncryptionKey(bytes(64)))
ENCRYPTED = EncryptedSerializer(CIPHER, PLAIN)
VALUES = [None, b"\0\xff", bytearray(b"x"), {"a": [1, 2.5, "süß"]}, {"m": {1, 2}}]


@pytest.mark.parametrize("value", [*VALUES, [HumanMessage("hi", id="1")]], ids=repr)
def test_it_writes_what_langgraphs_own_writes_and_reads_it(value: object) -> None:
    typed = PLAIN.dumps_typed(value)

    assert typed == JsonPlusSerializer().dumps_typed(value)
    assert PLAIN.loads_typed(typed) == value


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_an_encrypted_value_is_refused_without_the_key_and_names_it(
    value: object,
) -> None:
    typed = ENCRYPTED.dumps_typed(value)

    assert typed[0].endswith(f"+aes-siv-1.{CIPHER.key_id}")
    with pytest.raises(ConfigInvalid, match=f"aes-siv-1.{CIPHER.key_id}, and no key"):
        PLAIN.loads_typed(typed)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_with_the_key_it_comes_back_and_so_does_what_was_stored_before(
    value: object,
) -> None:
    assert ENCRYPTED.loads_typed(ENCRYPTED.dumps_typed(value)) == value
    assert ENCRYPTED.loads_typed(PLAIN.dumps_typed(value)) == value


@pytest.mark.parametrize("serde", [PlainSerializer(allowed_msgpack_modules=None)])
def test_langgraph_can_narrow_what_may_be_restored(serde: PlainSerializer) -> None:
    allowed = [("tests", "Thing")]
    plain = BaseCheckpointSaver(serde=serde).with_allowlist(allowed)
    encrypted = BaseCheckpointSaver(
        serde=EncryptedSerializer(CIPHER, serde)
    ).with_allowlist(allowed)

    assert isinstance(plain.serde, PlainSerializer)
    assert plain.serde is not serde
    assert isinstance(encrypted.serde, EncryptedSerializer)
    assert isinstance(encrypted.serde.serde, PlainSerializer)
    assert encrypted.serde.serde is not serde
    assert encrypted.serde.cipher is CIPHER
