"""Where botocore's errors become ours. Nothing above sees a botocore exception.

    throttling, 5xx, timeouts, broken connections or answers   StoreUnavailable
    everything else: access, names, credentials, settings      CloudUnavailable

botocore has retried by then (``clients``). HTTP 400 does not tell a throttled
DynamoDB call from a wrong one, so the decision is by error code first.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager

from botocore.exceptions import (
    AwsChunkedWrapperError,
    BotoCoreError,
    CapacityNotAvailableError,
    ChecksumError,
    ClientError,
    ConnectionError,  # noqa: A004 (botocore's name for what we catch)
    CredentialRetrievalError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    MetadataRetrievalError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

from analemma.errors import AnalemmaError, CloudUnavailable, StoreUnavailable

TRANSIENT_CODES = frozenset(
    {
        # DynamoDB, as its service model names them.
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "ReplicatedWriteConflictException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "TransactionConflictException",
        # Any AWS service.
        "BandwidthLimitExceeded",
        "InternalError",
        "InternalFailure",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "TooManyRequestsException",
        "TransactionInProgressException",
        # S3: the bytes were damaged on the way, or another writer was faster.
        "BadDigest",
        "ConditionalRequestConflict",
        "IncompleteBody",
        "OperationAborted",
        "XAmzContentChecksumMismatch",
    }
)

REFUSED_CODES = frozenset(
    {
        # DynamoDB
        "ItemCollectionSizeLimitExceededException",
        "ResourceNotFoundException",
        "ValidationException",
        # S3
        "EncryptionTypeMismatch",
        "InvalidObjectState",
        "InvalidRequest",
        "InvalidWriteOffset",
        "NoSuchBucket",
        "TooManyParts",
        # Any AWS service.
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)

_REQUEST_IDS = {"x-amzn-requestid", "x-amz-request-id"}

TRANSIENT_ERRORS: tuple[type[BotoCoreError], ...] = (
    AwsChunkedWrapperError,
    CapacityNotAvailableError,
    ChecksumError,
    ConnectionError,
    CredentialRetrievalError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    MetadataRetrievalError,
    TokenRetrievalError,
)
"""What botocore raises when no proper answer came; subclasses included."""


@contextmanager
def aws_edge(thing: str) -> Generator[None]:
    """Translate what botocore raises inside.

    Args:
        thing: What was asked, for the message: ``table analemma-dev-records``.

    Raises:
        StoreUnavailable: the same call may succeed later.
        CloudUnavailable: it will not, until the stack or the access changes.
    """
    try:
        yield
    except ClientError as error:
        raise from_client_error(error, thing) from error
    except (BotoCoreError, ResponseParserError) as error:
        raise from_botocore_error(error, thing) from error


def check_answered(headers: Mapping[str, str], thing: str) -> None:
    """Refuse an answer that AWS did not give.

    botocore takes any HTTP 200 for an empty answer: a proxy's page would read as
    "no such record", or as a write that was applied. AWS gives every answer a
    request id.

    Raises:
        StoreUnavailable: there is no request id in ``headers`` (lower case).
    """
    if not _REQUEST_IDS & headers.keys():
        raise StoreUnavailable(
            f"{thing} did not answer, something else did; check proxies and endpoint"
        )


def from_client_error(error: ClientError, thing: str) -> AnalemmaError:
    """Return what an answer of AWS with an error code means."""
    code = error_code(error)
    if code in TRANSIENT_CODES:
        return StoreUnavailable(f"{thing} did not answer: {error}")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code not in REFUSED_CODES and (status >= 500 or status == 429):
        return StoreUnavailable(f"{thing} did not answer: {error}")
    return CloudUnavailable(_refusal(thing, error))


def from_botocore_error(
    error: BotoCoreError | ResponseParserError, thing: str
) -> AnalemmaError:
    """Return what it means that botocore got no answer that it could read."""
    if isinstance(error, (*TRANSIENT_ERRORS, ResponseParserError)):
        return StoreUnavailable(f"{thing} did not answer: {error}")
    return CloudUnavailable(_refusal(thing, error))


def error_code(error: ClientError) -> str:
    """Return the error code of an answer; a bare status such as ``404`` of HEAD."""
    return error.response.get("Error", {}).get("Code", "")


def _refusal(thing: str, error: Exception) -> str:
    return (
        f"{thing} refused: {error}; check that the stack is deployed in this "
        "region and that these credentials may use it"
    )
