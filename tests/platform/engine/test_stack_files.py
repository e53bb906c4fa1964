"""Configuration as the Pulumi CLI would hand it to the program."""

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from analemma.errors import ConfigInvalid
from analemma_platform.engine import secure_values
from analemma_platform.engine.stack_files import load, stacks_of

# Pulumi's own test vector: the passphrase is "password".
SALT = "v1:fozI5u6B030=:v1:F+6ZduKKd8G0/V7L:PGMFeIzwobWRKmEAzUdaQHqC5mMRIQ=="
PASSPHRASE = {"PULUMI_CONFIG_PASSPHRASE": "password"}

PROJECT = """
name: shop
main: program/
runtime: python
config:
  aws:region: {value: eu-west-1}
  size: {type: integer, default: 5}
  plain: text
"""


def project(root: Path, stack: str = "config: {}\n", files: str = PROJECT) -> Path:
    (root / "Pulumi.yaml").write_text(files)
    (root / "Pulumi.dev.yaml").write_text(stack)
    return root


def test_the_stacks_values_stand_over_the_projects(tmp_path: Path) -> None:
    stack = "config:\n  shop:size: 7\n  shop:env: {tier: dev, names: [a, b]}\n"
    files = load(project(tmp_path, stack), "dev", {})
    assert files.project == "shop"
    assert files.program == tmp_path / "program"
    assert dict(files.config) == {
        "aws:region": "eu-west-1",
        "shop:size": "7",
        "shop:plain": "text",
        "shop:env": '{"tier": "dev", "names": ["a", "b"]}',
    }
    assert files.secret_keys == frozenset()


def test_values_are_texts_as_the_cli_writes_them(tmp_path: Path) -> None:
    stack = "config:\n  a: true\n  b: 1.5\n  c: 'x'\n  d: 2026-01-31\n"
    config = load(project(tmp_path, stack), "dev", {}).config
    found = [config[f"shop:{name}"] for name in "abcd"]
    assert found == ["true", "1.5", "x", "2026-01-31"]


def sealed(text: str) -> str:
    key = secure_values.hashlib.pbkdf2_hmac(
        "sha256", b"password", base64.b64decode("fozI5u6B030="), 1_000_000, 32
    )
    nonce = b"0" * 12
    data = AESGCM(key).encrypt(nonce, text.encode(), None)
    return ":".join(
        ["v1", base64.b64encode(nonce).decode(), base64.b64encode(data).decode()]
    )


def test_secure_values_are_opened_and_their_keys_are_secret(tmp_path: Path) -> None:
    stack = f"""
encryptionsalt: {SALT}
config:
  shop:key: {{secure: '{sealed("s3cr3t")}'}}
  shop:env: {{tier: dev, inner: [{{secure: '{sealed("deep")}'}}]}}
  shop:open: visible
"""
    files = load(project(tmp_path, stack), "dev", PASSPHRASE)
    assert files.config["shop:key"] == "s3cr3t"
    assert json.loads(files.config["shop:env"]) == {"tier": "dev", "inner": ["deep"]}
    assert files.secret_keys == {"shop:key", "shop:env"}


def test_the_passphrase_may_come_from_a_file(tmp_path: Path) -> None:
    secret_file = tmp_path / "passphrase"
    secret_file.write_text("password\n")
    stack = (
        f"encryptionsalt: {SALT}\nconfig:\n  key: {{secure: '{sealed('s3cr3t')}'}}\n"
    )
    environment = {"PULUMI_CONFIG_PASSPHRASE_FILE": str(secret_file)}
    files = load(project(tmp_path, stack), "dev", environment)
    assert files.config["shop:key"] == "s3cr3t"


SECURE = "config:\n  key: {secure: 'v1:AAAA:AAAA'}\n"


@pytest.mark.parametrize(
    ("stack", "environment", "says"),
    [
        (f"encryptionsalt: {SALT}\n{SECURE}", {}, "set PULUMI_CONFIG_PASSPHRASE"),
        (
            f"encryptionsalt: {SALT}\n{SECURE}",
            {"PULUMI_CONFIG_PASSPHRASE": "wrong"},
            "encryptionsalt does not open",
        ),
        (f"encryptionsalt: {SALT}\n{SECURE}", PASSPHRASE, "shop:key"),
        (SECURE, PASSPHRASE, "without encryptionsalt"),
        (f"encryptionsalt: v9:x\n{SECURE}", PASSPHRASE, "v1 format"),
        ("environment: [prod]\n", {}, "needs Pulumi Cloud"),
        ("colour: red\n", {}, "colour is no key of a stack file"),
        ("config: [1]\n", {}, "config must be a map"),
        ("config: {a: [}\n", {}, "not readable YAML"),
        ("config: {shop:size: large}\n", {}, "shop:size must be of type integer"),
    ],
)
def test_what_is_wrong_in_a_stack_file_names_the_file(
    tmp_path: Path, stack: str, environment: dict[str, str], says: str
) -> None:
    with pytest.raises(ConfigInvalid, match=r"Pulumi\.dev\.yaml") as refused:
        load(project(tmp_path, stack), "dev", environment)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_number_that_the_cli_wrote_as_text_is_a_number(tmp_path: Path) -> None:
    stack = 'config: {shop:size: "12"}\n'
    assert load(project(tmp_path, stack), "dev", {}).config["shop:size"] == "12"


def test_a_declared_value_without_default_must_be_given(tmp_path: Path) -> None:
    files = "name: shop\nruntime: python\nconfig: {size: {type: integer}}\n"
    with pytest.raises(ConfigInvalid, match=r"Pulumi\.dev\.yaml: shop:size is missing"):
        load(project(tmp_path, files=files), "dev", {})


@pytest.mark.parametrize("stack", ["prod", "../dev", "", "..", "a/b"])
def test_an_unknown_stack_is_named(tmp_path: Path, stack: str) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        load(project(tmp_path), stack, {})
    assert repr(stack) in str(refused.value)


def test_a_folder_without_project_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match=r"no Pulumi\.yaml"):
        load(tmp_path, "dev", {})


def test_stacks_are_those_that_have_a_file(tmp_path: Path) -> None:
    project(tmp_path)
    (tmp_path / "Pulumi.prod.yaml").write_text("")
    assert stacks_of(tmp_path) == ("dev", "prod")
