"""A secret goes where the program sends it, and is printed nowhere."""

import json
import stat

import pulumi
import pytest

from analemma_platform.engine.failures import DeploymentFailed
from analemma_platform.engine.redaction import Redactor
from analemma_platform.engine.values import (
    SECRET,
    SIGNATURE,
    UNKNOWN,
    holds_secret,
    mark_secrets,
    plain,
    secret_names,
)
from engine_shelf import Box, Workshop

PASSWORD = "correct-horse-battery"


def vault(password: str = PASSWORD) -> None:
    secret = pulumi.Output.secret(password)
    box = Box("safe", password=secret, content={"inner": [secret]}, label="open")
    pulumi.export("label", box.label)
    pulumi.export("password", secret)
    pulumi.export("url", pulumi.Output.format("db://{0}", secret))


def test_the_cloud_gets_the_secret_and_the_outputs_hide_it(workshop: Workshop) -> None:
    result = workshop.engine(vault).up()
    assert workshop.shelf.named(workshop.shelf.names()[0])["password"] == PASSWORD
    assert result.secret_outputs == {"password", "url"}
    assert result.shown_outputs() == {
        "label": "open",
        "password": "[secret]",
        "url": "[secret]",
    }


def test_the_state_marks_secrets_and_is_its_owners_alone(workshop: Workshop) -> None:
    workshop.engine(vault).up()
    assert stat.S_IMODE(workshop.store.path.stat().st_mode) == 0o600
    state = workshop.store.read()
    assert state is not None
    (safe,) = [r for r in state.resources if r.type == "shelf:index:Box"]
    assert safe.secret_inputs == {"password", "content"}
    assert safe.secret_outputs == {"password", "content"}
    assert state.secret_outputs == {"password", "url"}


def test_a_changed_secret_is_told_without_either_value(workshop: Workshop) -> None:
    workshop.engine(vault).up()
    plan = workshop.engine(lambda: vault("battery-staple")).preview()
    (step,) = [step for step in plan.steps if step.changes]
    assert {(c.path, c.before, c.after) for c in step.changes} == {
        ("password", "[secret]", "[secret]"),
        ("content", "[secret]", "[secret]"),
    }
    told = repr(plan)
    assert PASSWORD not in told
    assert "battery-staple" not in told


def test_what_comes_out_of_a_secret_input_is_secret_in_the_program(
    workshop: Workshop,
) -> None:
    def program() -> None:
        box = Box("safe", label=pulumi.Output.secret(PASSWORD))
        pulumi.export("label", box.label)
        pulumi.export("address", box.address)

    result = workshop.engine(program).up()
    assert result.secret_outputs == {"label"}


def test_additional_secret_outputs_are_secret(workshop: Workshop) -> None:
    def program() -> None:
        secret = pulumi.ResourceOptions(additional_secret_outputs=["address"])
        pulumi.export("address", Box("safe", secret).address)

    assert workshop.engine(program).up().secret_outputs == {"address"}


def test_neither_log_nor_error_quotes_a_secret(workshop: Workshop) -> None:
    workshop.config = {"shop:password": PASSWORD}
    workshop.secret_keys = frozenset({"shop:password"})

    def program() -> None:
        password = pulumi.Config("shop").require_secret("password")
        password.apply(lambda text: pulumi.log.warn(f"it is {text}"))
        Box("safe", password=password)
        raise ValueError(f"refused {pulumi.Config('shop').require('password')}")

    with pytest.raises(DeploymentFailed) as failed:
        workshop.engine(program).up()
    assert "[secret]" in str(failed.value)
    assert PASSWORD not in str(failed.value)
    assert PASSWORD not in json.dumps(workshop.said)


def test_a_secret_of_the_last_deployment_is_still_hidden_in_the_next(
    workshop: Workshop,
) -> None:
    workshop.engine(vault).up()

    def program() -> None:
        pulumi.log.info(f"once it was {PASSWORD}")

    workshop.engine(program).preview()
    assert workshop.said == [("info", "once it was [secret]")]


def test_marks_are_found_at_any_depth_and_taken_off() -> None:
    secret = {SIGNATURE: SECRET, "value": {"a": ["x"]}}
    assert holds_secret({"deep": [secret]})
    assert not holds_secret({"deep": ["x"]})
    assert plain({"deep": [secret]}) == {"deep": [{"a": ["x"]}]}
    assert plain({SIGNATURE: SECRET}) == UNKNOWN
    assert secret_names({"a": [secret], "b": 1}) == {"a"}
    marked = mark_secrets({"a": 1, "b": 2}, frozenset({"b"}))
    assert marked == {"a": 1, "b": {SIGNATURE: SECRET, "value": 2}}


def test_short_secrets_do_not_blot_out_every_message() -> None:
    redactor = Redactor()
    redactor.learn({"pin": "42", "token": "abcdefgh"})
    assert redactor.redact("42 abcdefgh") == "42 [secret]"
    assert redactor.names_with_secrets({"a": "x-abcdefgh", "b": "42"}) == {"a"}
