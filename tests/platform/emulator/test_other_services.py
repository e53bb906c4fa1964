"""What the deployed stack needs of the services that stay ministack's own."""

import base64
import hashlib
import json
import threading
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from emulator_deployments import error_code, zipped


@pytest.fixture
def bucket(emulator):
    emulator.client("s3").create_bucket(Bucket="pages")
    return "pages"


@pytest.fixture
def table(emulator):
    emulator.client("dynamodb").create_table(
        TableName="records",
        KeySchema=[
            {"AttributeName": "partition", "KeyType": "HASH"},
            {"AttributeName": "sort", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "partition", "AttributeType": "S"},
            {"AttributeName": "sort", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return "records"


def item(sort: str, revision: int, body: bytes = b"x") -> dict:
    return {
        "partition": {"S": "p"},
        "sort": {"S": sort},
        "revision": {"N": str(revision)},
        "body": {"B": body},
    }


def test_s3_object_written_only_if_absent_has_one_writer(emulator, bucket):
    client = emulator.client("s3")
    outcomes = []

    def put(number: int) -> None:
        try:
            client.put_object(
                Bucket=bucket, Key="k", Body=bytes([number]), IfNoneMatch="*"
            )
            outcomes.append(number)
        except ClientError as error:
            outcomes.append(error_code(error))

    threads = [threading.Thread(target=put, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [outcome for outcome in outcomes if isinstance(outcome, int)]
    assert outcomes.count("PreconditionFailed") == 3
    assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == bytes(winners)


def test_s3_missing_object_is_no_such_key(emulator, bucket):
    with pytest.raises(ClientError) as missing:
        emulator.client("s3").get_object(Bucket=bucket, Key="absent")
    assert error_code(missing.value) == "NoSuchKey"
    with pytest.raises(ClientError) as missing:
        emulator.client("s3").head_object(Bucket=bucket, Key="absent")
    assert error_code(missing.value) == "404"


def test_s3_bucket_keeps_the_settings_a_stack_gives_it(emulator, bucket):
    client = emulator.client("s3")
    tags = {"TagSet": [{"Key": "env", "Value": "dev"}]}
    client.put_bucket_tagging(Bucket=bucket, Tagging=tags)
    assert client.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags["TagSet"]
    rule = {
        "ID": "old",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "Expiration": {"Days": 30},
    }
    client.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": [rule]}
    )
    rules = client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert rules[0]["Expiration"] == {"Days": 30}
    encryption = {
        "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
    }
    client.put_bucket_encryption(
        Bucket=bucket, ServerSideEncryptionConfiguration=encryption
    )
    kept = client.get_bucket_encryption(Bucket=bucket)
    found = kept["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert found["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    block = dict.fromkeys(
        (
            "BlockPublicAcls",
            "IgnorePublicAcls",
            "BlockPublicPolicy",
            "RestrictPublicBuckets",
        ),
        True,
    )
    client.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)
    kept = client.get_public_access_block(Bucket=bucket)
    assert kept["PublicAccessBlockConfiguration"] == block
    client.put_bucket_versioning(
        Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    assert client.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    client.delete_bucket(Bucket=bucket)
    with pytest.raises(ClientError):
        client.head_bucket(Bucket=bucket)


def test_dynamodb_lost_condition_returns_what_is_stored(emulator, table):
    client = emulator.client("dynamodb")
    absent = "attribute_not_exists(#s)"
    request = {
        "TableName": table,
        "ConditionExpression": absent,
        "ExpressionAttributeNames": {"#s": "sort"},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    client.put_item(Item=item("a", 1, b"won"), **request)
    with pytest.raises(ClientError) as lost:
        client.put_item(Item=item("a", 1, b"lost"), **request)
    assert error_code(lost.value) == "ConditionalCheckFailedException"
    assert lost.value.response["Item"] == item("a", 1, b"won")


def test_dynamodb_conditional_write_admits_one_of_many(emulator, table):
    client = emulator.client("dynamodb")
    client.put_item(TableName=table, Item=item("a", 1))
    outcomes = []

    def advance() -> None:
        try:
            client.put_item(
                TableName=table,
                Item=item("a", 2),
                ConditionExpression="revision = :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )
            outcomes.append("won")
        except ClientError as error:
            outcomes.append(error_code(error))

    threads = [threading.Thread(target=advance) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("won") == 1
    assert outcomes.count("ConditionalCheckFailedException") == 7


def test_dynamodb_query_goes_by_the_bytes_of_the_sort_key_in_both_ways(emulator, table):
    client = emulator.client("dynamodb")
    sorts = ["!", "0000000001", "a", "é", "\U0010fffd"]
    for sort in reversed(sorts):
        client.put_item(TableName=table, Item=item(sort, 1))
    request = {
        "TableName": table,
        "KeyConditionExpression": "#p = :p AND #s BETWEEN :low AND :high",
        "ExpressionAttributeNames": {"#p": "partition", "#s": "sort"},
        "ExpressionAttributeValues": {
            ":p": {"S": "p"},
            ":low": {"S": "!"},
            ":high": {"S": "\U0010fffd"},
        },
        "ConsistentRead": True,
    }
    found = client.query(**request)["Items"]
    assert [one["sort"]["S"] for one in found] == sorts
    page = client.query(**request, ScanIndexForward=False, Limit=2)
    assert [one["sort"]["S"] for one in page["Items"]] == ["\U0010fffd", "é"]
    rest = client.query(
        **request,
        ScanIndexForward=False,
        ExclusiveStartKey=page["LastEvaluatedKey"],
    )
    assert [one["sort"]["S"] for one in rest["Items"]] == ["a", "0000000001", "!"]


def test_dynamodb_item_over_400_kilobytes_is_refused(emulator, table):
    with pytest.raises(ClientError) as refused:
        emulator.client("dynamodb").put_item(
            TableName=table, Item=item("a", 1, b"x" * 410_000)
        )
    assert error_code(refused.value) == "ValidationException"


def test_dynamodb_table_keeps_the_settings_a_stack_gives_it(emulator, table):
    client = emulator.client("dynamodb")
    client.update_time_to_live(
        TableName=table,
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"},
    )
    ttl = client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert ttl["AttributeName"] == "expires_at"
    assert ttl["TimeToLiveStatus"] in ("ENABLING", "ENABLED")
    client.update_continuous_backups(
        TableName=table,
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    )
    backups = client.describe_continuous_backups(TableName=table)
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"
    arn = client.describe_table(TableName=table)["Table"]["TableArn"]
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "env", "Value": "dev"}])
    tags = client.list_tags_of_resource(ResourceArn=arn)["Tags"]
    assert tags == [{"Key": "env", "Value": "dev"}]
    client.update_table(TableName=table, DeletionProtectionEnabled=True)
    facts = client.describe_table(TableName=table)["Table"]
    assert facts["DeletionProtectionEnabled"] is True
    with pytest.raises(ClientError):
        client.delete_table(TableName=table)


def test_iam_roles_and_policies_come_and_go(emulator):
    client = emulator.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    allow = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "s3:GetObject",
                "Resource": "arn:aws:s3:::a/*",
            }
        ],
    }
    client.create_role(
        RoleName="slice",
        AssumeRolePolicyDocument=json.dumps(trust),
        Tags=[{"Key": "env", "Value": "dev"}],
    )
    role = client.get_role(RoleName="slice")["Role"]
    assert role["AssumeRolePolicyDocument"] == trust
    client.put_role_policy(
        RoleName="slice", PolicyName="read", PolicyDocument=json.dumps(allow)
    )
    kept = client.get_role_policy(RoleName="slice", PolicyName="read")
    assert kept["PolicyDocument"] == allow
    policy = client.create_policy(PolicyName="own", PolicyDocument=json.dumps(allow))
    arn = policy["Policy"]["Arn"]
    client.attach_role_policy(RoleName="slice", PolicyArn=arn)
    attached = client.list_attached_role_policies(RoleName="slice")
    assert [one["PolicyArn"] for one in attached["AttachedPolicies"]] == [arn]
    client.detach_role_policy(RoleName="slice", PolicyArn=arn)
    client.delete_role_policy(RoleName="slice", PolicyName="read")
    client.delete_policy(PolicyArn=arn)
    client.delete_role(RoleName="slice")
    with pytest.raises(ClientError) as gone:
        client.get_role(RoleName="slice")
    assert error_code(gone.value) == "NoSuchEntity"


def test_log_groups_keep_retention_and_are_searched(emulator):
    client = emulator.client("logs")
    client.create_log_group(logGroupName="/app", tags={"env": "dev"})
    client.put_retention_policy(logGroupName="/app", retentionInDays=14)
    group = client.describe_log_groups(logGroupNamePrefix="/app")["logGroups"][0]
    assert group["retentionInDays"] == 14
    client.create_log_stream(logGroupName="/app", logStreamName="s")
    now = int(datetime.now(UTC).timestamp() * 1000)
    client.put_log_events(
        logGroupName="/app",
        logStreamName="s",
        logEvents=[
            {"timestamp": now, "message": '{"event": "slice finished"}'},
            {"timestamp": now, "message": "noise"},
        ],
    )
    found = client.filter_log_events(logGroupName="/app", filterPattern="finished")
    assert [e["message"] for e in found["events"]] == ['{"event": "slice finished"}']
    client.delete_log_group(logGroupName="/app")
    assert client.describe_log_groups(logGroupNamePrefix="/app")["logGroups"] == []


def test_caller_is_the_account_of_its_access_key(emulator):
    assert emulator.client("sts").get_caller_identity()["Account"] == "000000000000"


def test_alarms_come_and_go(emulator):
    client = emulator.client("cloudwatch")
    client.put_metric_alarm(
        AlarmName="failures",
        Namespace="AWS/States",
        MetricName="ExecutionsFailed",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )
    alarm = client.describe_alarms(AlarmNames=["failures"])["MetricAlarms"][0]
    assert (alarm["Threshold"], alarm["Period"]) == (1, 60)
    client.delete_alarms(AlarmNames=["failures"])
    assert client.describe_alarms(AlarmNames=["failures"])["MetricAlarms"] == []


def test_secrets_are_kept_and_replaced(emulator):
    client = emulator.client("secretsmanager")
    arn = client.create_secret(Name="key", SecretString="one")["ARN"]
    assert client.get_secret_value(SecretId=arn)["SecretString"] == "one"
    client.put_secret_value(SecretId="key", SecretString="two")
    assert client.get_secret_value(SecretId="key")["SecretString"] == "two"
    client.delete_secret(SecretId="key", ForceDeleteWithoutRecovery=True)
    with pytest.raises(ClientError) as gone:
        client.get_secret_value(SecretId="key")
    assert error_code(gone.value) == "ResourceNotFoundException"


def test_function_may_be_deployed_from_an_object(emulator, bucket):
    code = zipped("def handle(e, c): return 'from s3'")
    emulator.client("s3").put_object(Bucket=bucket, Key="code.zip", Body=code)
    client = emulator.client("lambda")
    facts = client.create_function(
        FunctionName="stored",
        Role="arn:aws:iam::000000000000:role/test",
        Runtime="python3.13",
        Handler="handler.handle",
        Architectures=["arm64"],
        Code={"S3Bucket": bucket, "S3Key": "code.zip"},
    )
    assert facts["CodeSha256"] == _digest(code)
    answer = client.invoke(FunctionName="stored")["Payload"].read()
    assert json.loads(answer) == "from s3"


def _digest(code: bytes) -> str:
    return base64.b64encode(hashlib.sha256(code).digest()).decode()
