"""The model providers' API keys, from one secret in Secrets Manager.

The secret is a JSON object of environment variable names and keys, put there by
a person. Keys stay in memory: they are in no record, log, plan or message.
"""

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from analemma.errors import ConfigInvalid
from analemma.hardware.aws.edge import aws_edge, error_code

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_ALLOWED = ("GEMINI_API_KEY", "ANTHROPIC_API_KEY")


def provider_keys(client: "SecretsManagerClient", arn: str) -> dict[str, str]:
    """Return the keys that the secret holds, by the names of their variables.

    A secret without a value holds no keys: the environment has no model yet.

    Raises:
        ConfigInvalid: the value is no JSON object of known names.
        StoreUnavailable: Secrets Manager did not answer.
        CloudUnavailable: the secret is not there or not allowed.
    """
    with aws_edge(f"secret {arn}"):
        try:
            text = client.get_secret_value(SecretId=arn).get("SecretString", "")
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
            text = ""
    if not text:
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not set(found) <= set(_ALLOWED):
        raise ConfigInvalid(
            f"secret {arn} is no JSON object with keys of {', '.join(_ALLOWED)}"
        )
    return {name: str(key) for name, key in found.items()}
