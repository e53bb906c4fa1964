"""What is special about keys, what they seal, and policies with versions."""

import uuid

import pytest

from analemma_platform.engine.failures import ProviderFailure
from analemma_platform.engine.provider import Naming
from analemma_platform.engine.urns import Namespace, Urn
from analemma_platform.engine.values import Properties
from analemma_platform.realisers.aws import Argument, Aws, AwsRefused, Service
from analemma_platform.realisers.block import Block
from analemma_platform.realisers.kms import Key
from analemma_platform.realisers.provider import AwsProvider
from analemma_platform.realisers.realiser import Surroundings
from engine_cases import key_policy, policy
from engine_emulator import REGION

SPACE = Namespace("project", "dev")
KEY = SPACE.urn("", "aws:kms/key:Key", "key")
ALIAS = SPACE.urn("", "aws:kms/alias:Alias", "name")
BUCKET = SPACE.urn("", "aws:s3/bucket:Bucket", "pages")
SEAL = SPACE.urn(
    "",
    "aws:s3/bucketServerSideEncryptionConfiguration"
    ":BucketServerSideEncryptionConfiguration",
    "seal",
)
TABLE = SPACE.urn("", "aws:dynamodb/table:Table", "records")
RIGHTS = SPACE.urn("", "aws:iam/policy:Policy", "rights")
KEYS: Properties = {"hashKey": "pk", "attributes": [{"name": "pk", "type": "S"}]}
OPEN = key_policy("kms:DescribeKey", "kms:PutKeyPolicy")


@pytest.fixture(scope="session")
def aws(endpoint: str) -> Aws:
    return Aws(endpoint, REGION)


def check(
    provider: AwsProvider, urn: Urn, news: Properties, olds: Properties | None = None
) -> Properties:
    checked = provider.check(urn, news, olds or {}, Naming(uuid.uuid4().bytes))
    assert not checked.failures
    return checked.inputs


def state_of(aws: Aws, key_id: str) -> str:
    found = aws.call("kms", "describe_key", KeyId=key_id).block("KeyMetadata")
    assert found is not None
    return found.text("KeyState")


def key_ids(aws: Aws) -> set[str]:
    listed = aws.call("kms", "list_keys", Limit=1000).blocks("Keys")
    return {one.text("KeyId") for one in listed}


def test_a_deleted_key_waits_out_its_window_and_counts_as_gone(
    provider: AwsProvider, aws: Aws
) -> None:
    made = provider.create(KEY, check(provider, KEY, {"policy": OPEN}))
    provider.delete(KEY, made.id, made.outputs, force=False)
    assert state_of(aws, made.id) == "PendingDeletion"
    assert provider.read(KEY, made.id, made.outputs) is None


def test_a_name_is_free_again_once_it_is_deleted(provider: AwsProvider) -> None:
    made = provider.create(KEY, check(provider, KEY, {"policy": OPEN}))
    news: Properties = {"name": "alias/free", "targetKeyId": made.id}
    for _ in range(2):
        named = provider.create(ALIAS, check(provider, ALIAS, news))
        assert named.outputs["targetKeyArn"] == made.outputs["arn"]
        assert str(named.outputs["arn"]).endswith(":alias/free")
        provider.delete(ALIAS, named.id, named.outputs, force=False)
    provider.delete(KEY, made.id, made.outputs, force=False)


class NeverRotates(Aws):
    """The emulated AWS, but for one refusal."""

    def call(self, service: Service, operation: str, /, **request: Argument) -> Block:
        """Refuse to rotate keys, and do all else."""
        if operation == "enable_key_rotation":
            raise AwsRefused("UnsupportedOperationException", "no rotation today")
        return super().call(service, operation, **request)


def test_a_key_that_cannot_be_set_up_wholly_is_given_up(
    provider: AwsProvider, endpoint: str, aws: Aws
) -> None:
    around = Surroundings(NeverRotates(endpoint, REGION))
    inputs = check(provider, KEY, {"policy": OPEN, "enableKeyRotation": True})
    before = key_ids(aws)
    with pytest.raises(ProviderFailure, match="no rotation today"):
        Key().create(around, Block(inputs))
    (left,) = key_ids(aws) - before
    assert state_of(aws, left) == "PendingDeletion"


def test_what_is_put_into_a_sealed_bucket_is_under_the_key(
    provider: AwsProvider, aws: Aws
) -> None:
    key = provider.create(KEY, check(provider, KEY, {"policy": OPEN}))
    bucket = provider.create(BUCKET, check(provider, BUCKET, {"forceDestroy": True}))
    default: Properties = {
        "sseAlgorithm": "aws:kms",
        "kmsMasterKeyId": key.outputs["arn"],
    }
    rule: Properties = {
        "applyServerSideEncryptionByDefault": default,
        "bucketKeyEnabled": True,
    }
    inputs = check(provider, SEAL, {"bucket": bucket.id, "rules": [rule]})
    sealed = provider.create(SEAL, inputs)
    aws.call("s3", "put_object", Bucket=bucket.id, Key="pages/x", Body=b"x")
    found = aws.call("s3", "head_object", Bucket=bucket.id, Key="pages/x")
    assert found.text("SSEKMSKeyId") == key.outputs["arn"]
    assert provider.read(SEAL, sealed.id, sealed.outputs) == sealed.outputs
    for urn, made in ((SEAL, sealed), (BUCKET, bucket), (KEY, key)):
        provider.delete(urn, made.id, made.outputs, force=False)


def test_a_table_taken_off_its_key_by_hand_is_put_back(
    provider: AwsProvider, aws: Aws
) -> None:
    key = provider.create(KEY, check(provider, KEY, {"policy": OPEN}))
    sealed: Properties = {"enabled": True, "kmsKeyArn": key.outputs["arn"]}
    inputs = check(provider, TABLE, {**KEYS, "serverSideEncryption": sealed})
    made = provider.create(TABLE, inputs)
    assert made.outputs["serverSideEncryption"] == sealed
    off = {"Enabled": False}
    aws.call("dynamodb", "update_table", TableName=made.id, SSESpecification=off)
    now = provider.read(TABLE, made.id, made.outputs)
    assert now is not None
    assert "serverSideEncryption" not in now
    drifted = provider.drifted(TABLE, inputs, made.outputs, now)
    assert provider.diff(TABLE, drifted, inputs).changed == ("serverSideEncryption",)
    outputs = provider.update(TABLE, made.id, drifted, inputs)
    assert outputs == made.outputs
    provider.delete(TABLE, made.id, outputs, force=False)
    provider.delete(KEY, key.id, key.outputs, force=False)


def test_a_policy_changes_more_often_than_iam_keeps_versions(
    provider: AwsProvider, aws: Aws
) -> None:
    inputs = check(provider, RIGHTS, {"policy": policy("s3:GetObject")})
    made = provider.create(RIGHTS, inputs)
    for number in range(7):
        news = check(provider, RIGHTS, {"policy": policy(f"s3:Get{number}")}, inputs)
        outputs = provider.update(RIGHTS, made.id, inputs, news)
        assert outputs["policy"] == news["policy"]
        inputs = news
    listed = aws.call("iam", "list_policy_versions", PolicyArn=made.id)
    versions = {one.text("VersionId") for one in listed.blocks("Versions")}
    assert versions == {"v4", "v5", "v6", "v7", "v8"}
    provider.delete(RIGHTS, made.id, outputs, force=False)
    assert provider.read(RIGHTS, made.id, outputs) is None
