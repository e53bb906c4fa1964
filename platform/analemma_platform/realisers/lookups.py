"""Functions of the aws package: what a program asks before it makes anything."""

from collections.abc import Callable, Mapping

from analemma_platform.engine.failures import Unsupported
from analemma_platform.engine.values import Properties
from analemma_platform.realisers.aws import Aws
from analemma_platform.realisers.block import Block

Lookup = Callable[[Aws, Block], Properties]
"""Answers one function for its arguments."""


def _caller_identity(aws: Aws, args: Block) -> Properties:
    _refuse_arguments(args, ())
    found = aws.call("sts", "get_caller_identity")
    account = found.text("Account")
    return {
        "accountId": account,
        "arn": found.text("Arn"),
        "id": account,
        "userId": found.text("UserId"),
    }


def _region(aws: Aws, args: Block) -> Properties:
    _refuse_arguments(args, ("region", "name", "id"))
    for name in ("region", "name", "id"):
        if args.text(name, aws.region) != aws.region:
            raise Unsupported(f"getRegion: only {aws.region!r} is known here")
    return {
        "description": aws.region,
        "endpoint": f"ec2.{aws.region}.amazonaws.com",
        "id": aws.region,
        "name": aws.region,
        "region": aws.region,
    }


def _partition(_aws: Aws, args: Block) -> Properties:
    _refuse_arguments(args, ("id",))
    return {
        "dnsSuffix": "amazonaws.com",
        "id": "aws",
        "partition": "aws",
        "reverseDnsPrefix": "com.amazonaws",
    }


def _refuse_arguments(args: Block, known: tuple[str, ...]) -> None:
    for name in args.values:
        if name not in known:
            raise Unsupported(f"the embedded cloud does not know argument {name}")


LOOKUPS: Mapping[str, Lookup] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getRegion:getRegion": _region,
}
