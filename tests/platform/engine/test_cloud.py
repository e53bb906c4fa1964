"""The embedded cloud: a project of files on the real emulator daemon."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from analemma.errors import CloudUnavailable, ConfigInvalid
from analemma_platform.cloud import EmbeddedCloud
from analemma_platform.emulator import daemon
from analemma_platform.emulator.daemon import RunningEmulator
from analemma_platform.engine.failures import Protected, StackBusy
from analemma_platform.engine.plan import Op
from analemma_platform.engine.stack_lock import stack_lock
from analemma_platform.realisers.aws import Aws
from engine_project import PASSWORD, RESOURCES, change, write_project
from engine_shelf import changes_of, ops


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "home"
    yield home
    daemon.stop(home)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project", "dev", "prod")


def aws_of(home: Path) -> Aws:
    running = daemon.status(home)
    assert running is not None
    return Aws(running.endpoint, "eu-west-1")


def test_a_preview_leaves_neither_resources_nor_state_nor_daemon(
    root: Path, home: Path
) -> None:
    plan = EmbeddedCloud(root, home, "dev").preview()
    assert {step.name for step in plan.steps} == RESOURCES
    assert set(ops(plan).values()) == {"create"}
    assert daemon.status(home) is None
    assert not list(home.rglob("state.json"))


def test_a_stack_goes_up_changes_and_goes_down(root: Path, home: Path) -> None:
    cloud = EmbeddedCloud(root, home, "dev")
    assert not cloud.status().running
    made = cloud.up()
    assert made.counts[Op.CREATE] == len(RESOURCES)
    assert made.outputs["artifact"] == "host"
    assert made.outputs["account"] == "000000000000"
    aws = aws_of(home)
    assert aws.call("dynamodb", "list_tables").texts("TableNames") == [
        made.outputs["table"]
    ]
    status = cloud.status()
    assert (status.deployed, status.stale, status.resources) == (True, False, 4)
    assert status.endpoint == daemon.start(home).endpoint

    assert cloud.outputs()["password"] == "[secret]"
    assert PASSWORD not in json.dumps(cloud.outputs())

    assert cloud.up().changes_nothing

    change(root, "dev", "seconds: 1", "seconds: 2")
    plan = cloud.preview()
    assert changes_of(plan) == {"machine": "update"}
    (step,) = [step for step in plan.steps if step.changes]
    assert step.changes[0].path == "definition.States.Wait.Seconds"
    assert daemon.status(home) is not None
    assert changes_of(cloud.up()) == {"machine": "update"}
    machine = aws.call(
        "stepfunctions",
        "describe_state_machine",
        stateMachineArn=made.outputs["machine"],
    )
    assert json.loads(machine.text("definition"))["States"]["Wait"]["Seconds"] == 2

    name = made.outputs["table"]
    aws.call("dynamodb", "delete_table", TableName=name)
    assert changes_of(cloud.refresh()) == {"records": "delete"}
    assert changes_of(cloud.up())["records"] == "create"

    gone = cloud.destroy()
    assert gone.counts[Op.DELETE] == len(RESOURCES)
    assert daemon.status(home) is None
    assert not list(home.rglob("state.json"))
    assert not cloud.status().deployed


def test_the_state_of_a_cloud_that_is_gone_counts_for_nothing_and_that_is_said(
    root: Path, home: Path
) -> None:
    cloud = EmbeddedCloud(root, home, "dev")
    cloud.up()
    daemon.stop(home)
    status = cloud.status()
    assert (status.running, status.deployed, status.stale) == (False, False, True)
    with pytest.raises(CloudUnavailable, match="analemma cloud up --stack dev"):
        cloud.outputs()
    plan = cloud.preview()
    assert set(ops(plan).values()) == {"create"}
    assert "starts from nothing" in plan.notes[0]
    again = cloud.up()
    assert set(ops(again).values()) == {"create"}
    assert again.notes == plan.notes
    assert cloud.up().notes == ()
    daemon.stop(home)
    gone = cloud.destroy()
    assert gone.steps == ()
    assert gone.notes
    assert not cloud.status().stale


def test_two_stacks_share_a_cloud_until_the_last_is_destroyed(
    root: Path, home: Path
) -> None:
    dev, prod = EmbeddedCloud(root, home, "dev"), EmbeddedCloud(root, home, "prod")
    table = dev.up().outputs["table"]
    change(root, "prod", "config:", "config:\n  shop:other: organization/shop/dev")
    assert prod.up().outputs["otherTable"] == table
    dev.destroy()
    assert prod.status().deployed
    names = aws_of(home).call("dynamodb", "list_tables").texts("TableNames")
    assert names == [prod.outputs()["table"]]
    with pytest.raises(CloudUnavailable, match="organization/shop/dev"):
        prod.up()
    prod.destroy()
    assert daemon.status(home) is None


def test_what_is_protected_is_destroyed_only_when_that_is_asked_for(
    tmp_path: Path, home: Path
) -> None:
    root = write_project(tmp_path / "project", protect=True)
    cloud = EmbeddedCloud(root, home, "dev")
    cloud.up()
    with pytest.raises(Protected, match="--unprotect"):
        cloud.destroy()
    assert cloud.status().resources == len(RESOURCES)
    cloud.destroy(unprotect=True)
    assert daemon.status(home) is None


def test_one_stack_is_changed_by_one_command_at_a_time(root: Path, home: Path) -> None:
    held = stack_lock(home / "cloud" / "dev" / "lock", "dev")
    with held, pytest.raises(StackBusy, match="stack dev"):
        EmbeddedCloud(root, home, "dev").up()


class ElsewhereHost:
    """An emulator that claims to be somewhere it must not be."""

    def start(self, home: Path) -> RunningEmulator:
        return RunningEmulator("https://dynamodb.eu-west-1.amazonaws.com", 1, "x")

    def status(self, home: Path) -> RunningEmulator | None:
        return None

    def stop(self, home: Path) -> bool:
        return True


def test_nothing_is_ever_deployed_to_another_machine(root: Path, home: Path) -> None:
    cloud = EmbeddedCloud(root, home, "dev", ElsewhereHost())
    for deploy in (cloud.preview, cloud.up):
        with pytest.raises(ConfigInvalid, match="only talks to this machine"):
            deploy()
    assert not list(home.rglob("state.json"))


@pytest.mark.parametrize("stack", ["test", "../dev"])
def test_an_unknown_stack_is_refused_and_starts_nothing(
    root: Path, home: Path, stack: str
) -> None:
    with pytest.raises(ConfigInvalid, match=stack):
        EmbeddedCloud(root, home, stack).up()
    assert daemon.status(home) is None


def test_a_stack_without_region_is_refused(root: Path, home: Path) -> None:
    change(root, "dev", "  aws:region: eu-west-1\n", "")
    with pytest.raises(ConfigInvalid, match="aws:region is missing"):
        EmbeddedCloud(root, home, "dev").preview()
