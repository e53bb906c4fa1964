"""boto3 clients, from explicit settings and nothing read on the side.

Retries below a ``put`` are safe by the record store's contract: an attempt that
was applied and whose answer was lost shows up as a conflict with itself.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from boto3.session import Session
from botocore.config import Config

from analemma.errors import CloudUnavailable
from analemma.hardware.aws.edge import aws_edge
from analemma.hardware.aws.traffic import Traffic

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_stepfunctions import SFNClient


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """Which AWS, and how patiently.

    ``endpoint_url`` of None is AWS itself; anything else is an emulated one, of
    which S3 is addressed by path. Without ``access_key_id`` the credentials come
    from where boto3 looks for them. ``attempts`` counts the first call too.
    """

    region: str
    endpoint_url: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    connect_timeout_seconds: float = 3.0
    read_timeout_seconds: float = 15.0
    attempts: int = 4
    connections: int = 32


class AwsClients:
    """Makes clients that share one boto3 session, and one byte counter if given.

    Making clients is not safe among threads, the clients are: make them once,
    in ``wiring``.
    """

    def __init__(self, settings: AwsSettings, traffic: Traffic | None = None) -> None:
        self._settings = settings
        self._traffic = traffic
        with self._making("an AWS session"):
            self._session = Session(
                region_name=settings.region,
                aws_access_key_id=settings.access_key_id,
                aws_secret_access_key=settings.secret_access_key,
            )

    def dynamodb(self) -> "DynamoDBClient":
        """Return a DynamoDB client.

        Raises:
            CloudUnavailable: the settings cannot be used.
        """
        with self._making("a client of DynamoDB"):
            client = self._session.client(
                "dynamodb",
                endpoint_url=self._settings.endpoint_url,
                config=self._config(),
            )
        self._count(client)
        return client

    def s3(self) -> "S3Client":
        """Return an S3 client.

        Raises:
            CloudUnavailable: the settings cannot be used.
        """
        config = self._config()
        if self._settings.endpoint_url is not None:
            # A bucket as a host name needs DNS that no emulator has.
            config = config.merge(Config(s3={"addressing_style": "path"}))
        with self._making("a client of S3"):
            client = self._session.client(
                "s3", endpoint_url=self._settings.endpoint_url, config=config
            )
        self._count(client)
        return client

    def stepfunctions(self) -> "SFNClient":
        """Return a Step Functions client.

        Raises:
            CloudUnavailable: the settings cannot be used.
        """
        with self._making("a client of Step Functions"):
            client = self._session.client(
                "stepfunctions",
                endpoint_url=self._settings.endpoint_url,
                config=self._config(),
            )
        self._count(client)
        return client

    def secretsmanager(self) -> "SecretsManagerClient":
        """Return a Secrets Manager client.

        Raises:
            CloudUnavailable: the settings cannot be used.
        """
        with self._making("a client of Secrets Manager"):
            client = self._session.client(
                "secretsmanager",
                endpoint_url=self._settings.endpoint_url,
                config=self._config(),
            )
        self._count(client)
        return client

    @contextmanager
    def _making(self, thing: str) -> Generator[None]:
        try:
            with aws_edge(thing):
                yield
        except ValueError as error:  # botocore's, for an endpoint that is no URL
            raise CloudUnavailable(
                f"{thing} cannot be made for region {self._settings.region!r}: "
                f"{error}; correct the settings"
            ) from error

    def _config(self) -> Config:
        return Config(
            connect_timeout=self._settings.connect_timeout_seconds,
            read_timeout=self._settings.read_timeout_seconds,
            max_pool_connections=self._settings.connections,
            retries={
                "mode": "standard",
                "total_max_attempts": self._settings.attempts,
            },
        )

    def _count(
        self, client: "DynamoDBClient | S3Client | SFNClient | SecretsManagerClient"
    ) -> None:
        if self._traffic is not None:
            self._traffic.attach(client)
