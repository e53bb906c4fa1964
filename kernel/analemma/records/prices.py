"""AWS's list prices, dated, as exact integers, and what one call costs by them.

All are of us-east-1, on demand, without free tiers and volume tiers. The unit is
a pico-dollar, 10**-12 of a dollar: the smallest that keeps every price of the
table whole, so that sums of millions of calls stay exact.

The surprise: a call of Step Functions' own API costs nothing. What it bills is
transitions, and those are no calls of ours; ``TRANSITION`` prices them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import MappingProxyType

PICO_USD_A_USD = 10**12

WRITE_UNIT_BYTES = 1024
READ_UNIT_BYTES = 4096
"""DynamoDB's: of an item that is written, and of a read that is consistent.

Source: "DynamoDB read and write operations", developer guide.
"""


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit of one thing costs; ``source`` published it, as of ``as_of``."""

    name: str
    unit: str
    pico_usd: int
    as_of: date
    source: str


_AWS = "https://aws.amazon.com"
_DYNAMODB = f"{_AWS}/dynamodb/pricing/on-demand"
_S3 = f"{_AWS}/s3/pricing"
_STATES = f"{_AWS}/step-functions/pricing"
_LAMBDA = f"{_AWS}/lambda/pricing"
_OCTOBER, _NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)

# $0.625 and $0.125 per million: since 2024-11-01 half of what they were.
WRITE_UNIT = Price("DynamoDB write", "request unit", 625_000, _NOVEMBER, _DYNAMODB)
READ_UNIT = Price("DynamoDB read", "request unit", 125_000, _NOVEMBER, _DYNAMODB)

# $0.005 and $0.0004 per thousand.
S3_PUT = Price("S3 PUT, COPY, POST, LIST", "request", 5_000_000, _NOVEMBER, _S3)
S3_GET = Price("S3 GET and all other", "request", 400_000, _NOVEMBER, _S3)

# $0.025 per thousand, a retry counts again. A standard child of a Distributed Map
# is an execution whose transitions cost the same.
TRANSITION = Price(
    "Step Functions standard", "state transition", 25_000_000, _OCTOBER, _STATES
)
MAP_CHILD_TRANSITION = Price(
    "Distributed Map, standard child",
    "state transition",
    25_000_000,
    _OCTOBER,
    _STATES,
)

# $1.00 per million requests, and $0.00001667 a GB-second of memory in 64 MB steps.
EXPRESS_REQUEST = Price(
    "Step Functions Express", "request", 1_000_000, _NOVEMBER, _STATES
)
EXPRESS_GB_SECOND = Price(
    "Step Functions Express", "GB-second", 16_670_000, _NOVEMBER, _STATES
)

# $0.20 per million; $0.0000133334 and $0.0000166667.
LAMBDA_REQUEST = Price("Lambda", "request", 200_000, _OCTOBER, _LAMBDA)
GB_SECOND_ARM = Price("Lambda, arm64", "GB-second", 13_333_400, _OCTOBER, _LAMBDA)
GB_SECOND_X86 = Price("Lambda, x86_64", "GB-second", 16_666_700, _NOVEMBER, _LAMBDA)

# $8 per million operations of a durable function, $0.25 a GB it writes.
DURABLE_OPERATION = Price(
    "Lambda durable functions", "operation", 8_000_000, _OCTOBER, _LAMBDA
)
DURABLE_BYTE = Price("Lambda durable functions", "byte", 250, _OCTOBER, _LAMBDA)

# $0.03 and $0.05 per ten thousand.
KMS_REQUEST = Price("KMS", "request", 3_000_000, _NOVEMBER, f"{_AWS}/kms/pricing")
SECRET_REQUEST = Price(
    "Secrets Manager",
    "request",
    5_000_000,
    _NOVEMBER,
    f"{_AWS}/secrets-manager/pricing",
)

# $0.50 a GB taken in.
LOG_BYTE = Price("CloudWatch Logs", "byte", 500, _OCTOBER, f"{_AWS}/cloudwatch/pricing")

PRICES: tuple[Price, ...] = (
    WRITE_UNIT,
    READ_UNIT,
    S3_PUT,
    S3_GET,
    TRANSITION,
    MAP_CHILD_TRANSITION,
    EXPRESS_REQUEST,
    EXPRESS_GB_SECOND,
    LAMBDA_REQUEST,
    GB_SECOND_ARM,
    GB_SECOND_X86,
    DURABLE_OPERATION,
    DURABLE_BYTE,
    KMS_REQUEST,
    SECRET_REQUEST,
    LOG_BYTE,
)
"""The whole table."""

_WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"})
_READS = frozenset({"GetItem", "Query", "Scan", "BatchGetItem"})
_TRANSACTIONS = frozenset({"TransactWriteItems", "TransactGetItems"})

_S3_PUTS = frozenset(
    {
        "CompleteMultipartUpload",
        "CopyObject",
        "CreateMultipartUpload",
        "ListBuckets",
        "ListObjects",
        "ListObjectsV2",
        "ListParts",
        "PostObject",
        "PutObject",
        "UploadPart",
        "UploadPartCopy",
    }
)
_S3_GETS = frozenset({"GetObject", "HeadBucket", "HeadObject"})
_S3_FREE = frozenset({"AbortMultipartUpload", "DeleteObject", "DeleteObjects"})

_FREE = frozenset({"sfn", "stepfunctions", "sts", "iam"})
"""Services whose calls cost nothing by themselves."""

_BY_REQUEST: Mapping[str, Price] = MappingProxyType(
    {
        "kms": KMS_REQUEST,
        "secretsmanager": SECRET_REQUEST,
        "secrets-manager": SECRET_REQUEST,
    }
)


def price_of_call(
    service: str,
    operation: str,
    request_bytes: int,
    response_bytes: int,
    *,
    consistent: bool = True,
) -> int:
    """Return what one call costs, in pico-dollars.

    Service and operation are named as botocore names them: ``dynamodb``,
    ``PutItem``. Lambda's ``Invoke`` is the request alone; its seconds are
    priced by ``GB_SECOND_ARM``.

    Args:
        service: The service, as botocore names it.
        operation: The operation, as botocore names it.
        request_bytes: Of a DynamoDB write the bytes of the item; DynamoDB bills
            the larger of the item before and after, also when a condition
            refuses the write. A batch or a transaction rounds up each item by
            itself: price it item by item.
        response_bytes: Of a DynamoDB read the bytes of all items it looked at.
        consistent: Whether the read is strongly consistent; others cost half.

    Raises:
        KeyError: the table knows no price for this call.
    """
    match service:
        case "dynamodb":
            return _price_of_dynamodb(
                operation, request_bytes, response_bytes, consistent=consistent
            )
        case "s3":
            return _price_of_s3(operation)
        case "lambda" if operation in ("Invoke", "InvokeAsync"):
            return LAMBDA_REQUEST.pico_usd
        case "logs" if operation == "PutLogEvents":
            return request_bytes * LOG_BYTE.pico_usd
        case _ if service in _FREE:
            return 0
        case _ if service in _BY_REQUEST:
            return _BY_REQUEST[service].pico_usd
        case _:
            raise KeyError(f"{service}.{operation} has no price")


def write_units(item_bytes: int, *, transactional: bool = False) -> int:
    """Return the write request units of one item; never less than one."""
    units = max(1, -(-item_bytes // WRITE_UNIT_BYTES))
    return 2 * units if transactional else units


def read_units(item_bytes: int, *, transactional: bool = False) -> int:
    """Return the read request units of one consistent read; never less than one."""
    units = max(1, -(-item_bytes // READ_UNIT_BYTES))
    return 2 * units if transactional else units


def usd(pico_usd: int) -> Decimal:
    """Return pico-dollars as dollars, exactly."""
    return Decimal(pico_usd) / PICO_USD_A_USD


def _price_of_dynamodb(
    operation: str, request_bytes: int, response_bytes: int, *, consistent: bool
) -> int:
    transactional = operation in _TRANSACTIONS
    if operation in _WRITES or operation == "TransactWriteItems":
        units = write_units(request_bytes, transactional=transactional)
        return units * WRITE_UNIT.pico_usd
    if operation in _READS or operation == "TransactGetItems":
        units = read_units(response_bytes, transactional=transactional)
        cost = units * READ_UNIT.pico_usd
        return cost if consistent or transactional else cost // 2
    if operation.startswith(("Describe", "List")):
        return 0
    raise KeyError(f"dynamodb.{operation} has no price")


def _price_of_s3(operation: str) -> int:
    if operation in _S3_PUTS:
        return S3_PUT.pico_usd
    if operation in _S3_GETS:
        return S3_GET.pico_usd
    if operation in _S3_FREE:
        return 0
    raise KeyError(f"s3.{operation} has no price")
