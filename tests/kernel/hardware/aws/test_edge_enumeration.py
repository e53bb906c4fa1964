"""No error of botocore's is left without a decision.

The enumerations fail when a new botocore, or a new operation of ours, brings an
error that is neither transient nor refused.
"""

import inspect

import botocore.exceptions
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from analemma.errors import CloudUnavailable, StoreUnavailable
from analemma.hardware.aws.clients import AwsClients
from analemma.hardware.aws.edge import (
    REFUSED_CODES,
    TRANSIENT_CODES,
    TRANSIENT_ERRORS,
    from_botocore_error,
    from_client_error,
)
from stores_aws import settings

OPERATIONS = {
    "dynamodb": ["GetItem", "UpdateItem", "DeleteItem", "Query", "Scan"],
    "s3": ["PutObject", "GetObject", "HeadObject", "DeleteObject", "ListObjectsV2"],
}
# What the adapters themselves give a meaning.
HANDLED = {"ConditionalCheckFailedException", "NoSuchKey"}
# botocore's errors that no wait will mend: settings, access, wrong use. An error
# that a new botocore adds is in neither list, and the enumeration below fails.
PERMANENT = {
    "ApiVersionNotFoundError",
    "BaseEndpointResolverError",
    "ConfigNotFound",
    "ConfigParseError",
    "DataNotFoundError",
    "EndpointDiscoveryException",
    "EndpointProviderError",
    "InvalidChecksumConfigError",
    "InvalidConfigError",
    "InvalidDNSNameError",
    "InvalidDefaultsMode",
    "InvalidEndpointConfigurationError",
    "InvalidEndpointDiscoveryConfigurationError",
    "InvalidExpressionError",
    "InvalidHostLabelError",
    "InvalidIMDSEndpointError",
    "InvalidIMDSEndpointModeError",
    "InvalidProxiesConfigError",
    "InvalidRetryConfigurationError",
    "InvalidS3AddressingStyleError",
    "InvalidS3UsEast1RegionalEndpointConfigError",
    "InvalidSTSRegionalEndpointsConfigError",
    "LoginError",
    "MD5UnavailableError",
    "MissingDependencyException",
    "MissingParametersError",
    "NoAuthTokenError",
    "NoCredentialsError",
    "OperationNotPageableError",
    "PaginationError",
    "ParamValidationError",
    "PartialCredentialsError",
    "ProfileNotFound",
    "RefreshWithMFAUnsupportedError",
    "SSOError",
    "ServiceNotInRegionError",
    "StubResponseError",
    "UnknownClientMethodError",
    "UnknownCredentialError",
    "UnknownRegionError",
    "UnknownServiceStyle",
    "UnknownSignatureVersionError",
    "UnknownTokenProviderError",
    "UnseekableStreamError",
    "UnsupportedOutpostResourceError",
    "UnsupportedS3AccesspointConfigurationError",
    "UnsupportedS3ArnError",
    "UnsupportedS3ConfigurationError",
    "UnsupportedS3ControlArnError",
    "UnsupportedS3ControlConfigurationError",
    "UnsupportedServiceProtocolsError",
    "UnsupportedSignatureVersionError",
    "ValidationError",
    "WaiterConfigError",
    "WaiterError",
}


@pytest.mark.parametrize("service", sorted(OPERATIONS))
def test_every_error_that_the_service_models_is_mapped(service: str) -> None:
    clients = AwsClients(settings())
    client = clients.dynamodb() if service == "dynamodb" else clients.s3()
    model = client.meta.service_model
    modelled = {
        shape.metadata.get("error", {}).get("code", shape.name)
        for operation in OPERATIONS[service]
        for shape in model.operation_model(operation).error_shapes
    }
    assert len(modelled) > 4
    assert modelled - TRANSIENT_CODES - REFUSED_CODES - HANDLED == set()


def test_every_error_of_botocore_is_mapped() -> None:
    transient = {error.__name__ for error in TRANSIENT_ERRORS}
    direct = {error.__name__ for error in BotoCoreError.__subclasses__()}
    ours = {name for name in direct if name in vars(botocore.exceptions)}
    assert not transient & PERMANENT
    assert ours - transient - PERMANENT == set()
    # Beside that tree botocore has these, and warnings, and its own mistakes.
    others = {
        name
        for name, error in inspect.getmembers(botocore.exceptions, inspect.isclass)
        if issubclass(error, Exception) and not issubclass(error, BotoCoreError)
    }
    assert others == {
        "ClientError",
        "EventStreamError",  # a ClientError
        "ImminentRemovalWarning",
        "MissingServiceIdError",
        "UndefinedModelAttributeError",
        "UnsupportedTLSVersionWarning",
    }


@pytest.mark.parametrize("error", TRANSIENT_ERRORS)
def test_transient_errors_and_their_heirs_are_unavailable(
    error: type[BotoCoreError],
) -> None:
    for heir in (error, *error.__subclasses__()):
        instance = heir.__new__(heir)
        assert isinstance(from_botocore_error(instance, "x"), StoreUnavailable)


def test_other_errors_of_botocore_refuse() -> None:
    error = botocore.exceptions.NoCredentialsError()
    assert isinstance(from_botocore_error(error, "x"), CloudUnavailable)
    assert isinstance(
        from_botocore_error(ResponseParserError("cut"), "x"), StoreUnavailable
    )


@pytest.mark.parametrize("code", sorted(REFUSED_CODES))
def test_refused_codes_refuse_whatever_the_status(code: str) -> None:
    error = ClientError(
        {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 500}}, "Op"
    )
    assert isinstance(from_client_error(error, "x"), CloudUnavailable)


@pytest.mark.parametrize("code", sorted(TRANSIENT_CODES))
def test_transient_codes_are_unavailable_whatever_the_status(code: str) -> None:
    error = ClientError(
        {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 400}}, "Op"
    )
    assert isinstance(from_client_error(error, "x"), StoreUnavailable)


def test_no_code_is_both_transient_and_refused() -> None:
    assert not TRANSIENT_CODES & REFUSED_CODES
