"""State machine definitions, as Amazon States Language spells them.

Untrusted text enters here. Fields that AWS knows and we do not interpret are
refused like misspelt ones, because a field that is silently dropped is a
machine that behaves differently on AWS.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    model_validator,
)

from analemma_platform.emulator.step_functions.choice import Rule, parse_rule
from analemma_platform.emulator.step_functions.paths import (
    parse_path,
    parse_reference,
)
from analemma_platform.emulator.step_functions.templates import (
    check_expression,
    check_template,
)


def _path(text: str) -> str:
    parse_path(text)
    return text


def _reference(text: str) -> str:
    parse_reference(text)
    return text


PathText = Annotated[str, AfterValidator(_path)]
ReferenceText = Annotated[str, AfterValidator(_reference)]
ExpressionText = Annotated[str, AfterValidator(check_expression)]
Template = Annotated[JsonValue, AfterValidator(check_template)]
Seconds = Annotated[int, Field(ge=1, le=99_999_999)]


class _Node(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, strict=True
    )

    comment: str | None = Field(default=None, alias="Comment")
    query_language: Literal["JSONPath"] = Field(
        default="JSONPath", alias="QueryLanguage"
    )


class Retrier(_Node):
    """One entry of ``Retry``; the interval grows by the backoff rate."""

    error_equals: list[str] = Field(alias="ErrorEquals", min_length=1)
    interval_seconds: Annotated[int, Field(ge=1, le=99_999_999)] = Field(
        default=1, alias="IntervalSeconds"
    )
    max_attempts: int = Field(default=3, alias="MaxAttempts", ge=0, le=99_999_999)
    backoff_rate: float = Field(default=2.0, alias="BackoffRate", ge=1.0)
    max_delay_seconds: int | None = Field(
        default=None, alias="MaxDelaySeconds", gt=0, lt=31_622_400
    )
    jitter: Literal["FULL", "NONE"] = Field(default="NONE", alias="JitterStrategy")


class Catcher(_Node):
    """One entry of ``Catch``."""

    error_equals: list[str] = Field(alias="ErrorEquals", min_length=1)
    next: str = Field(alias="Next")
    result_path: ReferenceText | None = Field(default="$", alias="ResultPath")


class _State(_Node):
    input_path: PathText | None = Field(default="$", alias="InputPath")
    output_path: PathText | None = Field(default="$", alias="OutputPath")


class _Flowing(_State):
    next: str | None = Field(default=None, alias="Next")
    end: Literal[True] | None = Field(default=None, alias="End")

    @model_validator(mode="after")
    def _has_one_way_out(self) -> "_Flowing":
        if (self.next is None) == (self.end is None):
            raise ValueError("a state needs either Next or End: true")
        return self


class _Working(_Flowing):
    """What Task, Parallel and Map states share."""

    parameters: Template = Field(default=None, alias="Parameters")
    result_selector: Template = Field(default=None, alias="ResultSelector")
    result_path: ReferenceText | None = Field(default="$", alias="ResultPath")
    retry: list[Retrier] = Field(default_factory=list, alias="Retry")
    catch: list[Catcher] = Field(default_factory=list, alias="Catch")

    @model_validator(mode="after")
    def _all_stands_alone_and_last(self) -> "_Working":
        retried = [retrier.error_equals for retrier in self.retry]
        caught = [catcher.error_equals for catcher in self.catch]
        for rules in (retried, caught):
            for position, names in enumerate(rules, 1):
                if "States.ALL" in names and (len(names) > 1 or position < len(rules)):
                    raise ValueError("States.ALL must stand alone and come last")
        return self


class PassState(_Flowing):
    """Puts ``Result`` or ``Parameters`` in place, or nothing."""

    type: Literal["Pass"] = Field(alias="Type")
    result: JsonValue = Field(default=None, alias="Result")
    parameters: Template = Field(default=None, alias="Parameters")
    result_path: ReferenceText | None = Field(default="$", alias="ResultPath")


class TaskState(_Working):
    """Calls a service, or waits for a token to come back."""

    type: Literal["Task"] = Field(alias="Type")
    resource: str = Field(alias="Resource", pattern=r"^arn:")
    timeout_seconds: Seconds | None = Field(default=None, alias="TimeoutSeconds")
    timeout_seconds_path: PathText | None = Field(
        default=None, alias="TimeoutSecondsPath"
    )
    heartbeat_seconds: Seconds | None = Field(default=None, alias="HeartbeatSeconds")
    heartbeat_seconds_path: PathText | None = Field(
        default=None, alias="HeartbeatSecondsPath"
    )


class ChoiceBranch(_Node):
    """One entry of ``Choices``: a rule and where it leads."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, arbitrary_types_allowed=True
    )

    rule: Rule
    next: str = Field(alias="Next")

    @model_validator(mode="before")
    @classmethod
    def _split(cls, raw: object) -> object:
        if not isinstance(raw, dict):
            raise ValueError("a choice must be an object")  # noqa: TRY004 - pydantic
        rest = {key: value for key, value in raw.items() if key != "Next"}
        return {"rule": parse_rule(rest)} | (
            {"Next": raw["Next"]} if "Next" in raw else {}
        )


class ChoiceState(_State):
    """Goes where the first matching rule leads."""

    type: Literal["Choice"] = Field(alias="Type")
    choices: list[ChoiceBranch] = Field(alias="Choices", min_length=1)
    default: str | None = Field(default=None, alias="Default")


class WaitState(_Flowing):
    """Waits for a number of seconds or until a moment."""

    type: Literal["Wait"] = Field(alias="Type")
    seconds: int | None = Field(default=None, alias="Seconds", ge=0, le=99_999_999)
    seconds_path: PathText | None = Field(default=None, alias="SecondsPath")
    timestamp: str | None = Field(default=None, alias="Timestamp")
    timestamp_path: PathText | None = Field(default=None, alias="TimestampPath")

    @model_validator(mode="after")
    def _waits_for_one_thing(self) -> "WaitState":
        fields = (self.seconds, self.seconds_path, self.timestamp, self.timestamp_path)
        if sum(field is not None for field in fields) != 1:
            raise ValueError(
                "a Wait needs one of Seconds, SecondsPath, Timestamp, TimestampPath"
            )
        return self


class SucceedState(_State):
    """Ends the machine, or the branch, well."""

    type: Literal["Succeed"] = Field(alias="Type")


class FailState(_Node):
    """Ends the machine with an error."""

    type: Literal["Fail"] = Field(alias="Type")
    error: str | None = Field(default=None, alias="Error")
    error_path: ExpressionText | None = Field(default=None, alias="ErrorPath")
    cause: str | None = Field(default=None, alias="Cause")
    cause_path: ExpressionText | None = Field(default=None, alias="CausePath")


class ParallelState(_Working):
    """Runs every branch on the same input."""

    type: Literal["Parallel"] = Field(alias="Type")
    branches: list["StateGraph"] = Field(alias="Branches", min_length=1)


class ReaderConfig(_Node):
    """How an item reader's object is to be understood."""

    input_type: Literal["JSON", "JSONL", "CSV"] = Field(
        default="JSON", alias="InputType"
    )
    max_items: int | None = Field(default=None, alias="MaxItems", ge=1)
    csv_header_location: Literal["FIRST_ROW", "GIVEN"] | None = Field(
        default=None, alias="CSVHeaderLocation"
    )
    csv_headers: list[str] | None = Field(default=None, alias="CSVHeaders")


class ItemReader(_Node):
    """Where a distributed Map finds its items, when not in its input."""

    resource: Literal[
        "arn:aws:states:::s3:getObject", "arn:aws:states:::s3:listObjectsV2"
    ] = Field(alias="Resource")
    reader_config: ReaderConfig | None = Field(default=None, alias="ReaderConfig")
    parameters: Template = Field(alias="Parameters")


class ProcessorConfig(_Node):
    """Whether iterations are child executions of their own."""

    mode: Literal["INLINE", "DISTRIBUTED"] = Field(default="INLINE", alias="Mode")
    execution_type: Literal["STANDARD", "EXPRESS"] | None = Field(
        default=None, alias="ExecutionType"
    )


class MapState(_Working):
    """Runs its processor once for each item."""

    type: Literal["Map"] = Field(alias="Type")
    processor: "ItemProcessor" = Field(alias="ItemProcessor")
    items_path: PathText = Field(default="$", alias="ItemsPath")
    item_reader: ItemReader | None = Field(default=None, alias="ItemReader")
    item_selector: Template = Field(default=None, alias="ItemSelector")
    max_concurrency: int = Field(default=0, alias="MaxConcurrency", ge=0)
    tolerated_failure_percentage: float | None = Field(
        default=None, alias="ToleratedFailurePercentage", ge=0, le=100
    )
    tolerated_failure_count: int | None = Field(
        default=None, alias="ToleratedFailureCount", ge=0
    )
    label: str | None = Field(default=None, alias="Label", max_length=40)

    @property
    def distributed(self) -> bool:
        """Whether each item gets a child execution."""
        return self.processor.config.mode == "DISTRIBUTED"

    @model_validator(mode="after")
    def _keeps_to_its_mode(self) -> "MapState":
        tolerance = (self.tolerated_failure_percentage, self.tolerated_failure_count)
        if not self.distributed and (self.item_reader or any(tolerance) or self.label):
            raise ValueError(
                "ItemReader, ToleratedFailure... and Label need "
                'ProcessorConfig {"Mode": "DISTRIBUTED"}'
            )
        return self


State = Annotated[
    PassState
    | TaskState
    | ChoiceState
    | WaitState
    | SucceedState
    | FailState
    | ParallelState
    | MapState,
    Field(discriminator="type"),
]


class StateGraph(_Node):
    """States that lead to each other: a machine, a branch or an iteration."""

    start_at: str = Field(alias="StartAt")
    states: Mapping[str, State] = Field(alias="States", min_length=1)


class ItemProcessor(StateGraph):
    """The machine of one iteration."""

    config: ProcessorConfig = Field(
        default_factory=lambda: ProcessorConfig.model_validate({}),
        alias="ProcessorConfig",
    )


class Definition(StateGraph):
    """A whole state machine."""

    version: Literal["1.0"] = Field(default="1.0", alias="Version")
    timeout_seconds: Seconds | None = Field(default=None, alias="TimeoutSeconds")


@lru_cache(maxsize=256)
def parse_definition(text: str) -> Definition:
    """Return the machine that ``text`` spells.

    Raises:
        pydantic.ValidationError: it is none. Dangling transitions are not
            looked for here (see ``validation``).
    """
    return Definition.model_validate_json(text)
