"""Choose the adapters: the one place where ports meet what is behind them.

Settings are read here, once, and nowhere else. A laptop and the cloud differ in
this module and in nothing below it.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from analemma.errors import ConfigInvalid
from analemma.hardware.local.encrypted_records import EncryptedRecordStore
from analemma.hardware.local.home import LocalHome
from analemma.hardware.local.key_file import read_key
from analemma.hardware.local.key_mark import KeyMark
from analemma.hardware.local.siv_cipher import SivCipher
from analemma.hardware.ports import ModelProvider, SystemClock
from analemma.hardware.providers.price import ModelPrice
from analemma.hardware.providers.scripted import ScriptedProvider
from analemma.hardware.providers.selection import (
    ModelChoice,
    ModelSettings,
    provider_from,
)
from analemma.ids import Owner, RandomIds
from analemma.kernelspace import layout
from analemma.kernelspace.backoff.breaker import Breakers
from analemma.kernelspace.machine import Machine, ScriptedAnswer
from analemma.kernelspace.serializer import PLAIN
from analemma.records.policy import KernelPolicy

if TYPE_CHECKING:
    from analemma.hardware.aws.clients import AwsClients
    from analemma.hardware.aws.executions import StateMachine, TaskTokens
    from analemma.hardware.aws.traffic import Traffic

HOME = "ANALEMMA_HOME"
"""Environment variable: the home directory of a laptop; default ``.analemma``."""

ENCRYPTION_KEY_FILE = "ANALEMMA_ENCRYPTION_KEY_FILE"
"""Environment variable: the file of the key that encrypts a laptop's home."""

POLICY = "ANALEMMA_POLICY"
"""Environment variable: the kernel's policy as JSON; default: ``KernelPolicy()``."""

MODELS = "ANALEMMA_MODELS"
"""Environment variable: models and prices as JSON, see ``ModelTable``."""

MODEL_SECRET = "ANALEMMA_MODEL_SECRET"  # noqa: S105  # a variable's name
"""Environment variable: the ARN of the secret that holds the providers' keys."""

STACK = "ANALEMMA_STACK"
TABLE = "ANALEMMA_TABLE"
BUCKET = "ANALEMMA_BUCKET"


class ModelEntry(BaseModel):
    """One vendor's model; prices in micro-dollars per million tokens.

    ``longest_answer`` is the most tokens it can write, where that is not the
    adapter's default.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    input_micro_usd_per_mtok: int = 0
    output_micro_usd_per_mtok: int = 0
    longest_answer: int | None = Field(default=None, ge=1)
    base_url: str | None = None


class ModelTable(BaseModel):
    """The models an environment may ask."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    gemini: ModelEntry | None = ModelEntry(
        model="gemini-2.5-flash",
        input_micro_usd_per_mtok=300_000,
        output_micro_usd_per_mtok=2_500_000,
    )
    anthropic: ModelEntry | None = ModelEntry(
        model="claude-haiku-4-5",
        input_micro_usd_per_mtok=1_000_000,
        output_micro_usd_per_mtok=5_000_000,
    )


@dataclass(frozen=True, slots=True)
class CloudSettings:
    """A deployed environment, as seen from inside or from a person's desk.

    ``policy`` is the environment's, as JSON; None reads ``ANALEMMA_POLICY``.
    """

    stack: str
    region: str
    table: str
    bucket: str
    state_machine: str | None = None
    policy: str | None = None
    endpoint_url: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)


def home_path(given: Path | None, environ: Mapping[str, str]) -> Path:
    """Return the home directory: what was given, else the environment's."""
    return given or Path(environ.get(HOME) or ".analemma")


@contextmanager
def laptop_machine(
    home: Path, environ: Mapping[str, str], *, create: bool = True
) -> Iterator[Machine]:
    """Open a home and assemble a machine on it.

    With an encryption key, values and what records say of a run are encrypted
    from here on. A home that has a key is refused without it, untouched.

    Raises:
        HomeTooNew: a newer format wrote the home.
        ConfigInvalid: the environment's settings do not hold, or the home is
            encrypted under another key.
    """
    policy, model = _policy(environ), _model_source(environ)
    cipher = _cipher(home, environ)
    with LocalHome.open(home, create=create) as opened:
        clock = SystemClock()
        plain = Machine(
            records=opened.records,
            pages=opened.pages,
            clock=clock,
            ids=RandomIds(),
            policy=policy,
            model=model,
            breakers=Breakers(opened.records, clock, policy.breaker),
        )
        yield plain if cipher is None else _encrypted(plain, cipher)


def settings_of_lambda(environ: Mapping[str, str]) -> CloudSettings:
    """Return the settings that the platform gave this Lambda.

    Raises:
        ConfigInvalid: a variable is missing.
    """
    try:
        return CloudSettings(
            stack=environ[STACK],
            region=environ["AWS_REGION"],
            table=environ[TABLE],
            bucket=environ[BUCKET],
            endpoint_url=environ.get("AWS_ENDPOINT_URL"),
        )
    except KeyError as missing:
        raise ConfigInvalid(
            f"the function's environment has no {missing.args[0]}; deploy it with "
            "the Pulumi program of this release"
        ) from None


def cloud_machine(
    settings: CloudSettings,
    environ: Mapping[str, str] | None = None,
    *,
    traffic: "Traffic | None" = None,
) -> Machine:
    """Assemble a machine on DynamoDB and S3.

    Raises:
        ConfigInvalid: the settings do not hold, or boto3 is not installed.
    """
    environ = os.environ if environ is None else environ
    clients = _clients(settings, traffic)
    from analemma.hardware.aws.dynamo_records import DynamoRecordStore
    from analemma.hardware.aws.s3_pages import S3PageStore

    s3, clock = clients.s3(), SystemClock()
    records = DynamoRecordStore(clients.dynamodb(), settings.table)
    policy = _policy(environ if settings.policy is None else {POLICY: settings.policy})
    return Machine(
        records=records,
        pages=lambda owner: S3PageStore(s3, settings.bucket, Owner(owner)),
        clock=clock,
        ids=RandomIds(),
        policy=policy,
        model=_model_source(environ, settings),
        breakers=Breakers(records, clock, policy.breaker),
    )


def state_machine(settings: CloudSettings) -> "StateMachine":
    """Return the environment's kernel state machine.

    Raises:
        ConfigInvalid: the settings name none.
    """
    if settings.state_machine is None:
        raise ConfigInvalid(f"stack {settings.stack} exports no state machine")
    from analemma.hardware.aws.executions import StateMachine

    return StateMachine(_clients(settings).stepfunctions(), settings.state_machine)


def task_tokens(settings: CloudSettings) -> "TaskTokens":
    """Return what ends the waits of an environment's approvals."""
    from analemma.hardware.aws.executions import TaskTokens

    return TaskTokens(_clients(settings).stepfunctions())


def _clients(settings: CloudSettings, traffic: "Traffic | None" = None) -> "AwsClients":
    try:
        from analemma.hardware.aws.clients import AwsClients, AwsSettings
    except ImportError as error:
        raise ConfigInvalid(
            f"the AWS clients are not installed ({error}); pip install 'analemma[aws]'"
        ) from error
    return AwsClients(
        AwsSettings(
            region=settings.region,
            endpoint_url=settings.endpoint_url,
            access_key_id=settings.access_key_id,
            secret_access_key=settings.secret_access_key,
        ),
        traffic,
    )


def _cipher(home: Path, environ: Mapping[str, str]) -> SivCipher | None:
    """Return the cipher of a home, or None where no key is configured.

    Raises:
        ConfigInvalid: the key cannot be had, or is not the key of the home.
    """
    file = environ.get(ENCRYPTION_KEY_FILE)
    key = read_key(Path(file)) if file else None
    mark = KeyMark(home, key)
    cipher = None if key is None else SivCipher(key, before_use=mark.set)
    mark.check()
    return cipher


def _encrypted(machine: Machine, cipher: SivCipher) -> Machine:
    """Return a machine whose values, run records, approvals, ledgers are encrypted.

    Not encrypted: what names, orders and measures (docs/operations.md).
    """
    return replace(
        machine,
        records=EncryptedRecordStore(machine.records, cipher, _tells_of_a_run),
        serde=EncryptedSerializer(cipher, PLAIN),
    )


def _tells_of_a_run(sort: str) -> bool:
    """Say whether a record is one that is written whole, unlike those of a log."""
    return sort == layout.RECORD or sort.startswith(
        (layout.APPROVALS, layout.LEDGER, layout.BUDGET)
    )


def _policy(environ: Mapping[str, str]) -> KernelPolicy:
    text = environ.get(POLICY)
    if not text:
        return KernelPolicy()
    try:
        return KernelPolicy.model_validate_json(text)
    except ValidationError as error:
        raise _invalid(POLICY, error) from None


def _model_source(
    environ: Mapping[str, str], cloud: CloudSettings | None = None
) -> "_ModelSource":
    text = environ.get(MODELS)
    try:
        table = ModelTable.model_validate_json(text) if text else ModelTable()
    except ValidationError as error:
        raise _invalid(MODELS, error) from None
    return _ModelSource(environ, table, cloud)


def _invalid(variable: str, error: ValidationError) -> ConfigInvalid:
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"])) or "the whole"
    return ConfigInvalid(f"{variable}: {key}: {first['msg']}")


class _ModelSource:
    """Finds the model of a workflow, and the providers' keys when first asked."""

    def __init__(
        self,
        environ: Mapping[str, str],
        table: ModelTable,
        cloud: CloudSettings | None,
    ) -> None:
        self._environ = environ
        self._table = table
        self._cloud = cloud
        self._keys: dict[str, str] | None = None

    def __call__(self, scripted: ScriptedAnswer | None) -> ModelProvider:
        return provider_from(
            {**self._environ, **self._secret_keys()},
            ModelSettings(
                gemini=_choice(self._table.gemini),
                anthropic=_choice(self._table.anthropic),
            ),
            ScriptedProvider([] if scripted is None else scripted),
        )

    def _secret_keys(self) -> dict[str, str]:
        """Read the keys from Secrets Manager, in the cloud, once a process."""
        arn = self._environ.get(MODEL_SECRET)
        if not arn or self._cloud is None:
            return {}
        if self._keys is None:
            from analemma.hardware.aws.secret_keys import provider_keys

            self._keys = provider_keys(_clients(self._cloud).secretsmanager(), arn)
        return self._keys


def _choice(entry: ModelEntry | None) -> ModelChoice | None:
    if entry is None:
        return None
    return ModelChoice(
        model=entry.model,
        price=ModelPrice(
            entry.input_micro_usd_per_mtok, entry.output_micro_usd_per_mtok
        ),
        longest_answer=entry.longest_answer,
        base_url=entry.base_url,
    )


def stack_settings(document: str, stack: str, **access: str | None) -> CloudSettings:
    """Return the settings that a stack's exported outputs describe.

    Args:
        document: The outputs as a JSON object.
        stack: The stack's name.
        access: Endpoint and credentials, where they are not AWS's own.

    Raises:
        ConfigInvalid: an output is missing.
    """
    outputs = json.loads(document)
    try:
        return CloudSettings(
            stack=stack,
            region=outputs["region"],
            table=outputs["table"],
            bucket=outputs["bucket"],
            state_machine=outputs["stateMachineArn"],
            policy=outputs["policy"],
            **access,
        )
    except KeyError as missing:
        raise ConfigInvalid(
            f"stack {stack} exports no {missing.args[0]}; deploy it again"
        ) from None
