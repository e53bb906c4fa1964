"""User space: the registry of workflows, as records the kernel can read.

A workflow is data. Registering one writes one item and touches no function and
no state machine; its code is in the zip already.
"""

import base64
import json
from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from analemma.kernelspace import layout
from analemma_platform.components.hardware import Hardware
from analemma_platform.components.scope import Scope
from analemma_platform.settings import WorkflowSettings


class UserSpace(pulumi.ComponentResource):
    """What agents a stack knows."""

    workflows: list[str]

    def __init__(
        self,
        name: str,
        scope: Scope,
        hardware: Hardware,
        workflows: Sequence[WorkflowSettings],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Register ``workflows`` in the table of ``hardware``."""
        super().__init__("analemma:platform:UserSpace", name, None, opts)
        partition = layout.workflows_partition(scope.stack)
        for workflow in workflows:
            aws.dynamodb.TableItem(
                f"{name}-workflow-{workflow.name}",
                table_name=hardware.table,
                hash_key="pk",
                range_key="sk",
                item=registry_item(partition, workflow),
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.workflows = [workflow.name for workflow in workflows]
        self.register_outputs({"workflows": self.workflows})


def registry_item(partition: str, workflow: WorkflowSettings) -> str:
    """Return a workflow's record as DynamoDB's JSON, in the record store's shape."""
    body = json.dumps({"name": workflow.name, "target": workflow.target})
    return json.dumps(
        {
            "pk": {"S": partition},
            "sk": {"S": workflow.name},
            "body": {"B": base64.b64encode(body.encode()).decode()},
            "rev": {"N": "1"},
        }
    )
