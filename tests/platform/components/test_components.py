import json
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

import pytest

from analemma.kernelspace import layout
from analemma.records.policy import FanOutPolicy, KernelPolicy
from analemma.records.run import WorkflowRef
from pulumi_mocks import Deployment
from stack_programs import deploy_stack

FUNCTION = "aws:lambda/function:Function"
KEY = "aws:kms/key:Key"
KEY_NAME = "aws:kms/alias:Alias"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
TAGGABLE = {
    "aws:s3/bucket:Bucket",
    "aws:dynamodb/table:Table",
    "aws:secretsmanager/secret:Secret",
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:cloudwatch/metricAlarm:MetricAlarm",
    "aws:iam/policy:Policy",
    "aws:iam/role:Role",
    "aws:kms/key:Key",
    FUNCTION,
    "aws:sfn/stateMachine:StateMachine",
}
UNTAGGABLE = {
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "aws:s3/bucketServerSideEncryptionConfiguration:"
    "BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "aws:s3/bucketVersioning:BucketVersioning",
    "aws:dynamodb/tableItem:TableItem",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:kms/alias:Alias",
}


@pytest.fixture(scope="module")
def zip_(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("artifact") / "lambda.zip"


@pytest.fixture(scope="module")
def dev(zip_: Path) -> Deployment:
    return deploy_stack("dev", zip_)


@pytest.fixture(scope="module")
def prod(zip_: Path) -> Deployment:
    return deploy_stack("prod", zip_)


def variables(deployment: Deployment, noun: str) -> dict[str, str]:
    function = deployment.named(f"kernel-space-{noun}-function")
    return function.inputs["environment"]["variables"]


def machine(deployment: Deployment) -> dict[str, dict[str, dict[str, object]]]:
    resource = deployment.only("aws:sfn/stateMachine:StateMachine")
    return json.loads(resource.inputs["definition"])


def test_only_types_that_the_embedded_cloud_realises_are_declared(
    dev: Deployment, prod: Deployment
) -> None:
    declared = {one.type for one in dev.resources + prod.resources}
    components = {
        "analemma:platform:Hardware",
        "analemma:platform:KernelSpace",
        "analemma:platform:KernelFunction",
        "analemma:platform:UserSpace",
    }
    assert declared == TAGGABLE | UNTAGGABLE | components


def test_every_taggable_resource_says_stack_tier_and_layer(prod: Deployment) -> None:
    for one in prod.resources:
        if one.type in TAGGABLE:
            assert one.inputs["tags"]["analemma:stack"] == "prod", one.name
            assert one.inputs["tags"]["analemma:tier"] == "prod", one.name
            assert one.name.startswith(one.inputs["tags"]["analemma:layer"]), one.name


def test_every_resource_is_named_after_stack_and_noun(dev: Deployment) -> None:
    names = {
        one.inputs.get("name", one.inputs.get("bucket"))
        for one in dev.resources
        # A key has no name but its alias.
        if one.type in TAGGABLE | {KEY_NAME} and one.type != KEY
    }
    assert names == {
        "analemma-dev-pages-123456789012",
        "analemma-dev-records",
        "analemma-dev-kernel",
        "analemma-dev-sweep",
        "alias/analemma-dev",
        "analemma-dev-failed-executions",
        *(f"analemma-dev-{noun}" for noun in ("slice", "worker", "park", "bury")),
        *(
            f"/aws/lambda/analemma-dev-{noun}"
            for noun in ("slice", "worker", "park", "bury")
        ),
    }


def test_exports_name_what_a_client_needs(dev: Deployment) -> None:
    digest_of_nothing = (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
    assert dev.outputs == {
        "stack": "dev",
        "region": "eu-west-1",
        "table": "analemma-dev-records",
        "bucket": "analemma-dev-pages-123456789012",
        "stateMachineArn": (
            "arn:aws:states:eu-west-1:123456789012:stateMachine:analemma-dev-kernel"
        ),
        "functionNames": {
            noun: f"analemma-dev-{noun}" for noun in ("slice", "worker", "park", "bury")
        },
        "policy": variables(dev, "slice")["ANALEMMA_POLICY"],
        "artifactSha256": digest_of_nothing,
    }


def test_pages_are_private_and_never_expire_by_age(
    dev: Deployment, prod: Deployment
) -> None:
    for deployment in (dev, prod):
        block = deployment.named("hardware-pages-private").inputs
        assert [block[key] for key in block if key != "bucket"] == [True] * 4
        rules = deployment.named("hardware-pages-lifecycle").inputs["rules"]
        expirations = [rule["expiration"] for rule in rules if "expiration" in rule]
        # What expires is the mark of a delete that hides no version any more.
        assert expirations == [{"expiredObjectDeleteMarker": True}]


def test_pages_keep_versions_always_and_deleted_ones_for_as_long_as_they_say(
    dev: Deployment, prod: Deployment
) -> None:
    for deployment, days in ((dev, 7), (prod, 30)):
        versioning = deployment.only(VERSIONING).inputs
        assert versioning["versioningConfiguration"] == {"status": "Enabled"}
        rules = deployment.named("hardware-pages-lifecycle").inputs["rules"]
        kept = [rule.get("noncurrentVersionExpiration") for rule in rules]
        assert kept == [None, {"noncurrentDays": days}]


def test_the_table_has_the_shape_of_the_record_store(dev: Deployment) -> None:
    table = dev.only("aws:dynamodb/table:Table").inputs
    assert (table["hashKey"], table["rangeKey"]) == ("pk", "sk")
    assert table["attributes"] == [
        {"name": "pk", "type": "S"},
        {"name": "sk", "type": "S"},
    ]
    assert table["billingMode"] == "PAY_PER_REQUEST"


def test_prod_keeps_and_guards_what_dev_gives_up(
    dev: Deployment, prod: Deployment
) -> None:
    def guards(deployment: Deployment) -> tuple[object, ...]:
        table = deployment.only("aws:dynamodb/table:Table").inputs
        return (
            table["pointInTimeRecovery"]["enabled"],
            table["deletionProtectionEnabled"],
            deployment.only("aws:s3/bucket:Bucket").inputs["forceDestroy"],
            deployment.only(KEY).inputs["deletionWindowInDays"],
            "hardware-records" in deployment.protected,
            "hardware-pages" in deployment.protected,
            "hardware-key" in deployment.protected,
            bool(deployment.of_type("aws:secretsmanager/secret:Secret")),
        )

    assert guards(dev) == (False, False, True, 7, False, False, False, False)
    assert guards(prod) == (True, True, False, 30, True, True, True, True)


def test_an_unprotected_prod_can_be_destroyed(zip_: Path) -> None:
    def unprotect(env: dict[str, object]) -> None:
        env["protected"] = False

    changed = deploy_stack("prod", zip_, unprotect)
    assert changed.protected == set()
    table = changed.only("aws:dynamodb/table:Table").inputs
    assert table["deletionProtectionEnabled"] is False
    assert table["pointInTimeRecovery"] == {"enabled": True}


def test_functions_are_the_four_handlers_of_one_zip(
    dev: Deployment, zip_: Path
) -> None:
    functions = dev.of_type(FUNCTION)
    handlers = {one.inputs["name"]: one.inputs["handler"] for one in functions}
    package = "analemma.entrypoints.lambdas"
    assert handlers == {
        "analemma-dev-slice": f"{package}.slices.handle",
        "analemma-dev-worker": f"{package}.workers.handle",
        "analemma-dev-park": f"{package}.parking.handle",
        "analemma-dev-bury": f"{package}.burial.handle",
    }
    for one in functions:
        assert one.inputs["runtime"] == "python3.13"
        assert one.inputs["architectures"] == ["arm64"]
        assert one.inputs["code"].path == str(zip_)


def test_every_function_has_a_log_group_that_forgets(
    dev: Deployment, prod: Deployment
) -> None:
    for deployment, days in ((dev, 7), (prod, 90)):
        groups = deployment.of_type("aws:cloudwatch/logGroup:LogGroup")
        assert {one.inputs["name"] for one in groups} == {
            f"/aws/lambda/{one.inputs['name']}" for one in deployment.of_type(FUNCTION)
        }
        assert {one.inputs["retentionInDays"] for one in groups} == {days}


def test_dev_and_prod_differ_in_reserved_concurrency(
    dev: Deployment, prod: Deployment
) -> None:
    def reserved(deployment: Deployment) -> dict[str, int]:
        return {
            one.inputs["name"].split("-")[-1]: one.inputs[
                "reservedConcurrentExecutions"
            ]
            for one in deployment.of_type(FUNCTION)
        }

    assert reserved(dev) == {"slice": 5, "worker": 8, "park": -1, "bury": -1}
    assert reserved(prod) == {"slice": 50, "worker": 100, "park": -1, "bury": -1}


def test_dev_and_prod_differ_in_the_machine_s_retry_and_width(
    dev: Deployment, prod: Deployment
) -> None:
    def shape(deployment: Deployment) -> tuple[object, ...]:
        states = machine(deployment)["States"]
        retry = states["Slice"]["Retry"][-1]
        return (
            states["FanOut"]["MaxConcurrency"],
            retry["MaxAttempts"],
            retry["IntervalSeconds"],
            retry["MaxDelaySeconds"],
        )

    assert shape(dev) == (4, 3, 1, 10)
    assert shape(prod) == (40, 8, 2, 300)


def test_the_machine_calls_the_deployed_functions_on_the_deployed_bucket(
    dev: Deployment,
) -> None:
    states = machine(dev)["States"]
    functions = "arn:aws:lambda:eu-west-1:123456789012:function:analemma-dev-"
    assert states["Slice"]["Parameters"]["FunctionName"] == f"{functions}slice"
    assert states["Bury"]["Parameters"]["FunctionName"] == f"{functions}bury"
    fan_out = states["FanOut"]
    assert fan_out["ItemReader"]["Parameters"]["Bucket"] == dev.outputs["bucket"]
    (worker,) = fan_out["ItemProcessor"]["States"].values()
    assert worker["Parameters"]["FunctionName"] == f"{functions}worker"


def changed_resources(before: Deployment, after: Deployment) -> set[str]:
    def declared(deployment: Deployment) -> dict[str, str]:
        return {
            one.name: json.dumps(one.inputs, default=vars, sort_keys=True)
            for one in deployment.resources
        }

    old, new = declared(before), declared(after)
    return {name for name in old | new if old.get(name) != new.get(name)}


def set_retry(env: dict[str, dict[str, dict[str, object]]]) -> None:
    env["kernel"]["retry"] = {"max_attempts": 7}


def set_width(env: dict[str, dict[str, dict[str, object]]]) -> None:
    env["kernel"]["fan_out"]["max_concurrency"] = 6


def set_budget(env: dict[str, dict[str, dict[str, object]]]) -> None:
    env["kernel"]["budget"]["supersteps"] = 7


FUNCTIONS = {
    f"kernel-space-{noun}-function" for noun in ("slice", "worker", "park", "bury")
}


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        (set_retry, {"kernel-space-machine"}),
        (set_width, {"kernel-space-machine"}),
        (set_budget, FUNCTIONS),
    ],
    ids=["retry", "max_concurrency", "budget"],
)
def test_a_policy_changes_only_what_obeys_it(
    dev: Deployment,
    zip_: Path,
    change: Callable[[dict[str, object]], None],
    changed: set[str],
) -> None:
    assert changed_resources(dev, deploy_stack("dev", zip_, change)) == changed


def test_functions_get_the_policy_they_obey_and_no_other(prod: Deployment) -> None:
    given = json.loads(variables(prod, "slice")["ANALEMMA_POLICY"])
    # Whatever a policy comes to hold, without what only the machine obeys.
    assert set(given) == KernelPolicy.model_fields.keys() - {"retry"}
    fan_out = FanOutPolicy.model_fields.keys() - {"max_concurrency"}
    assert set(given["fan_out"]) == fan_out
    policy = KernelPolicy.model_validate(given)
    assert policy.budget.supersteps == 5000
    assert policy.slices.renew_after_slices == 1000


def test_functions_find_their_stores_and_only_agents_get_models(
    prod: Deployment,
) -> None:
    stores = {
        "ANALEMMA_STACK": "prod",
        "ANALEMMA_TABLE": "analemma-prod-records",
        "ANALEMMA_BUCKET": "analemma-prod-pages-123456789012",
    }
    for noun in ("slice", "worker", "park", "bury"):
        given = variables(prod, noun)
        assert stores.items() <= given.items()
        models = {"ANALEMMA_MODELS", "ANALEMMA_MODEL_SECRET"} & set(given)
        assert len(models) == (2 if noun in ("slice", "worker") else 0)
    secret = variables(prod, "slice")["ANALEMMA_MODEL_SECRET"]
    assert secret.startswith("arn:")
    assert secret.endswith("analemma-prod-model-keys")


def test_without_a_secret_no_function_is_told_of_one(dev: Deployment) -> None:
    assert "ANALEMMA_MODEL_SECRET" not in variables(dev, "slice")


def test_a_workflow_is_one_record_in_the_shape_of_the_store(dev: Deployment) -> None:
    item = json.loads(dev.only("aws:dynamodb/tableItem:TableItem").inputs["item"])
    body = b64decode(item.pop("body")["B"])
    assert item == {
        "pk": {"S": layout.workflows_partition("dev")},
        "sk": {"S": "auditor"},
        "rev": {"N": "1"},
    }
    ref = WorkflowRef.model_validate_json(body)
    assert (ref.name, ref.target) == ("auditor", "auditor.graph:graph")


def test_the_alarm_watches_this_machine(prod: Deployment) -> None:
    alarm = prod.only("aws:cloudwatch/metricAlarm:MetricAlarm").inputs
    assert alarm["metricName"] == "ExecutionsFailed"
    assert alarm["dimensions"] == {"StateMachineArn": prod.outputs["stateMachineArn"]}
    assert (alarm["threshold"], alarm["period"]) == (1, 300)


def test_a_preview_declares_the_same_resources(dev: Deployment, zip_: Path) -> None:
    preview = deploy_stack("dev", zip_, preview=True)
    assert {one.name for one in preview.resources} == {
        one.name for one in dev.resources
    }
