"""Wiring: settings are read once, and what does not hold is named."""

import json
import sys
from pathlib import Path

import pytest
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

from analemma.errors import ConfigInvalid
from analemma.hardware.local.key_file import create_key
from analemma.hardware.ports import ModelRequest
from analemma.kernelspace.serializer import PLAIN
from analemma.records.budget import Budget
from analemma.records.policy import KernelPolicy
from analemma.wiring import (
    CloudSettings,
    cloud_machine,
    home_path,
    laptop_machine,
    settings_of_lambda,
    stack_settings,
    state_machine,
)

LAMBDA = {
    "ANALEMMA_STACK": "dev",
    "ANALEMMA_TABLE": "table",
    "ANALEMMA_BUCKET": "bucket",
    "AWS_REGION": "eu-west-1",
}
OUTPUTS = {
    "region": "eu-west-1",
    "table": "t",
    "bucket": "b",
    "stateMachineArn": "arn:m",
    "policy": "{}",
}


def policy_from(tmp_path: Path, text: str) -> KernelPolicy:
    with laptop_machine(tmp_path / "home", {"ANALEMMA_POLICY": text}) as machine:
        return machine.policy


def test_without_a_policy_the_defaults_hold(tmp_path: Path) -> None:
    assert policy_from(tmp_path, "") == KernelPolicy()


def test_a_policy_in_the_environment_changes_what_it_names(tmp_path: Path) -> None:
    policy = policy_from(
        tmp_path, '{"budget": {"tokens": 5}, "fan_out": {"min_tasks": 3}}'
    )

    assert policy.budget == Budget(tokens=5)
    assert policy.fan_out.min_tasks == 3
    assert policy.retry == KernelPolicy().retry


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "ANALEMMA_POLICY: the whole: Invalid JSON"),
        ("7", "ANALEMMA_POLICY: the whole:"),
        ('{"retries": {}}', "ANALEMMA_POLICY: retries: Extra inputs"),
        ('{"retry": {"max_attempts": 99}}', "ANALEMMA_POLICY: retry.max_attempts:"),
        ('{"slices": {"seconds": 0}}', "ANALEMMA_POLICY: slices.seconds:"),
    ],
)
def test_a_policy_that_does_not_hold_is_refused_before_a_home_is_made(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        policy_from(tmp_path, text)

    assert str(refused.value).startswith(words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[", "ANALEMMA_MODELS: the whole: Invalid JSON"),
        ('{"openai": null}', "ANALEMMA_MODELS: openai: Extra inputs"),
        ('{"gemini": {}}', "ANALEMMA_MODELS: gemini.model: Field required"),
    ],
)
def test_models_that_do_not_hold_are_refused_by_the_name_of_the_variable(
    tmp_path: Path, text: str, words: str
) -> None:
    with (
        pytest.raises(ConfigInvalid) as refused,
        laptop_machine(tmp_path / "home", {"ANALEMMA_MODELS": text}),
    ):
        pass

    assert str(refused.value).startswith(words)


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({}, "scripted"),
        ({"GEMINI_API_KEY": "k"}, "gemini/gemini-2.5-flash"),
        ({"ANTHROPIC_API_KEY": "k"}, "anthropic/claude-haiku-4-5"),
        (
            {
                "GEMINI_API_KEY": "k",
                "ANALEMMA_MODELS": '{"gemini": {"model": "gemini-x"}}',
            },
            "gemini/gemini-x",
        ),
    ],
)
def test_keys_and_models_decide_who_is_asked(
    tmp_path: Path, environment: dict[str, str], name: str
) -> None:
    with laptop_machine(tmp_path / "home", environment) as machine:
        model = machine.model(lambda request: "scripted answer")

        assert model.name.startswith(name)


def test_a_key_for_a_vendor_that_the_environment_does_not_allow_is_refused(
    tmp_path: Path,
) -> None:
    environment = {"GEMINI_API_KEY": "k", "ANALEMMA_MODELS": '{"gemini": null}'}

    with (
        laptop_machine(tmp_path / "home", environment) as machine,
        pytest.raises(ConfigInvalid, match="GEMINI_API_KEY is set, but no model"),
    ):
        machine.model(None)


def test_without_a_key_the_workflows_own_script_answers(tmp_path: Path) -> None:
    with laptop_machine(tmp_path / "home", {}) as machine:
        model = machine.model(lambda request: f"to {request.prompt}")

        assert model.ask(ModelRequest(prompt="you")).text == "to you"


def test_a_home_is_what_was_given_else_the_environments_else_the_default() -> None:
    environment = {"ANALEMMA_HOME": "there"}

    assert home_path(Path("here"), environment) == Path("here")
    assert home_path(None, environment) == Path("there")
    assert home_path(None, {"ANALEMMA_HOME": ""}) == Path(".analemma")


def test_a_lambda_reads_its_settings_from_its_environment() -> None:
    assert settings_of_lambda(LAMBDA) == CloudSettings(
        stack="dev", region="eu-west-1", table="table", bucket="bucket"
    )


@pytest.mark.parametrize("missing", list(LAMBDA))
def test_a_lambda_names_the_variable_that_it_misses(missing: str) -> None:
    environment = {name: value for name, value in LAMBDA.items() if name != missing}

    with pytest.raises(ConfigInvalid, match=f"has no {missing};"):
        settings_of_lambda(environment)


def test_a_stack_is_described_by_what_it_exports() -> None:
    settings = stack_settings(
        json.dumps(OUTPUTS), "dev", endpoint_url="http://x", secret_access_key="s3cr3t"
    )

    assert (settings.table, settings.state_machine) == ("t", "arn:m")
    assert settings.endpoint_url == "http://x"
    assert "s3cr3t" not in repr(settings)


@pytest.mark.parametrize("missing", list(OUTPUTS))
def test_a_stack_that_misses_an_output_is_refused_by_its_name(missing: str) -> None:
    outputs = {name: value for name, value in OUTPUTS.items() if name != missing}

    with pytest.raises(ConfigInvalid, match=f"stack dev exports no {missing};"):
        stack_settings(json.dumps(outputs), "dev")


def test_the_cloud_obeys_the_policy_of_its_stack_and_not_of_this_desk() -> None:
    settings = CloudSettings(
        stack="dev",
        region="eu-west-1",
        table="t",
        bucket="b",
        policy='{"budget": {"tokens": 5}}',
        access_key_id="testing",
        secret_access_key="testing",
    )

    machine = cloud_machine(settings, {"ANALEMMA_POLICY": '{"budget": {"tokens": 9}}'})

    assert machine.policy.budget == Budget(tokens=5)


def test_a_key_of_this_desk_is_for_homes_and_not_for_the_cloud(tmp_path: Path) -> None:
    settings = CloudSettings(
        stack="dev",
        region="eu-west-1",
        table="t",
        bucket="b",
        access_key_id="testing",
        secret_access_key="testing",
    )
    create_key(tmp_path / "key")
    environment = {"ANALEMMA_ENCRYPTION_KEY_FILE": str(tmp_path / "key")}

    assert cloud_machine(settings, environment).serde is PLAIN
    with laptop_machine(tmp_path / "home", environment) as machine:
        assert isinstance(machine.serde, EncryptedSerializer)
        assert not (tmp_path / "home" / "encryption.json").exists()
    with laptop_machine(tmp_path / "home", {}) as machine:
        assert machine.serde is PLAIN


def test_a_stack_without_a_state_machine_is_refused() -> None:
    with pytest.raises(ConfigInvalid, match="dev exports no state machine"):
        state_machine(settings_of_lambda(LAMBDA))


def test_missing_aws_clients_are_named_with_what_installs_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "analemma.hardware.aws.clients", raising=False)
    for name in ("boto3", "boto3.session"):
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(ConfigInvalid, match=r"pip install 'analemma\[aws\]'"):
        cloud_machine(settings_of_lambda(LAMBDA), {})
