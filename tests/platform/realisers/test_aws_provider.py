"""What the provider does beyond one type, and what is special about some."""

import base64
import hashlib
import io
import json
import re
import uuid
import zipfile
from pathlib import Path

import pytest

from analemma.errors import ConfigInvalid
from analemma_platform.engine.failures import ProviderFailure, Unsupported
from analemma_platform.engine.provider import Naming
from analemma_platform.engine.urns import Namespace, Urn
from analemma_platform.engine.values import Properties
from analemma_platform.realisers.aws import Aws
from analemma_platform.realisers.provider import AwsProvider, require_loopback
from engine_cases import TRUST, policy, zip_code
from engine_emulator import REGION, aws_provider

SPACE = Namespace("project", "dev")
BUCKET = SPACE.urn("", "aws:s3/bucket:Bucket", "Pages")
TABLE = SPACE.urn("", "aws:dynamodb/table:Table", "records")
ROLE = SPACE.urn("", "aws:iam/role:Role", "role")
FUNCTION = SPACE.urn("", "aws:lambda/function:Function", "slice")
SECRET = SPACE.urn("", "aws:secretsmanager/secret:Secret", "keys")
GROUP = SPACE.urn("", "aws:cloudwatch/logGroup:LogGroup", "logs")
KEYS: Properties = {"hashKey": "pk", "attributes": [{"name": "pk", "type": "S"}]}


@pytest.fixture(scope="session")
def aws(endpoint: str) -> Aws:
    return Aws(endpoint, REGION)


def naming(proposed: str | None = None, *, disabled: bool = False) -> Naming:
    return Naming(uuid.uuid4().bytes, proposed, disabled)


def check(
    provider: AwsProvider, urn: Urn, news: Properties, olds: Properties | None = None
) -> Properties:
    checked = provider.check(urn, news, olds or {}, naming())
    assert not checked.failures
    return checked.inputs


def test_an_unnamed_resource_gets_its_logical_name_and_seven_digits(
    provider: AwsProvider,
) -> None:
    name = check(provider, BUCKET, {})["bucket"]
    assert isinstance(name, str)
    prefix, digits = name.rsplit("-", 1)
    assert prefix == "pages"  # a bucket's name is lower case
    assert len(digits) == 7


def test_a_resource_keeps_the_name_it_has(provider: AwsProvider) -> None:
    olds = check(provider, ROLE, {"assumeRolePolicy": TRUST})
    news = check(provider, ROLE, {"assumeRolePolicy": TRUST}, olds)
    assert news["name"] == olds["name"]
    assert not provider.diff(ROLE, olds, news).changed


def test_a_proposed_name_is_taken_and_one_too_long_is_refused(
    provider: AwsProvider,
) -> None:
    checked = provider.check(BUCKET, {}, {}, naming("Pages-dev"))
    assert checked.inputs["bucket"] == "pages-dev"
    refused = provider.check(BUCKET, {}, {}, naming("x" * 64))
    assert "longer than 63" in refused.failures[0]
    unnamed = provider.check(BUCKET, {}, {}, naming(disabled=True))
    assert "autonaming is disabled" in unnamed.failures[0]


def test_a_prefix_begins_the_name(provider: AwsProvider) -> None:
    inputs = check(provider, BUCKET, {"bucketPrefix": "shop-"})
    assert str(inputs["bucket"]).startswith("shop-")


def test_a_very_long_logical_name_still_fits(provider: AwsProvider) -> None:
    urn = SPACE.urn("", "aws:s3/bucket:Bucket", "p" * 90)
    assert len(str(check(provider, urn, {})["bucket"])) == 63


def test_only_what_forces_it_replaces_and_a_kept_name_deletes_first(
    provider: AwsProvider,
) -> None:
    olds = check(provider, TABLE, {"name": "t", **KEYS})
    other_keys: Properties = {
        "hashKey": "id",
        "attributes": [{"name": "id", "type": "S"}],
    }
    news = check(provider, TABLE, {"name": "t", **other_keys})
    difference = provider.diff(TABLE, olds, news)
    assert difference.replaces == ("attributes", "hashKey")
    assert difference.delete_before_replace
    renamed = check(provider, TABLE, {"name": "u", **KEYS})
    difference = provider.diff(TABLE, olds, renamed)
    assert difference.replaces == ("name",)
    assert not difference.delete_before_replace


def test_default_tags_reach_every_resource_and_are_not_mistaken_for_its_own(
    endpoint: str, tmp_path: Path, aws: Aws
) -> None:
    tags = json.dumps({"tags": {"owner": "kernel", "cost": "low"}})
    provider = aws_provider(endpoint, tmp_path, defaultTags=tags)
    inputs = check(provider, BUCKET, {"tags": {"cost": "high"}})
    made = provider.create(BUCKET, inputs)
    listed = aws.call("s3", "get_bucket_tagging", Bucket=made.id).blocks("TagSet")
    assert {tag.text("Key"): tag.text("Value") for tag in listed} == {
        "owner": "kernel",
        "cost": "high",
    }
    assert made.outputs["tags"] == {"cost": "high"}
    plain = aws_provider(endpoint, tmp_path)
    news = check(plain, BUCKET, {"tags": {"cost": "high"}}, inputs)
    assert plain.diff(BUCKET, inputs, news).changed == ("tagsAll",)
    plain.delete(BUCKET, made.id, made.outputs, force=True)


def test_a_tag_put_by_hand_is_a_drift_that_the_next_update_takes_off(
    provider: AwsProvider, aws: Aws
) -> None:
    inputs = check(provider, GROUP, {"tags": {"team": "kernel"}})
    made = provider.create(GROUP, inputs)
    arn = str(made.outputs["arn"])
    aws.call("logs", "tag_resource", resourceArn=arn, tags={"hand": "made"})
    now = provider.read(GROUP, made.id, made.outputs)
    assert now is not None
    drifted = provider.drifted(GROUP, inputs, made.outputs, now)
    news = check(provider, GROUP, {"tags": {"team": "kernel"}}, drifted)
    assert "tagsAll" in provider.diff(GROUP, drifted, news).changed
    provider.update(GROUP, made.id, drifted, news)
    assert provider.read(GROUP, made.id, made.outputs) == made.outputs
    provider.delete(GROUP, made.id, made.outputs, force=False)


def function_inputs(folder: Path, text: str) -> Properties:
    return {
        "role": "arn:aws:iam::000000000000:role/x",
        "runtime": "python3.13",
        "handler": "app.handler",
        **zip_code(folder, text),
    }


def test_lambda_gets_the_artifact_byte_for_byte(
    endpoint: str, tmp_path: Path, aws: Aws
) -> None:
    provider = aws_provider(endpoint, tmp_path)
    inputs = check(provider, FUNCTION, function_inputs(tmp_path, "built"))
    made = provider.create(FUNCTION, inputs)
    artifact = hashlib.sha256((tmp_path / "built.zip").read_bytes()).digest()
    assert made.outputs["codeSha256"] == base64.b64encode(artifact).decode()
    found = aws.call("lambda", "get_function", FunctionName=made.id)
    configuration = found.block("Configuration")
    assert configuration is not None
    assert configuration.text("CodeSha256") == made.outputs["codeSha256"]
    provider.delete(FUNCTION, made.id, made.outputs, force=False)


def test_code_that_somebody_else_put_is_a_drift_that_the_next_update_repairs(
    endpoint: str, tmp_path: Path, aws: Aws
) -> None:
    provider = aws_provider(endpoint, tmp_path)
    inputs = check(provider, FUNCTION, function_inputs(tmp_path, "ours"))
    made = provider.create(FUNCTION, inputs)
    foreign = io.BytesIO()
    with zipfile.ZipFile(foreign, "w") as packed:
        packed.writestr("app.py", "def handler(event, context): return 'theirs'")
    aws.call(
        "lambda",
        "update_function_code",
        FunctionName=made.id,
        ZipFile=foreign.getvalue(),
    )
    now = provider.read(FUNCTION, made.id, made.outputs)
    assert now is not None
    drifted = provider.drifted(FUNCTION, inputs, made.outputs, now)
    assert provider.diff(FUNCTION, drifted, inputs).changed == ("code",)
    outputs = provider.update(FUNCTION, made.id, drifted, inputs)
    assert outputs["codeSha256"] == made.outputs["codeSha256"]
    provider.delete(FUNCTION, made.id, made.outputs, force=False)


def test_a_bucket_with_objects_is_only_deleted_when_it_may_be_emptied(
    provider: AwsProvider, aws: Aws
) -> None:
    inputs = check(provider, BUCKET, {})
    made = provider.create(BUCKET, inputs)
    enabled = {"Status": "Enabled"}
    aws.call(
        "s3", "put_bucket_versioning", Bucket=made.id, VersioningConfiguration=enabled
    )
    for body in (b"one", b"two"):
        aws.call("s3", "put_object", Bucket=made.id, Key="k", Body=body)
    aws.call("s3", "delete_object", Bucket=made.id, Key="k")
    aws.call("s3", "create_multipart_upload", Bucket=made.id, Key="half")
    with pytest.raises(ProviderFailure, match="BucketNotEmpty"):
        provider.delete(BUCKET, made.id, made.outputs, force=False)
    may_go = {**made.outputs, "forceDestroy": True}
    provider.delete(BUCKET, made.id, may_go, force=False)
    assert provider.read(BUCKET, made.id, {}) is None


def test_a_protected_table_is_deleted_by_force_only(provider: AwsProvider) -> None:
    inputs = check(provider, TABLE, {**KEYS, "deletionProtectionEnabled": True})
    made = provider.create(TABLE, inputs)
    with pytest.raises(ProviderFailure):
        provider.delete(TABLE, made.id, made.outputs, force=False)
    provider.delete(TABLE, made.id, made.outputs, force=True)
    assert provider.read(TABLE, made.id, {}) is None


def test_a_deleted_secret_keeps_its_name_for_its_recovery_window(
    provider: AwsProvider,
) -> None:
    inputs = check(provider, SECRET, {"recoveryWindowInDays": 7})
    made = provider.create(SECRET, inputs)
    provider.delete(SECRET, made.id, made.outputs, force=False)
    assert provider.read(SECRET, made.id, made.outputs) is None
    with pytest.raises(ProviderFailure):
        provider.create(SECRET, inputs)
    provider.delete(SECRET, made.id, made.outputs, force=True)


def test_what_could_not_be_made_wholly_is_not_there_at_all(
    provider: AwsProvider,
) -> None:
    wrong = {**KEYS, "ttl": {"enabled": True}}
    inputs = check(provider, TABLE, wrong)
    with pytest.raises(ProviderFailure, match=r"ttl\.attributeName is missing"):
        provider.create(TABLE, inputs)
    assert provider.find(TABLE, inputs) is None


@pytest.mark.parametrize(
    ("urn", "inputs", "says"),
    [
        (BUCKET, {"website": {}}, "property website"),
        (BUCKET, {"region": "us-east-1"}, "region 'us-east-1' is not the provider's"),
        (TABLE, {**KEYS, "ttl": {"colour": 1}}, r"property ttl\.colour"),
        (TABLE, {**KEYS, "ttl": 5}, "ttl must be an object"),
        (TABLE, {"hashKey": "pk"}, "attributes is missing"),
        (
            TABLE,
            {"hashKey": "pk", "attributes": [{"name": "pk"}]},
            r"attributes\[0\]\.type is missing",
        ),
    ],
)
def test_what_nobody_would_obey_is_named(
    provider: AwsProvider, urn: Urn, inputs: Properties, says: str
) -> None:
    failures = provider.check(urn, inputs, {}, naming()).failures
    assert any(re.search(says, failure) for failure in failures), failures


def test_an_unknown_type_is_named(provider: AwsProvider) -> None:
    urn = SPACE.urn("", "aws:ec2/instance:Instance", "i")
    with pytest.raises(Unsupported, match="aws:ec2/instance:Instance"):
        provider.check(urn, {}, {}, naming())


def test_refusals_of_aws_name_service_operation_and_reason(
    provider: AwsProvider, aws: Aws
) -> None:
    with pytest.raises(ProviderFailure, match=r"dynamodb\.put_item: Resource"):
        aws.call("dynamodb", "put_item", TableName="none", Item={"pk": {"S": "x"}})
    with pytest.raises(ProviderFailure, match=r"dynamodb\.put_item: Parameter"):
        aws.call("dynamodb", "put_item", Table="misspelt")


def test_a_cloud_that_does_not_answer_is_a_failure_of_the_provider() -> None:
    with pytest.raises(ProviderFailure, match="Could not connect"):
        Aws("http://127.0.0.1:9", REGION).call("sts", "get_caller_identity")


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://s3.eu-west-1.amazonaws.com",
        "http://10.0.0.1:4566",
        "http://127.0.0.1.example.com",
        "",
    ],
)
def test_an_endpoint_that_is_not_on_this_machine_is_refused(endpoint: str) -> None:
    with pytest.raises(ConfigInvalid, match="only talks to this machine"):
        require_loopback(endpoint)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.9.9.9"])
def test_an_endpoint_on_this_machine_is_taken(host: str) -> None:
    require_loopback(f"http://{host}:4566")


def test_a_provider_needs_a_region_and_obeys_or_refuses_each_setting(
    endpoint: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigInvalid, match="aws:region is missing"):
        AwsProvider(endpoint, {}, tmp_path)
    with pytest.raises(Unsupported, match="allowedAccountIds"):
        aws_provider(endpoint, tmp_path, allowedAccountIds='["1"]')
    # These would point elsewhere, and have no say here.
    aws_provider(endpoint, tmp_path, accessKey="real", profile="prod", endpoints="[]")


def test_functions_tell_account_region_and_partition(provider: AwsProvider) -> None:
    def ask(name: str, args: Properties) -> Properties:
        return provider.invoke(f"aws:index/{name}:{name}", args)

    assert ask("getCallerIdentity", {})["accountId"] == "000000000000"
    assert ask("getRegion", {})["region"] == REGION
    assert ask("getPartition", {})["partition"] == "aws"
    with pytest.raises(Unsupported, match="only 'eu-west-1'"):
        ask("getRegion", {"region": "us-east-1"})
    with pytest.raises(Unsupported, match="argument colour"):
        ask("getRegion", {"colour": "red"})
    with pytest.raises(Unsupported, match="getZones"):
        ask("getZones", {})


ITEM = SPACE.urn("", "aws:dynamodb/tableItem:TableItem", "item")
MACHINE = SPACE.urn("", "aws:sfn/stateMachine:StateMachine", "machine")


def item_inputs(table: str, **attributes: Properties) -> Properties:
    return {"tableName": table, "hashKey": "pk", "item": json.dumps(attributes)}


def test_an_item_holds_bytes_keeps_its_keys_and_ignores_what_others_add(
    provider: AwsProvider, aws: Aws
) -> None:
    table = provider.create(TABLE, check(provider, TABLE, KEYS))
    attributes: dict[str, Properties] = {
        "pk": {"S": "a"},
        "sets": {"BS": ["b25l", "dHdv"]},
        "deep": {"M": {"list": {"L": [{"B": "b25l"}]}}},
    }
    inputs = check(provider, ITEM, item_inputs(table.id, **attributes))
    made = provider.create(ITEM, inputs)
    aws.call(
        "dynamodb",
        "update_item",
        TableName=table.id,
        Key={"pk": {"S": "a"}},
        UpdateExpression="SET added = :x",
        ExpressionAttributeValues={":x": {"S": "later"}},
    )
    assert provider.read(ITEM, made.id, made.outputs) == made.outputs
    assert json.loads(str(made.outputs["item"])) == attributes
    other = check(provider, ITEM, item_inputs(table.id, pk={"S": "b"}))
    with pytest.raises(ProviderFailure, match="its keys changed"):
        provider.update(ITEM, made.id, inputs, other)
    provider.delete(TABLE, table.id, table.outputs, force=True)
    assert provider.read(ITEM, made.id, made.outputs) is None
    provider.delete(ITEM, made.id, made.outputs, force=False)


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ("{", "no JSON"),
        ("[]", "JSON object"),
        ('{"sk": {"S": "x"}}', "no attribute 'pk'"),
        ('{"pk": {"B": "not base64!"}}', "must be base64"),
    ],
)
def test_an_item_that_is_none_is_refused(
    provider: AwsProvider, item: str, says: str
) -> None:
    inputs: Properties = {"tableName": "none", "hashKey": "pk", "item": item}
    with pytest.raises(ProviderFailure, match=says):
        provider.create(ITEM, check(provider, ITEM, inputs))


def test_a_tables_encryption_recovery_and_expiry_can_be_taken_off_again(
    provider: AwsProvider, aws: Aws
) -> None:
    full: Properties = {
        **KEYS,
        "name": "switched",
        "serverSideEncryption": {"enabled": True, "kmsKeyArn": "alias/mine"},
        "pointInTimeRecovery": {"enabled": True},
        "ttl": {"attributeName": "dies", "enabled": True},
        "deletionProtectionEnabled": True,
    }
    bare: Properties = {**KEYS, "name": "switched"}
    olds, news = check(provider, TABLE, full), check(provider, TABLE, bare)
    made = provider.create(TABLE, olds)
    found = aws.call("dynamodb", "describe_table", TableName="switched").block("Table")
    assert found is not None
    sealed = found.block("SSEDescription")
    assert sealed is not None
    assert sealed.text("KMSMasterKeyArn") == "alias/mine"
    outputs = provider.update(TABLE, made.id, olds, news)
    assert outputs["pointInTimeRecovery"] == {"enabled": False}
    assert "ttl" not in outputs
    assert outputs["deletionProtectionEnabled"] is False
    provider.delete(TABLE, made.id, outputs, force=False)


def test_provisioned_capacity_is_refused_rather_than_pretended(
    provider: AwsProvider,
) -> None:
    inputs = check(provider, TABLE, {**KEYS, "billingMode": "PROVISIONED"})
    with pytest.raises(ProviderFailure, match="billingMode must be PAY_PER_REQUEST"):
        provider.create(TABLE, inputs)


def test_by_force_a_role_goes_with_the_policies_others_wrote_into_it(
    provider: AwsProvider, aws: Aws
) -> None:
    inputs = check(provider, ROLE, {"assumeRolePolicy": TRUST})
    made = provider.create(ROLE, inputs)
    foreign = {"RoleName": made.id, "PolicyName": "foreign"}
    reads = policy("s3:GetObject")
    aws.call("iam", "put_role_policy", **foreign, PolicyDocument=reads)
    provider.delete(ROLE, made.id, made.outputs, force=True)
    assert provider.read(ROLE, made.id, {}) is None
    assert aws.find("iam", "get_role_policy", **foreign) is None


def test_a_machines_logging_is_set_and_changed(provider: AwsProvider) -> None:
    group = provider.create(GROUP, check(provider, GROUP, {"retentionInDays": 1}))
    definition = '{"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}'

    def inputs(level: str) -> Properties:
        return check(
            provider,
            MACHINE,
            {
                "name": "logged",
                "definition": definition,
                "roleArn": "arn:aws:iam::000000000000:role/x",
                "loggingConfiguration": {
                    "level": level,
                    "includeExecutionData": False,
                    "logDestination": f"{group.outputs['arn']}:*",
                },
            },
        )

    made = provider.create(MACHINE, inputs("ERROR"))
    outputs = provider.update(MACHINE, made.id, inputs("ERROR"), inputs("ALL"))
    wanted = inputs("ALL")["loggingConfiguration"]
    assert outputs["loggingConfiguration"] == wanted
    provider.delete(MACHINE, made.id, outputs, force=False)
    provider.delete(GROUP, group.id, group.outputs, force=False)


def test_a_definition_that_is_no_json_is_refused(provider: AwsProvider) -> None:
    inputs: Properties = {"definition": "{", "roleArn": "arn:aws:iam::0:role/x"}
    with pytest.raises(ProviderFailure, match="no JSON"):
        provider.create(MACHINE, check(provider, MACHINE, inputs))


def test_a_functions_logging_configuration_reaches_lambda(
    endpoint: str, tmp_path: Path
) -> None:
    provider = aws_provider(endpoint, tmp_path)
    logging: Properties = {"logFormat": "JSON", "logGroup": "/elsewhere"}
    inputs = check(
        provider,
        FUNCTION,
        {**function_inputs(tmp_path, "logs"), "loggingConfig": logging},
    )
    made = provider.create(FUNCTION, inputs)
    found = made.outputs["loggingConfig"]
    assert isinstance(found, dict)
    assert {name: found.get(name) for name in logging} == logging
    provider.delete(FUNCTION, made.id, made.outputs, force=False)
