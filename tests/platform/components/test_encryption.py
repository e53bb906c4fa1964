"""Whose key pages and records are stored under, and who may use it."""

import json
from pathlib import Path

import pytest

from pulumi_mocks import Declared, Deployment
from stack_programs import deploy_stack

KEY = "aws:kms/key:Key"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ARN = "arn:aws:kms:eu-west-1:123456789012:key/hardware-key"
NOUNS = ("slice", "worker", "park", "bury")

Settings = dict[str, dict[str, object]]


@pytest.fixture(scope="module")
def zip_(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("artifact") / "lambda.zip"


def with_kms(*, on: bool):
    def change(env: Settings) -> None:
        env["encryption"] = {"kms": on}

    return change


@pytest.fixture(scope="module")
def own_key(zip_: Path) -> Deployment:
    return deploy_stack("dev", zip_, with_kms(on=True))


@pytest.fixture(scope="module")
def aws_keys(zip_: Path) -> Deployment:
    return deploy_stack("dev", zip_, with_kms(on=False))


def statements(policy: Declared) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(str(policy.inputs["policy"]))[
        "Statement"
    ]
    return found


def key_rights(policy: Declared) -> dict[tuple[str, str], object]:
    """Return action and service of every grant on a key, and the key."""
    rights: dict[tuple[str, str], object] = {}
    for statement in statements(policy):
        for action in statement["Action"]:
            if action.startswith("kms:"):
                (service,) = statement["Condition"]["StringEquals"]["kms:ViaService"]
                rights[action, service] = statement["Resource"]
    return rights


def test_a_stack_s_own_key_rotates_and_has_the_stack_s_name(
    own_key: Deployment,
) -> None:
    key = own_key.only(KEY).inputs
    assert key["enableKeyRotation"] is True
    name = own_key.only("aws:kms/alias:Alias").inputs
    assert (name["name"], name["targetKeyId"]) == ("alias/analemma-dev", "hardware-key")


def test_pages_and_records_are_under_the_stack_s_own_key(own_key: Deployment) -> None:
    (rule,) = own_key.named("hardware-pages-encryption").inputs["rules"]
    assert rule == {
        "applyServerSideEncryptionByDefault": {
            "sseAlgorithm": "aws:kms",
            "kmsMasterKeyId": ARN,
        },
        "bucketKeyEnabled": True,
    }
    table = own_key.named("hardware-records").inputs
    assert table["serverSideEncryption"] == {"enabled": True, "kmsKeyArn": ARN}


def test_without_one_they_are_under_keys_that_aws_owns(aws_keys: Deployment) -> None:
    assert not [one for one in aws_keys.resources if one.type.startswith("aws:kms/")]
    (rule,) = aws_keys.named("hardware-pages-encryption").inputs["rules"]
    assert rule == {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}
    assert "serverSideEncryption" not in aws_keys.named("hardware-records").inputs
    for policy in aws_keys.of_type(ROLE_POLICY):
        assert not key_rights(policy), policy.name


def test_each_role_may_use_the_key_for_the_stores_it_uses_and_for_nothing_else(
    own_key: Deployment,
) -> None:
    records = {("kms:Decrypt", "dynamodb.eu-west-1.amazonaws.com")}
    items = {("kms:Decrypt", "s3.eu-west-1.amazonaws.com")}
    pages = items | {("kms:GenerateDataKey", "s3.eu-west-1.amazonaws.com")}
    wanted = {
        "kernel-space-slice-rights": records | pages,
        "kernel-space-worker-rights": records | pages,
        "kernel-space-bury-rights": records | pages,
        "kernel-space-park-rights": records,
        "kernel-space-machine-rights": items,
    }
    rights = {one.name: key_rights(one) for one in own_key.of_type(ROLE_POLICY)}
    assert {name: set(found) for name, found in rights.items()} == wanted
    keys = [key for found in rights.values() for key in found.values()]
    assert keys == [[ARN]] * len(keys)


def test_a_key_names_nobody_but_the_account_and_nothing_by_a_wildcard(
    own_key: Deployment,
) -> None:
    administer, store = statements(own_key.only(KEY))
    for statement in (administer, store):
        assert statement["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}
        assert not [action for action in statement["Action"] if "*" in action]
    assert store["Condition"] == {
        "StringEquals": {
            "kms:ViaService": [
                "dynamodb.eu-west-1.amazonaws.com",
                "s3.eu-west-1.amazonaws.com",
            ]
        }
    }
    # Else nobody could ever mend it: KMS has no way around a key's own policy.
    assert "kms:PutKeyPolicy" in administer["Action"]
    opening = ("Decrypt", "Encrypt", "GenerateDataKey", "CreateGrant")
    assert not [action for action in administer["Action"] if action.endswith(opening)]


def test_every_right_on_the_key_is_one_that_the_key_lets_the_account_give(
    own_key: Deployment,
) -> None:
    _, store = statements(own_key.only(KEY))
    policies = [*own_key.of_type(ROLE_POLICY), own_key.named(SWEEP)]
    given = {action for one in policies for action, _ in key_rights(one)}
    assert given
    assert given <= set(store["Action"])


SWEEP = "kernel-space-sweep-rights"


def test_a_sweep_s_rights_are_a_policy_that_no_role_bears(own_key: Deployment) -> None:
    policy = own_key.only("aws:iam/policy:Policy")
    assert (policy.name, policy.inputs["name"]) == (SWEEP, "analemma-dev-sweep")
    granted = {action for one in statements(policy) for action in one["Action"]}
    assert granted == {
        "dynamodb:GetItem",
        "dynamodb:Query",
        "dynamodb:Scan",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "s3:ListBucket",
        "s3:GetObject",
        "s3:PutObject",
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "kms:Decrypt",
        "kms:GenerateDataKey",
    }
    attachments = [one.type for one in own_key.resources if "ttachment" in one.type]
    assert not attachments


def test_turning_the_key_on_changes_stores_and_rights_and_no_code(
    own_key: Deployment, aws_keys: Deployment
) -> None:
    def declared(deployment: Deployment) -> dict[str, str]:
        return {
            one.name: json.dumps(one.inputs, default=vars, sort_keys=True)
            for one in deployment.resources
        }

    before, after = declared(aws_keys), declared(own_key)
    changed = {name for name in after if before.get(name) != after[name]}
    assert changed == {
        "hardware-key",
        "hardware-key-name",
        "hardware-pages-encryption",
        "hardware-records",
        "kernel-space-machine-rights",
        SWEEP,
        *(f"kernel-space-{noun}-rights" for noun in NOUNS),
    }
