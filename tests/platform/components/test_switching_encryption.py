"""A stack whose key is turned on and off, on the emulated AWS."""

from collections.abc import Iterator
from typing import Any

import pytest

from cloud_aws import Aws
from cloud_deployments import KEEPER, Site, changed_steps, kept_running
from cloud_inventory import inventory
from cloud_project import Environment, project_at

pytestmark = [pytest.mark.whole, pytest.mark.slow, pytest.mark.xdist_group("cloud")]

RIGHTS = {
    *(f"kernel-space-{noun}-rights" for noun in ("slice", "worker", "park", "bury")),
    "kernel-space-machine-rights",
    "kernel-space-sweep-rights",
}
STORES = {"hardware-pages-encryption", "hardware-records"}
KEY = {"hardware-key", "hardware-key-name"}
ALIAS = "alias/analemma-{}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A copy of the project, and a cloud that outlives its stacks."""
    folder = tmp_path_factory.mktemp("site")
    with kept_running(folder / "home", folder / "keeper"):
        yield Site(project_at(folder / "project"), folder / "home")


def switch(site: Site, stack: str, *, on: bool) -> None:
    def edit(environment: Environment) -> None:
        environment["encryption"] = {"kms": on}

    site.project.change(stack, edit)


def steps_by_op(plan: Any) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for op, name, _ in changed_steps(plan):
        found.setdefault(op, set()).add(name)
    return found


def put_page(aws: Aws, name: str) -> str | None:
    """Store a page and return under which key it is; None: not one of KMS."""
    where = {"Bucket": aws.outputs["bucket"], "Key": f"pages/local/{name}"}
    aws.client("s3").put_object(**where, Body=name.encode())
    key: str | None = aws.client("s3").head_object(**where).get("SSEKMSKeyId")
    return key


def key_of_records(aws: Aws) -> str | None:
    """Return under which key the table is; None: not one of the stack's."""
    table = aws.client("dynamodb").describe_table(TableName=aws.outputs["table"])
    sealed = table["Table"].get("SSEDescription", {"Status": "DISABLED"})
    return sealed["KMSMasterKeyArn"] if sealed["Status"] == "ENABLED" else None


def test_a_key_is_turned_on_and_off_and_only_stores_and_rights_change(
    site: Site,
) -> None:
    switch(site, "dev", on=False)
    site.plan("up", "dev")
    aws = Aws.of(site.home, "dev")
    assert (put_page(aws, "before"), key_of_records(aws)) == (None, None)

    switch(site, "dev", on=True)
    promised = site.plan("preview", "dev")
    turned_on = site.plan("up", "dev")
    wanted = {"create": KEY, "update": STORES | RIGHTS}
    assert steps_by_op(promised) == steps_by_op(turned_on) == wanted
    kms = aws.client("kms")
    key = kms.describe_key(KeyId=ALIAS.format("dev"))["KeyMetadata"]
    assert kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"]
    assert (put_page(aws, "after"), key_of_records(aws)) == (key["Arn"], key["Arn"])
    assert not changed_steps(site.plan("up", "dev"))

    switch(site, "dev", on=False)
    turned_off = site.plan("up", "dev")
    assert steps_by_op(turned_off) == {"update": STORES | RIGHTS, "delete": KEY}
    state = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"]
    assert state == "PendingDeletion"
    assert (put_page(aws, "later"), key_of_records(aws)) == (None, None)
    site.plan("destroy", "dev")


def test_a_protected_stack_does_not_give_its_key_up(site: Site) -> None:
    site.plan("up", "prod")
    aws, keeper = Aws.of(site.home, "prod"), Aws.of(site.home, KEEPER)
    switch(site, "prod", on=False)
    there = inventory(keeper)
    refused = site.cloud("up", "prod")
    assert refused.code != 0
    assert "hardware-key" in refused.err
    assert "protected" in refused.err
    assert inventory(keeper) == there
    # Deletions come last: by now the stores and the rights are off the key.
    key = aws.client("kms").describe_key(KeyId=ALIAS.format("prod"))["KeyMetadata"]
    assert (key["KeyState"], put_page(aws, "off")) == ("Enabled", None)
    switch(site, "prod", on=True)
    assert steps_by_op(site.plan("up", "prod")) == {"update": STORES | RIGHTS}
    assert (put_page(aws, "on"), key_of_records(aws)) == (key["Arn"], key["Arn"])
    site.plan("destroy", "prod", "--unprotect")
