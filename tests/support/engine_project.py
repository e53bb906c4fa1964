"""A small Pulumi project on disk: a table, a bucket in a component, a machine."""

from pathlib import Path

PROJECT = "name: shop\nmain: stacks/\nruntime: python\n"
STACK = """
config:
  aws:region: eu-west-1
  shop:seconds: 1
  shop:protect: {protect}
  shop:password: {password}
"""
PROGRAM = """
import json
from pathlib import Path

import pulumi
import pulumi_aws as aws

import names

config = pulumi.Config()
kept = pulumi.ResourceOptions(protect=config.require_bool("protect"))


class Store(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("shop:platform:Store", name)
        inside = pulumi.ResourceOptions(parent=self)
        self.bucket = aws.s3.Bucket(f"{name}-pages", force_destroy=True, opts=inside)
        self.register_outputs({"bucket": self.bucket.bucket})


table = aws.dynamodb.Table(
    "records",
    hash_key="pk",
    attributes=[{"name": "pk", "type": "S"}],
    billing_mode="PAY_PER_REQUEST",
    opts=kept,
)
store = Store("store")
machine = aws.sfn.StateMachine(
    "machine",
    name=names.of("machine"),
    role_arn="arn:aws:iam::000000000000:role/none",
    definition=pulumi.Output.json_dumps({
        "Comment": table.arn,
        "StartAt": "Wait",
        "States": {"Wait": {
            "Type": "Wait", "Seconds": config.require_int("seconds"), "End": True,
        }},
    }),
)
pulumi.export("table", table.name)
pulumi.export("machine", machine.arn)
pulumi.export("account", aws.get_caller_identity_output().account_id)
pulumi.export("artifact", pulumi.Config("analemma").get("artifact"))
pulumi.export("password", pulumi.Output.secret(config.require("password")))
other = config.get("other")
if other is not None:
    reference = pulumi.StackReference(other)
    pulumi.export("otherTable", reference.require_output("table"))
print("the program says hello")
"""
NAMES = """
import pulumi


def of(noun):
    return f"shop-{pulumi.get_stack()}-{noun}"
"""
PASSWORD = "correct-horse-battery"
RESOURCES = {"records", "store", "store-pages", "machine"}


def write_project(root: Path, *stacks: str, protect: bool = False) -> Path:
    (root / "stacks").mkdir(parents=True)
    (root / "stacks" / "__main__.py").write_text(PROGRAM)
    (root / "stacks" / "names.py").write_text(NAMES)
    (root / "Pulumi.yaml").write_text(PROJECT)
    for stack in stacks or ("dev",):
        text = STACK.format(protect=str(protect).lower(), password=PASSWORD)
        (root / f"Pulumi.{stack}.yaml").write_text(text)
    return root


def change(root: Path, stack: str, old: str, new: str) -> None:
    path = root / f"Pulumi.{stack}.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
