import json
from collections.abc import Callable
from pathlib import Path

import pulumi
import pytest

from analemma_platform.packaging import Platform
from analemma_platform.settings import (
    EnvironmentSettings,
    load_artifact,
    load_environment,
)
from pulumi_mocks import deploy, stack_config
from stack_programs import PROJECT, environment_of


def load(
    env: object = None,
    *,
    stack: str = "dev",
    secrets: tuple[str, ...] = (),
    others: dict[str, str] | None = None,
    loader: Callable[[], object] = load_environment,
) -> object:
    """Load settings inside a program, as the real program does."""
    config = {} if env is None else {"analemma:env": json.dumps(env)}
    found: list[object] = []
    deploy(
        lambda: found.append(loader()),
        stack=stack,
        config=config | (others or {}),
        root=Path(),
        secrets=secrets,
    )
    return found[0]


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_both_stack_files_hold(stack: str) -> None:
    settings = load(environment_of(stack), stack=stack)
    assert isinstance(settings, EnvironmentSettings)
    assert settings.tier == stack


def test_what_a_stack_file_leaves_out_is_free_of_charge_and_still_careful() -> None:
    env: dict[str, object] = dict(environment_of("dev"))
    del env["encryption"]
    env["retention"] = {"logs_days": 7}
    settings = load(env)
    assert isinstance(settings, EnvironmentSettings)
    assert settings.encryption.kms is False
    assert settings.retention.deleted_pages_days == 7


def set_at(path: str, value: object) -> dict[str, object]:
    env: dict[str, object] = dict(environment_of("dev"))
    place: object = env
    *parents, last = path.split(".")
    for part in parents:
        place = place[int(part)] if isinstance(place, list) else place[part]
    place[last] = value
    return env


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("tire", "dev", "analemma:env.tire = 'dev': there is no such key"),
        (
            "kernel.retry.max_atempts",
            3,
            "analemma:env.kernel.retry.max_atempts = 3: there is no such key",
        ),
        (
            "kernel.retry.max_attempts",
            99,
            "analemma:env.kernel.retry.max_attempts = 99: "
            "Input should be less than or equal to 20",
        ),
        (
            "kernel.fan_out.batch_size",
            "10",
            "analemma:env.kernel.fan_out.batch_size = '10': "
            "Input should be a valid integer",
        ),
        (
            "kernel.limits",
            {"environment": {"micro_usd": 5, "per": "week"}},
            "analemma:env.kernel.limits.environment.per = 'week': "
            "Input should be 'day'",
        ),
        (
            "protected",
            "yes",
            "analemma:env.protected = 'yes': Input should be a valid boolean",
        ),
        (
            "lambdas.slice.timeout_seconds",
            901,
            "analemma:env.lambdas.slice.timeout_seconds = 901: "
            "Input should be less than or equal to 900",
        ),
        (
            "retention.logs_days",
            8,
            "analemma:env.retention.logs_days = 8: CloudWatch Logs keeps logs",
        ),
        (
            "workflows.0.path",
            "../elsewhere",
            "analemma:env.workflows[0].path = '../elsewhere': "
            "a folder inside the project",
        ),
        (
            "workflows.0.target",
            "auditor.graph",
            "analemma:env.workflows[0].target = 'auditor.graph': String should match",
        ),
        (
            "models.secret",
            "sk-123",
            "analemma:env.models.secret = 'sk-123': Input should be a valid boolean",
        ),
        (
            "encryption.kms",
            "yes",
            "analemma:env.encryption.kms = 'yes': Input should be a valid boolean",
        ),
        (
            "encryption.key",
            "arn:x",
            "analemma:env.encryption.key = 'arn:x': there is no such key",
        ),
        (
            "retention.deleted_pages_days",
            None,
            "analemma:env.retention.deleted_pages_days = None: "
            "Input should be a valid integer",
        ),
        ("tier", "test", "analemma:env.tier = 'test': Input should be 'dev' or 'prod'"),
    ],
)
def test_a_wrong_value_is_refused_naming_file_key_and_value(
    path: str, value: object, line: str
) -> None:
    with pytest.raises(pulumi.RunError) as refused:
        load(set_at(path, value))
    assert str(refused.value).startswith(f"Pulumi.dev.yaml: {line}")


def test_each_wrong_key_has_its_own_line() -> None:
    env = environment_of("prod") | {"tire": 1, "tears": 2}
    with pytest.raises(pulumi.RunError) as refused:
        load(env, stack="prod")
    assert str(refused.value).splitlines() == [
        "Pulumi.prod.yaml: analemma:env.tire = 1: there is no such key",
        "Pulumi.prod.yaml: analemma:env.tears = 2: there is no such key",
    ]


def test_a_missing_key_is_named() -> None:
    env = environment_of("dev")
    del env["lambdas"]["worker"]
    with pytest.raises(
        pulumi.RunError, match=r"yaml: analemma:env.lambdas.worker is missing$"
    ):
        load(env)


def test_fewer_reserved_workers_than_one_fan_out_uses_are_refused() -> None:
    env = set_at("lambdas.worker.reserved_concurrency", 3)
    with pytest.raises(
        pulumi.RunError, match=r"3 is less than .*max_concurrency 4: .*; raise the one"
    ):
        load(env)


def test_as_many_reserved_workers_as_one_fan_out_uses_suffice() -> None:
    load(set_at("lambdas.worker.reserved_concurrency", 4))


def test_workers_of_the_account_s_pool_may_be_as_many_as_a_fan_out_wants() -> None:
    env = set_at("kernel.fan_out.max_concurrency", 1000)
    env["lambdas"]["worker"].pop("reserved_concurrency")
    assert load(env).lambdas.worker.reserved_concurrency is None


def test_two_workflows_of_one_name_are_refused() -> None:
    env: dict[str, object] = dict(environment_of("dev"))
    env["workflows"] = [env["workflows"][0]] * 2
    with pytest.raises(pulumi.RunError, match="workflows: auditor is there twice"):
        load(env)


def test_a_stack_without_settings_is_refused() -> None:
    with pytest.raises(pulumi.RunError, match=r"Pulumi.dev.yaml: analemma:env is miss"):
        load(None)


def test_text_that_is_no_json_is_refused() -> None:
    with pytest.raises(pulumi.RunError, match=r"Pulumi.dev.yaml: analemma:env = 'tier"):
        load(None, others={"analemma:env": "tier: dev"})


def test_a_secret_in_the_settings_is_refused_and_not_shown() -> None:
    env = environment_of("dev") | {"key": "sk-123"}
    with pytest.raises(pulumi.RunError, match="holds a secret") as refused:
        load(env, secrets=("analemma:env",))
    assert "sk-123" not in str(refused.value)


def test_a_huge_value_is_cut_in_the_message() -> None:
    with pytest.raises(pulumi.RunError) as refused:
        load(set_at("tire", "x" * 5000))
    assert len(str(refused.value)) < 300


def test_the_artifact_is_for_arm64_unless_the_stack_says_otherwise() -> None:
    default = load(loader=load_artifact)
    host = load(
        loader=load_artifact,
        others={"analemma:artifact": "host", "analemma:artifactPath": "a.zip"},
    )
    assert (default.platform, default.path) == (Platform.ARM64, None)
    assert (host.platform, host.path) == (Platform.HOST, "a.zip")


def test_an_unknown_artifact_is_refused_naming_the_key() -> None:
    with pytest.raises(
        pulumi.RunError, match=r"Pulumi.dev.yaml: analemma:artifact = 'x86': .*arm64"
    ):
        load(loader=load_artifact, others={"analemma:artifact": "x86"})


def test_stack_files_have_no_key_the_program_does_not_read() -> None:
    for stack in ("dev", "prod"):
        assert set(stack_config(PROJECT, stack)) == {"aws:region", "analemma:env"}
