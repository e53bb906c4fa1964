"""The dev and the prod stack from their first preview to their last resource."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_aws import Aws
from cloud_deployments import (
    KEEPER,
    THROTTLED,
    Site,
    changed_steps,
    deployed_machine,
    kept_running,
    reserved_concurrency,
    retriers,
    wanted_concurrency,
)
from cloud_inventory import inventory
from cloud_project import Environment, project_at

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cloud")]

STACKS = ("dev", "prod")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A copy of the project, and a cloud that outlives its last stack."""
    folder = tmp_path_factory.mktemp("site")
    with kept_running(folder / "home", folder / "keeper"):
        yield Site(project_at(folder / "project"), folder / "home")


def assert_deployed_as_its_file_says(aws: Aws, environment: Environment) -> None:
    kernel, machine = environment["kernel"], deployed_machine(aws)
    found = retriers(machine)
    assert len(found) > 5
    for each in found:
        assert each["IntervalSeconds"] == kernel["retry"]["interval_seconds"]
        assert each["BackoffRate"] == kernel["retry"]["backoff_rate"]
        assert each["MaxDelaySeconds"] == kernel["retry"]["max_delay_seconds"]
        if each["ErrorEquals"] != [THROTTLED]:
            assert each["MaxAttempts"] == kernel["retry"]["max_attempts"]
    width = machine["States"]["FanOut"]["MaxConcurrency"]
    assert width == kernel["fan_out"]["max_concurrency"]
    assert reserved_concurrency(aws) == wanted_concurrency(environment)


@pytest.mark.parametrize("stack", STACKS)
def test_stack_lives_from_preview_to_destroy_and_leaves_nothing(site: Site, stack: str):
    keeper = Aws.of(site.home, KEEPER)
    nothing = inventory(keeper)

    promised = site.plan("preview", stack)
    assert inventory(keeper) == nothing
    done = site.plan("up", stack)
    assert promised["counts"] == done["counts"]
    assert promised["counts"].keys() == {"create"}
    assert sorted(changed_steps(promised)) == sorted(changed_steps(done))
    deployed = Aws.of(site.home, stack)
    assert_deployed_as_its_file_says(deployed, site.project.environment(stack))

    again = site.plan("up", stack)
    assert again["counts"] == {"same": done["counts"]["create"]}
    assert again["outputs"] == done["outputs"]

    def be_more_patient(environment: Environment) -> None:
        retry = environment["kernel"]["retry"]
        retry["max_attempts"] += 1
        retry["interval_seconds"] += 1

    site.project.change(stack, be_more_patient)
    only_the_machine = [("update", "kernel-space-machine", ["definition"])]
    assert changed_steps(site.plan("up", stack)) == only_the_machine
    assert_deployed_as_its_file_says(deployed, site.project.environment(stack))

    # Stores that hold something go all the same.
    deployed.client("s3").put_object(Bucket=deployed.outputs["bucket"], Key="pages/x")
    there = inventory(keeper)
    if site.project.environment(stack)["protected"]:
        refused = site.cloud("destroy", stack)
        assert refused.code == 2
        assert "nothing was deleted" in refused.err
        assert inventory(keeper) == there
    destroyed = site.plan("destroy", stack, "--unprotect")
    assert destroyed["counts"] == {"delete": done["counts"]["create"]}
    # Every kind of thing was there, and none is left.
    assert len(there) >= 7
    assert inventory(keeper) == nothing == {}


def test_stack_files_want_different_retries_widths_and_reservations(
    tmp_path: Path,
) -> None:
    # Not the site's: its files are changed by other tests.
    project = project_at(tmp_path / "project")
    dev, prod = (project.environment(stack) for stack in STACKS)
    for name in ("max_attempts", "interval_seconds", "max_delay_seconds"):
        assert dev["kernel"]["retry"][name] != prod["kernel"]["retry"][name]
    widths = {each["kernel"]["fan_out"]["max_concurrency"] for each in (dev, prod)}
    assert len(widths) == 2
    for noun in ("slice", "worker"):
        assert wanted_concurrency(dev)[noun] != wanted_concurrency(prod)[noun]
