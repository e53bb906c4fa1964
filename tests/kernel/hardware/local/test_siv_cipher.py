"""AES-SIV: equal in, equal out; what was touched is refused, never guessed at."""

import sys
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from hypothesis import given
from hypothesis import strategies as st

from analemma.errors import ConfigInvalid, Corrupt
from analemma.hardware.local.key_file import EncryptionKey
from analemma.hardware.local.siv_cipher import SivCipher

KEY = EncryptionKey(bytes(range(64)))
OTHER = EncryptionKey(bytes(range(1, 65)))
CIPHER = SivCipher(KEY)
NAME = f"aes-siv-1.{KEY.id}"


@given(st.binary(max_size=2000) | st.binary(max_size=20).map(lambda part: part * 99))
def test_what_is_encrypted_comes_back(plaintext: bytes) -> None:
    name, ciphertext = CIPHER.encrypt(plaintext)

    assert name == NAME
    assert CIPHER.decrypt(name, ciphertext) == plaintext


def test_equal_values_under_one_key_are_equal_ciphertexts() -> None:
    assert CIPHER.encrypt(b"value") == SivCipher(KEY).encrypt(b"value")
    assert CIPHER.encrypt(b"value") != CIPHER.encrypt(b"valuf")
    assert CIPHER.encrypt(b"value")[1] != SivCipher(OTHER).encrypt(b"value")[1]


@pytest.mark.parametrize("size", [32, 64])
def test_it_is_aes_siv_with_the_name_as_associated_data(size: int) -> None:
    key = EncryptionKey(bytes(range(size)))
    name, ciphertext = SivCipher(key).encrypt(b"value")

    assert AESSIV(key.secret).decrypt(ciphertext, [name.encode()]) == b"\0value"
    assert len(ciphertext) == 16 + 1 + len(b"value")


def test_what_deflates_is_deflated_first_and_nothing_else() -> None:
    long, random = b"analemma " * 1000, AESSIV.generate_key(512) * 2
    deflated = zlib.compress(long, 1, -15)

    assert len(CIPHER.encrypt(long)[1]) == 16 + 1 + 8 + len(deflated)
    assert len(CIPHER.encrypt(random[:63])[1]) == 16 + 1 + 63
    assert len(CIPHER.encrypt(random[:64])[1]) == 16 + 1 + 64


@pytest.mark.parametrize("at", [0, 15, 16, 17, 25, -1])
@pytest.mark.parametrize("plaintext", [b"short", b"analemma " * 1000])
def test_a_flipped_byte_is_corrupt(plaintext: bytes, at: int) -> None:
    name, ciphertext = CIPHER.encrypt(plaintext)
    touched = bytearray(ciphertext)
    touched[min(at, len(touched) - 1)] ^= 1

    with pytest.raises(Corrupt, match=f"key {KEY.id} cannot be decrypted"):
        CIPHER.decrypt(name, bytes(touched))


@pytest.mark.parametrize("ciphertext", [b"", b"short", bytes(16)])
def test_what_is_no_ciphertext_is_corrupt(ciphertext: bytes) -> None:
    with pytest.raises(Corrupt):
        CIPHER.decrypt(NAME, ciphertext)


TEXTS = {
    "empty": b"",
    "unknown form": b"\2value",
    "no deflated stream": b"\1" + bytes(7) + b"\5" + b"value",
    "longer than it says": b"\1" + bytes(7) + b"\4" + zlib.compress(b"value", 1, -15),
    "shorter than it says": b"\1" + bytes(7) + b"\6" + zlib.compress(b"value", 1, -15),
    "stream cut": b"\1" + bytes(7) + b"\5" + zlib.compress(b"value", 1, -15)[:-1],
    "a length no memory holds": b"\1" + b"\xff" * 8 + zlib.compress(b"value", 1, -15),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_of_another_form_is_corrupt(name: str) -> None:
    ciphertext = AESSIV(KEY.secret).encrypt(TEXTS[name], [NAME.encode()])

    with pytest.raises(Corrupt, match="has not the form"):
        CIPHER.decrypt(NAME, ciphertext)


def test_another_key_is_named_with_the_next_step() -> None:
    name, ciphertext = SivCipher(OTHER).encrypt(b"value")

    with pytest.raises(ConfigInvalid) as refused:
        CIPHER.decrypt(name, ciphertext)

    assert f"encrypted with key {OTHER.id}, and key {KEY.id} is" in str(refused.value)
    assert f"ANALEMMA_ENCRYPTION_KEY_FILE to the file of key {OTHER.id}" in str(
        refused.value
    )


@pytest.mark.parametrize("name", ["aes", "aes-siv-2.00000000", "", "x" * 999])
def test_another_cipher_is_named(name: str) -> None:
    with pytest.raises(ConfigInvalid, match="does not know") as refused:
        CIPHER.decrypt(name, b"value")

    assert len(str(refused.value)) < 300


def test_what_is_sealed_opens_at_its_own_place_only() -> None:
    sealed = CIPHER.seal(b"value", b"run/1", b"record")

    assert CIPHER.open(sealed, b"run/1", b"record") == b"value"
    for place in [(b"run/2", b"record"), (b"run/1",), (), (b"run/1record", b"")]:
        with pytest.raises(Corrupt):
            CIPHER.open(sealed, *place)


def test_the_first_use_is_announced_before_anything_is_encrypted() -> None:
    def refuse() -> None:
        raise ConfigInvalid("not here")

    cipher = SivCipher(KEY, before_use=refuse)

    with pytest.raises(ConfigInvalid, match="not here"):
        cipher.encrypt(b"value")
    assert cipher.decrypt(*CIPHER.encrypt(b"value")) == b"value"


def test_threads_share_a_cipher() -> None:
    values = [f"{number}".encode() * (number % 200) for number in range(2000)]

    with ThreadPoolExecutor(8) as threads:
        sealed = list(threads.map(CIPHER.encrypt, values))
        opened = list(threads.map(lambda each: CIPHER.decrypt(*each), sealed))

    assert opened == values


def test_a_key_without_the_library_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)

    with pytest.raises(ConfigInvalid, match=r"pip install 'analemma\[encryption\]'"):
        SivCipher(KEY)
