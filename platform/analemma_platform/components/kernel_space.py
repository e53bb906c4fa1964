"""Kernel space: four functions, the state machine that calls them, an alarm.

And the rights of a sweep, as a policy that nothing of the stack bears: whoever
runs the stack attaches it to who sweeps, a person or a schedule.

The retry policy and the width of a fan-out stand in the state machine's
document and nowhere else. A function whose environment named them would be
deployed again whenever a delay is tuned.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

import pulumi
import pulumi_aws as aws

from analemma.kernelspace.state_machine import FunctionArns, definition
from analemma.records.policy import KernelPolicy
from analemma_platform.components.hardware import Hardware
from analemma_platform.components.kernel_function import (
    FunctionProgram,
    KernelFunction,
)
from analemma_platform.components.scope import Scope
from analemma_platform.policies import (
    Reach,
    Statement,
    bury_statements,
    document,
    machine_statements,
    park_statements,
    slice_statements,
    sweep_statements,
    trust_document,
    worker_statements,
)
from analemma_platform.settings import (
    AlarmSettings,
    EnvironmentSettings,
    ModelSettings,
)

_Grants = Callable[[Reach, str], tuple[Statement, ...]]

_FUNCTIONS: dict[str, tuple[str, _Grants]] = {
    "slice": ("analemma.entrypoints.lambdas.slices.handle", slice_statements),
    "worker": ("analemma.entrypoints.lambdas.workers.handle", worker_statements),
    "park": ("analemma.entrypoints.lambdas.parking.handle", park_statements),
    "bury": ("analemma.entrypoints.lambdas.burial.handle", bury_statements),
}
"""Each kernel function: the handler in the zip, and its rights."""


@dataclass(frozen=True, slots=True)
class KernelProgram:
    """What the kernel runs: one zip, and the settings it runs by."""

    zip_path: str
    settings: EnvironmentSettings


class KernelSpace(pulumi.ComponentResource):
    """What runs agents. ``function_names`` by noun: slice, worker, park, bury."""

    machine_arn: pulumi.Output[str]
    function_names: dict[str, pulumi.Output[str]]

    def __init__(
        self,
        name: str,
        scope: Scope,
        hardware: Hardware,
        program: KernelProgram,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare the kernel on the stores of ``hardware``."""
        super().__init__("analemma:platform:KernelSpace", name, None, opts)
        self._name = name
        self._scope = scope
        self._hardware = hardware
        self._program = program
        self._inside = pulumi.ResourceOptions(parent=self)
        self._machine_name = scope.name("kernel")
        self._reach = pulumi.Output.all(
            table=hardware.table_arn,
            bucket=hardware.bucket_arn,
            machine=scope.machine_arn(self._machine_name),
            secret=hardware.secret_arn,
            key=hardware.key_arn,
        ).apply(lambda arns: Reach(**arns))

        functions = {noun: self._function(noun) for noun in _FUNCTIONS}
        machine = self._machine(functions)
        self._alarm(machine, program.settings.alarms)
        self._sweep_rights()
        self.machine_arn = machine.arn
        self.function_names = {
            noun: function.function_name for noun, function in functions.items()
        }
        self.register_outputs(
            {"machineArn": self.machine_arn, "functionNames": self.function_names}
        )

    def _function(self, noun: str) -> KernelFunction:
        handler, grants = _FUNCTIONS[noun]
        settings = self._program.settings
        return KernelFunction(
            f"{self._name}-{noun}",
            self._scope,
            noun,
            program=FunctionProgram(
                self._program.zip_path, handler, self._variables(noun)
            ),
            settings=settings.lambdas.by_noun()[noun],
            rights=self._reach.apply(
                lambda reach: lambda log_group: grants(reach, log_group)
            ),
            logs_days=settings.retention.logs_days,
            opts=self._inside,
        )

    def _variables(self, noun: str) -> dict[str, pulumi.Input[str]]:
        """Return a function's environment: names and limits, never a secret."""
        settings = self._program.settings
        variables: dict[str, pulumi.Input[str]] = {
            "ANALEMMA_STACK": self._scope.stack,
            "ANALEMMA_TABLE": self._hardware.table,
            "ANALEMMA_BUCKET": self._hardware.bucket,
            "ANALEMMA_POLICY": policy_variable(settings.kernel),
        }
        if noun in ("slice", "worker"):
            variables["ANALEMMA_MODELS"] = models_variable(settings.models)
            if self._hardware.secret_arn is not None:
                variables["ANALEMMA_MODEL_SECRET"] = self._hardware.secret_arn
        return variables

    def _machine(self, functions: dict[str, KernelFunction]) -> aws.sfn.StateMachine:
        arns = pulumi.Output.all(**{n: f.arn for n, f in functions.items()})
        role = aws.iam.Role(
            f"{self._name}-machine-role",
            name=self._machine_name,
            assume_role_policy=self._scope.account.apply(
                lambda account: trust_document("states.amazonaws.com", account=account)
            ),
            tags=self._scope.tags("kernel-space"),
            opts=self._inside,
        )
        rights = aws.iam.RolePolicy(
            f"{self._name}-machine-rights",
            name="kernel",
            role=role.name,
            policy=pulumi.Output.all(self._reach, arns).apply(
                lambda both: document(_machine_rights(both[0], both[1]))
            ),
            opts=self._inside,
        )
        kernel = self._program.settings.kernel
        # The rights first: Step Functions and Lambda would refuse the first run.
        before = [rights, *(function.policy for function in functions.values())]
        return aws.sfn.StateMachine(
            f"{self._name}-machine",
            name=self._machine_name,
            role_arn=role.arn,
            type="STANDARD",
            definition=pulumi.Output.all(arns, self._hardware.bucket).apply(
                lambda both: _definition_text(kernel, both[0], both[1])
            ),
            tags=self._scope.tags("kernel-space"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=before),
        )

    def _alarm(self, machine: aws.sfn.StateMachine, alarms: AlarmSettings) -> None:
        aws.cloudwatch.MetricAlarm(
            f"{self._name}-failed-executions",
            name=self._scope.name("failed-executions"),
            alarm_description="Runs that failed, were ended, or were buried.",
            namespace="AWS/States",
            metric_name="ExecutionsFailed",
            dimensions={"StateMachineArn": machine.arn},
            statistic="Sum",
            period=alarms.period_seconds,
            evaluation_periods=1,
            threshold=alarms.failed_executions,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=list(alarms.actions),
            tags=self._scope.tags("kernel-space"),
            opts=self._inside,
        )

    def _sweep_rights(self) -> None:
        aws.iam.Policy(
            f"{self._name}-sweep-rights",
            name=self._scope.name("sweep"),
            description="What a sweep of this stack's runs and pages needs.",
            policy=self._reach.apply(lambda reach: document(sweep_statements(reach))),
            tags=self._scope.tags("kernel-space"),
            opts=self._inside,
        )


def policy_variable(kernel: KernelPolicy) -> str:
    """Return the part of ``kernel`` that the functions obey, as JSON.

    What the state machine obeys is left out, so that changing it changes that only.
    """
    obeyed = kernel.model_dump(exclude={"retry": True, "fan_out": {"max_concurrency"}})
    return json.dumps(obeyed, sort_keys=True)


def models_variable(models: ModelSettings) -> str:
    """Return the vendors' models and prices as JSON; no key is among them.

    A vendor without a model is null and not absent: absent is the kernel's default.
    """
    named = models.model_dump(exclude={"secret"})
    return json.dumps(named, sort_keys=True)


def _machine_rights(reach: Reach, functions: dict[str, str]) -> tuple[Statement, ...]:
    return machine_statements(replace(reach, functions=tuple(functions.values())))


def _definition_text(
    kernel: KernelPolicy, functions: dict[str, str], bucket: str
) -> str:
    machine = definition(
        retry=kernel.retry,
        fan_out=kernel.fan_out,
        functions=FunctionArns(**functions),
        bucket=bucket,
    )
    return json.dumps(machine)
