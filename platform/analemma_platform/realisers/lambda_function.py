"""Lambda functions, from a zip that is uploaded byte for byte.

``codeSha256`` is then the digest of the artifact that was built, and a function
whose code somebody else replaced shows it.
"""

import base64
from collections.abc import Mapping
from typing import ClassVar

from analemma_platform.engine.assets import archive_bytes
from analemma_platform.engine.changes import same
from analemma_platform.engine.values import Properties
from analemma_platform.realisers import tagging
from analemma_platform.realisers.aws import Argument, Aws
from analemma_platform.realisers.block import Block
from analemma_platform.realisers.realiser import (
    NameRule,
    Property,
    Realiser,
    Surroundings,
)

_UNRESERVED = -1
_MEMORY_MB = 128
_TIMEOUT_SECONDS = 3
_EPHEMERAL_MB = 512
_NO_OTHER_CODE = "code comes as a local zip"


class Function(Realiser):
    """``aws:lambda/function:Function``; its id is its name."""

    token = "aws:lambda/function:Function"  # noqa: S105 - a type token
    name_rule = NameRule(64, prefix_property=None)
    properties: ClassVar[Mapping[str, Property]] = {
        "architectures": Property(default=["x86_64"]),
        "code": Property(required=True),
        "description": Property(),
        "environment": Property(fields={"variables": Property()}),
        "ephemeralStorage": Property(fields={"size": Property()}),
        "handler": Property(required=True),
        "loggingConfig": Property(
            fields={
                "applicationLogLevel": Property(),
                "logFormat": Property(required=True),
                "logGroup": Property(),
                "systemLogLevel": Property(),
            }
        ),
        "memorySize": Property(default=_MEMORY_MB),
        "packageType": Property(default="Zip", force_new=True),
        "publish": Property(default=False),
        "reservedConcurrentExecutions": Property(default=_UNRESERVED),
        "role": Property(required=True),
        "runtime": Property(required=True),
        "sourceCodeHash": Property(ignored=_NO_OTHER_CODE),
        "timeout": Property(default=_TIMEOUT_SECONDS),
    }
    volatile = (
        "codeSha256",
        "lastModified",
        "qualifiedArn",
        "sourceCodeSize",
        "version",
    )
    computed = ("arn", "invokeArn", *volatile)
    taggable = True

    def create(self, around: Surroundings, inputs: Block) -> str:
        """Upload the code and wait until the function can be invoked."""
        aws, name = around.aws, inputs.text("name")
        code = archive_bytes(inputs.value("code"), around.directory)
        aws.call(
            "lambda",
            "create_function",
            Code={"ZipFile": code},
            PackageType=inputs.text("packageType"),
            Architectures=inputs.texts("architectures"),
            Publish=inputs.flag("publish"),
            Tags=tagging.tags_of(inputs) or None,
            **_configuration(inputs),
        )
        aws.wait("lambda", "function_active_v2", FunctionName=name)
        _reserve(aws, name, inputs)
        return name

    def read(
        self, around: Surroundings, resource_id: str, state: Block
    ) -> Properties | None:
        """Return the configuration, the reservation and the code's digest."""
        aws = around.aws
        found = aws.find("lambda", "get_function", FunctionName=resource_id)
        configuration = None if found is None else found.block("Configuration")
        if found is None or configuration is None:
            return None
        reserved = found.block("Concurrency") or Block({})
        arn = configuration.text("FunctionArn")
        version = configuration.text("Version", "$LATEST")
        environment = configuration.block("Environment")
        storage = configuration.block("EphemeralStorage") or Block({})
        return {
            "name": resource_id,
            "arn": arn,
            "architectures": [*configuration.texts("Architectures")],
            "codeSha256": configuration.text("CodeSha256"),
            "description": configuration.maybe_text("Description") or None,
            "environment": _variables(environment),
            "ephemeralStorage": {"size": storage.number("Size", _EPHEMERAL_MB)},
            "handler": configuration.text("Handler"),
            "invokeArn": (
                f"arn:aws:apigateway:{aws.region}:lambda:path/2015-03-31/functions/"
                f"{arn}/invocations"
            ),
            "lastModified": configuration.text("LastModified"),
            **_logging(configuration),
            "memorySize": configuration.number("MemorySize", _MEMORY_MB),
            "qualifiedArn": f"{arn}:{version}",
            "reservedConcurrentExecutions": reserved.number(
                "ReservedConcurrentExecutions", _UNRESERVED
            ),
            "role": configuration.text("Role"),
            "runtime": configuration.text("Runtime"),
            "sourceCodeSize": configuration.number("CodeSize", 0),
            "timeout": configuration.number("Timeout", _TIMEOUT_SECONDS),
            "version": version,
            "tagsAll": {**found.text_map("Tags")},
        }

    def update(
        self, around: Surroundings, resource_id: str, olds: Block, news: Block
    ) -> None:
        """Change the configuration, then the code, then what stands beside them."""
        aws = around.aws
        if _configuration(olds) != _configuration(news):
            aws.call("lambda", "update_function_configuration", **_configuration(news))
            aws.wait("lambda", "function_updated_v2", FunctionName=resource_id)
        code_names = ("code", "architectures")
        if not all(same(olds.value(n), news.value(n)) for n in code_names):
            aws.call(
                "lambda",
                "update_function_code",
                FunctionName=resource_id,
                ZipFile=archive_bytes(news.value("code"), around.directory),
                Architectures=news.texts("architectures"),
                Publish=news.flag("publish"),
            )
            aws.wait("lambda", "function_updated_v2", FunctionName=resource_id)
        _reserve(aws, resource_id, news)
        _retag(aws, resource_id, tagging.tags_of(news))

    def delete(
        self, around: Surroundings, resource_id: str, state: Block, *, force: bool
    ) -> None:
        """Delete the function with all its versions."""
        around.aws.find("lambda", "delete_function", FunctionName=resource_id)

    def id_of(self, around: Surroundings, inputs: Block) -> str:
        """Return the function's name."""
        return inputs.text("name")

    def drifted(
        self, inputs: Properties, before: Properties, now: Properties
    ) -> Properties:
        """Let foreign code differ from the program's: the digests are one number."""
        found, code = now.get("codeSha256"), inputs.get("code")
        changed = found != before.get("codeSha256")
        if changed and isinstance(found, str) and isinstance(code, dict):
            digest = base64.b64decode(found).hex()
            return {**inputs, "code": {**code, "hash": digest}}
        return inputs


def _configuration(inputs: Block) -> dict[str, Argument]:
    """Return what create and update both take."""
    environment = inputs.block("environment") or Block({})
    storage = inputs.block("ephemeralStorage") or Block({})
    logging = inputs.block("loggingConfig")
    return {
        "FunctionName": inputs.text("name"),
        "Description": inputs.text("description", ""),
        "Environment": {"Variables": environment.text_map("variables")},
        "EphemeralStorage": {"Size": storage.number("size", _EPHEMERAL_MB)},
        "Handler": inputs.text("handler"),
        "LoggingConfig": (
            None
            if logging is None
            else {
                name[:1].upper() + name[1:]: value
                for name, value in logging.values.items()
                if value is not None
            }
        ),
        "MemorySize": inputs.number("memorySize", _MEMORY_MB),
        "Role": inputs.text("role"),
        "Runtime": inputs.text("runtime"),
        "Timeout": inputs.number("timeout", _TIMEOUT_SECONDS),
    }


def _reserve(aws: Aws, name: str, inputs: Block) -> None:
    reserved = inputs.number("reservedConcurrentExecutions", _UNRESERVED)
    if reserved == _UNRESERVED:
        aws.call("lambda", "delete_function_concurrency", FunctionName=name)
    else:
        aws.call(
            "lambda",
            "put_function_concurrency",
            FunctionName=name,
            ReservedConcurrentExecutions=reserved,
        )


def _retag(aws: Aws, name: str, tags: dict[str, str]) -> None:
    found = aws.call("lambda", "get_function", FunctionName=name)
    configuration = found.block("Configuration") or Block({})
    arn, now = configuration.text("FunctionArn"), found.text_map("Tags")
    if gone := tagging.removed(now, tags):
        aws.call("lambda", "untag_resource", Resource=arn, TagKeys=gone)
    if tags and now != tags:
        aws.call("lambda", "tag_resource", Resource=arn, Tags=tags)


def _variables(environment: Block | None) -> Properties | None:
    variables = {} if environment is None else environment.text_map("Variables")
    return {"variables": {**variables}} if variables else None


def _logging(configuration: Block) -> Properties:
    found = configuration.block("LoggingConfig")
    if found is None or not found.values:
        return {}
    return {
        "loggingConfig": {
            name[:1].lower() + name[1:]: value for name, value in found.values.items()
        }
    }
