"""The Pulumi program: one stack is one environment.

It runs unchanged under the Pulumi CLI and in the embedded cloud. The Lambda zip
is built while it runs, in a preview too, because whether a function changes
depends on the zip's bytes.
"""

from pathlib import Path

import pulumi

from analemma_platform.components import Hardware, KernelSpace, Scope, UserSpace
from analemma_platform.components.hardware import HardwarePolicy
from analemma_platform.components.kernel_space import KernelProgram, policy_variable
from analemma_platform.packaging import Artifact, ArtifactFailed, LambdaArtifact
from analemma_platform.packaging.sources import has_module
from analemma_platform.settings import (
    EnvironmentSettings,
    WorkflowSettings,
    load_artifact,
    load_environment,
)


def main() -> None:
    """Declare the stack's resources and export what others need to find them.

    Raises:
        RunError: the stack file is wrong, or the Lambda zip cannot be built.
    """
    settings = load_environment()
    scope = Scope.current(settings.tier)
    artifact = _artifact(settings, Path(pulumi.runtime.get_root_directory()))

    hardware = Hardware(
        "hardware",
        scope,
        HardwarePolicy(
            protected=settings.protected,
            recoverable=settings.tier == "prod",
            retention=settings.retention,
            encryption=settings.encryption,
            model_secret=settings.models.secret,
        ),
        pulumi.ResourceOptions(protect=settings.protected),
    )
    program = KernelProgram(str(artifact.path), settings)
    kernel_space = KernelSpace("kernel-space", scope, hardware, program)
    UserSpace("user-space", scope, hardware, settings.workflows)

    pulumi.export("stack", scope.stack)
    pulumi.export("region", scope.region)
    pulumi.export("table", hardware.table)
    pulumi.export("bucket", hardware.bucket)
    pulumi.export("stateMachineArn", kernel_space.machine_arn)
    pulumi.export("functionNames", kernel_space.function_names)
    pulumi.export("policy", policy_variable(settings.kernel))
    pulumi.export("artifactSha256", artifact.sha256)


def _artifact(settings: EnvironmentSettings, root: Path) -> Artifact:
    """Return the zip to deploy: the one that is given, or one built now."""
    wanted = load_artifact()
    try:
        if wanted.path is not None:
            return Artifact.at(root / wanted.path)
        folders = [_folder(root, workflow) for workflow in settings.workflows]
        out_dir = root / ".build" / "artifacts"
        return LambdaArtifact(root).build(wanted.platform, folders, out_dir)
    except ArtifactFailed as error:
        raise pulumi.RunError(str(error)) from error


def _folder(root: Path, workflow: WorkflowSettings) -> Path:
    folder = root / workflow.path
    if not has_module(folder, workflow.module):
        raise ArtifactFailed(
            f"Pulumi.{pulumi.get_stack()}.yaml: workflow {workflow.name!r}: "
            f"there is no module {workflow.module!r} in {workflow.path}"
        )
    return folder
