"""An encrypted memory shares pages and grows as one that is not encrypted."""

import hashlib
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

from analemma.errors import ConfigInvalid
from analemma.hardware.local.key_file import EncryptionKey
from analemma.hardware.local.siv_cipher import SivCipher
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.memory.verify import verify
from analemma.kernelspace.serializer import PLAIN
from memory_backends import OWNER, RUN, MemoryBackend, config_of
from memory_checkpoints import put, values
from memory_graphs import appending, limits

ENCRYPTED = EncryptedSerializer(SivCipher(EncryptionKey(bytes(range(64)))), PLAIN)


def saver(backend: MemoryBackend, serde: SerializerProtocol = ENCRYPTED) -> PagedSaver:
    found = backend.saver()
    found.serde = serde
    return found


def message(number: int) -> AIMessage:
    """Return a message of 1 KB that does not deflate to much less."""
    text = "".join(
        hashlib.sha256(f"{number} {part}".encode()).hexdigest() for part in range(16)
    )
    return AIMessage(content=text, id=str(number))


def appended(times: int, serde: SerializerProtocol) -> MemoryBackend:
    # Bound: else LangGraph puts a checkpoint and the writes before it side by side,
    # and the one that is later holds the message, or both do.
    backend = MemoryBackend()
    graph = saver(backend, serde).bind(appending(times, message).compile())
    graph.invoke({"items": [], "done": 0}, limits(times), durability="sync")
    return backend


def stored_bytes(backend: MemoryBackend) -> int:
    return backend.records.written_bytes + backend.pages.written_bytes


def test_a_growing_list_costs_what_it_grew_by() -> None:
    few, many = (stored_bytes(appended(times, ENCRYPTED)) for times in (50, 200))

    assert many <= 4.2 * few


def test_encryption_costs_little_beside_the_values() -> None:
    plain, encrypted = (appended(50, serde) for serde in (PLAIN, ENCRYPTED))

    # A tag of 40 bytes a value, and metadata that deflates one by one only.
    assert stored_bytes(encrypted) <= 1.25 * stored_bytes(plain)


def test_a_fresh_process_reads_what_another_one_encrypted() -> None:
    backend = appended(12, ENCRYPTED)

    again = appending(12, message).compile(checkpointer=saver(backend))

    found = again.get_state(limits(12)).values["items"]
    assert found == [message(number) for number in range(12)]
    assert verify(backend.records, backend.pages, OWNER, RUN).ok


def test_equal_values_are_one_page() -> None:
    backend = MemoryBackend()
    large: Any = hashlib.shake_128(b"x").digest(300_000)
    config = put(saver(backend), xs=[large], text="first")
    stored = set(backend.pages.cells)
    assert stored

    put(saver(backend), config, xs=[large, large], ys=large, text="second")

    assert set(backend.pages.cells) == stored


def test_without_the_key_no_value_is_read() -> None:
    backend = MemoryBackend()
    put(saver(backend), xs=["a secret word"])

    assert values(saver(backend)) == {"xs": ["a secret word"]}
    with pytest.raises(ConfigInvalid, match=r"is encrypted with aes-siv-1\.fdeab9ac"):
        saver(backend, PLAIN).get_tuple(config_of())
