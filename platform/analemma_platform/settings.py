"""The settings of one environment: ``analemma:env`` in ``Pulumi.<stack>.yaml``.

One object, strict: an unknown key, a number in quotes or a secret in it stops
the program before any resource is declared, because a misspelt limit that is
quietly ignored is found on the bill.
"""

from pathlib import PurePosixPath
from typing import Annotated, ClassVar, Literal, Self

import pulumi
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from analemma.records.policy import KernelPolicy
from analemma_platform.packaging import Platform

_LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653)
"""The retentions CloudWatch Logs offers, up to ten years."""

_SHOWN_CHARACTERS = 120


def _log_days(days: int) -> int:
    if days not in _LOG_DAYS:
        raise ValueError(f"CloudWatch Logs keeps logs for one of {_LOG_DAYS} days")
    return days


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts:
        raise ValueError("a folder inside the project, relative to Pulumi.yaml")
    return path


class _Settings(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, strict=True
    )


class FunctionSettings(_Settings):
    """One kernel function's size.

    ``reserved_concurrency`` is taken from the account's pool, and is also the
    most that run at once; None shares the pool with everything else.
    """

    memory_mb: int = Field(ge=128, le=10_240)
    timeout_seconds: int = Field(ge=1, le=900)
    reserved_concurrency: int | None = Field(default=None, ge=1)


class FunctionsSettings(_Settings):
    """The four kernel functions."""

    slice: FunctionSettings
    worker: FunctionSettings
    park: FunctionSettings = FunctionSettings(memory_mb=512, timeout_seconds=30)
    bury: FunctionSettings = FunctionSettings(memory_mb=512, timeout_seconds=30)

    def by_noun(self) -> dict[str, FunctionSettings]:
        """Return the functions by the noun in their names."""
        return {
            "slice": self.slice,
            "worker": self.worker,
            "park": self.park,
            "bury": self.bury,
        }


class RetentionSettings(_Settings):
    """How long what nobody needs any more is kept, in days.

    Live pages have no age: equal bytes are one object however often they are
    stored, so an old page may belong to a run of today. The bucket keeps versions,
    and ``deleted_pages_days`` is how long a page can be brought back after a
    delete that names no version.

    How long ended runs are kept is ``kernel.retention``: the kernel obeys that.
    """

    logs_days: Annotated[int, AfterValidator(_log_days)]
    deleted_pages_days: int = Field(default=7, ge=1, le=3650)
    unfinished_uploads_days: int = Field(default=1, ge=1, le=30)


class EncryptionSettings(_Settings):
    """Under whose key pages and records are encrypted at rest.

    False: keys that AWS owns, without a charge. True: one KMS key of the stack's
    own, rotated every year. Turning it off deletes that key, and what was stored
    under it is lost with it.
    """

    kms: bool = False


class ModelChoice(_Settings):
    """One vendor's model, and its price in micro-dollars a million tokens.

    ``longest_answer`` is the most tokens it can write, where that differs from
    what the vendor's present models can.
    """

    model: str = Field(min_length=1)
    input_micro_usd_per_mtok: int = Field(ge=0)
    output_micro_usd_per_mtok: int = Field(ge=0)
    longest_answer: int | None = Field(default=None, ge=1)


class ModelSettings(_Settings):
    """Which models agents may ask.

    ``secret`` makes a Secrets Manager secret for the vendors' API keys. Its
    value is put there by a person, and never stands in a stack file or state.
    """

    gemini: ModelChoice | None = None
    anthropic: ModelChoice | None = None
    secret: bool = False


class WorkflowSettings(_Settings):
    """A LangGraph workflow whose code goes into the Lambda zip.

    ``path`` is the folder that stands on ``sys.path``, relative to the project;
    ``target`` is ``module:attribute`` in it.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")
    path: Annotated[str, AfterValidator(_inside)]
    target: str = Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")

    @property
    def module(self) -> str:
        """Return the module of ``target``."""
        return self.target.partition(":")[0]


class AlarmSettings(_Settings):
    """When to call somebody: so many failed executions in one period.

    ``actions`` are ARNs (an SNS topic, say) that are told.
    """

    failed_executions: int = Field(default=1, ge=1)
    period_seconds: int = Field(default=300, ge=60, multiple_of=60)
    actions: tuple[Annotated[str, Field(pattern=r"^arn:")], ...] = ()


class EnvironmentSettings(_Settings):
    """Everything that tells one environment from another.

    ``protected`` guards what holds data: Pulumi refuses to delete it, DynamoDB
    too, and a bucket that is not empty stays. Turn it off, deploy, and only
    then can the stack be destroyed.
    """

    tier: Literal["dev", "prod"]
    protected: bool
    kernel: KernelPolicy
    lambdas: FunctionsSettings
    retention: RetentionSettings
    encryption: EncryptionSettings = EncryptionSettings()
    models: ModelSettings = ModelSettings()
    workflows: tuple[WorkflowSettings, ...] = ()
    alarms: AlarmSettings = AlarmSettings()

    @model_validator(mode="after")
    def _workers_suffice(self) -> Self:
        reserved = self.lambdas.worker.reserved_concurrency
        wanted = self.kernel.fan_out.max_concurrency
        if reserved is not None and reserved < wanted:
            raise ValueError(
                f"lambdas.worker.reserved_concurrency {reserved} is less than "
                f"kernel.fan_out.max_concurrency {wanted}: a single fan-out would "
                "be throttled; raise the one or lower the other"
            )
        return self

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [workflow.name for workflow in self.workflows]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"workflows: {', '.join(twice)} is there twice")
        return self


class ArtifactSettings(_Settings):
    """Which Lambda zip to deploy: one built for ``platform``, or a given one."""

    platform: Platform
    path: str | None


def load_environment() -> EnvironmentSettings:
    """Read ``analemma:env`` of the current stack.

    Raises:
        RunError: it is absent, secret or wrong; the message names the file,
            each key and its value.
    """
    file = f"Pulumi.{pulumi.get_stack()}.yaml"
    config = pulumi.Config("analemma")
    if pulumi.runtime.is_config_secret("analemma:env"):
        raise pulumi.RunError(
            f"{file}: analemma:env holds a secret, and one secret hides the whole "
            "object: API keys belong into the stack's Secrets Manager secret"
        )
    text = config.get("env")
    if text is None:
        raise pulumi.RunError(f"{file}: analemma:env is missing")
    try:
        # As JSON, so that a list may become a tuple while all else stays strict.
        return EnvironmentSettings.model_validate_json(text, strict=True)
    except ValidationError as error:
        lines = [_complaint(file, problem) for problem in error.errors()]
        raise pulumi.RunError("\n".join(lines)) from None


def load_artifact() -> ArtifactSettings:
    """Read ``analemma:artifact`` and ``analemma:artifactPath``.

    Raises:
        RunError: the platform is unknown; names the file, the key, the value.
    """
    config = pulumi.Config("analemma")
    name = config.get("artifact") or Platform.ARM64.value
    if name not in tuple(Platform):
        raise pulumi.RunError(
            f"Pulumi.{pulumi.get_stack()}.yaml: analemma:artifact = {name!r}: "
            f"must be one of {', '.join(Platform)}"
        )
    return ArtifactSettings(platform=Platform(name), path=config.get("artifactPath"))


def _complaint(file: str, problem: ErrorDetails) -> str:
    key = "analemma:env"
    for part in problem["loc"]:
        key += f"[{part}]" if isinstance(part, int) else f".{part}"
    if problem["type"] == "missing":
        return f"{file}: {key} is missing"
    if problem["type"] == "extra_forbidden":
        return f"{file}: {key} = {_shown(problem)}: there is no such key"
    reason = problem["msg"].removeprefix("Value error, ")
    # A rule across keys names them itself; its value is the whole object.
    if problem["type"] == "value_error" and isinstance(problem["input"], dict):
        return f"{file}: {key}: {reason}"
    return f"{file}: {key} = {_shown(problem)}: {reason}"


def _shown(problem: ErrorDetails) -> str:
    text = repr(problem["input"])
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
