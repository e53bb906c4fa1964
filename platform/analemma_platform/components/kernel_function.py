"""A kernel function: a Lambda with its role, its rights and its log group.

The log group is made here, before the Lambda: one that Lambda makes by itself
keeps logs for ever, and outlives the stack.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from analemma_platform.components.scope import Scope
from analemma_platform.packaging import Platform
from analemma_platform.packaging.platforms import LAMBDA_PYTHON
from analemma_platform.policies import Statement, document, trust_document
from analemma_platform.settings import FunctionSettings

UNRESERVED = -1
"""How Lambda's API spells that a function shares the account's pool."""

Rights = Callable[[str], tuple[Statement, ...]]
"""From the ARN of a function's log group to what the function may do."""


@dataclass(frozen=True, slots=True)
class FunctionProgram:
    """What a function runs: the zip, the handler in it, its environment."""

    zip_path: str
    handler: str
    variables: dict[str, pulumi.Input[str]]


class KernelFunction(pulumi.ComponentResource):
    """One Lambda of the kernel."""

    arn: pulumi.Output[str]
    function_name: pulumi.Output[str]
    policy: aws.iam.RolePolicy

    def __init__(
        self,
        name: str,
        scope: Scope,
        noun: str,
        *,
        program: FunctionProgram,
        settings: FunctionSettings,
        rights: pulumi.Output[Rights],
        logs_days: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare the function called ``analemma-<stack>-<noun>``."""
        super().__init__("analemma:platform:KernelFunction", name, None, opts)
        inside = pulumi.ResourceOptions(parent=self)
        tags = scope.tags("kernel-space")
        logs = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            name=f"/aws/lambda/{scope.name(noun)}",
            retention_in_days=logs_days,
            tags=tags,
            opts=inside,
        )
        role = aws.iam.Role(
            f"{name}-role",
            name=scope.name(noun),
            assume_role_policy=trust_document("lambda.amazonaws.com"),
            tags=tags,
            opts=inside,
        )
        self.policy = aws.iam.RolePolicy(
            f"{name}-rights",
            name=noun,
            role=role.name,
            policy=pulumi.Output.all(rights, logs.arn).apply(
                lambda both: document(both[0](both[1]))
            ),
            opts=inside,
        )
        function = aws.lambda_.Function(
            f"{name}-function",
            name=scope.name(noun),
            role=role.arn,
            runtime=f"python{LAMBDA_PYTHON}",
            architectures=[Platform.ARM64.value],
            handler=program.handler,
            # Pulumi compares the zip's own digest: see ADR 0006.
            code=pulumi.FileArchive(program.zip_path),
            memory_size=settings.memory_mb,
            timeout=settings.timeout_seconds,
            reserved_concurrent_executions=(
                UNRESERVED
                if settings.reserved_concurrency is None
                else settings.reserved_concurrency
            ),
            environment={"variables": program.variables},
            tags=tags,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[logs, self.policy]),
        )
        self.arn, self.function_name = function.arn, function.name
        self.register_outputs({"arn": self.arn, "functionName": self.function_name})
