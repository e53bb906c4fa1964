"""IAM policies that stand by themselves, for whoever they are attached to.

IAM keeps at most five versions of one, so a change makes room for itself first.
"""

from collections.abc import Mapping
from typing import ClassVar

from analemma_platform.engine.values import Properties
from analemma_platform.realisers import tagging
from analemma_platform.realisers.aws import Aws
from analemma_platform.realisers.block import Block
from analemma_platform.realisers.documents import as_text, from_iam
from analemma_platform.realisers.realiser import (
    NameRule,
    Property,
    Realiser,
    Surroundings,
)

_MOST_VERSIONS = 5


class ManagedPolicy(Realiser):
    """``aws:iam/policy:Policy``; its id is its ARN."""

    token = "aws:iam/policy:Policy"  # noqa: S105 - a type token
    name_rule = NameRule(128)
    properties: ClassVar[Mapping[str, Property]] = {
        "description": Property(force_new=True),
        "path": Property(default="/", force_new=True),
        "policy": Property(required=True),
    }
    computed = ("arn", "policyId")
    taggable = True
    regional = False

    def create(self, around: Surroundings, inputs: Block) -> str:
        """Make the policy."""
        tags = tagging.as_list(tagging.tags_of(inputs))
        made = around.aws.call(
            "iam",
            "create_policy",
            PolicyName=inputs.text("name"),
            Path=inputs.text("path", "/"),
            Description=inputs.maybe_text("description"),
            PolicyDocument=as_text(inputs.value("policy")),
            Tags=tags or None,
        )
        return (made.block("Policy") or Block({})).text("Arn")

    def read(
        self, around: Surroundings, resource_id: str, state: Block
    ) -> Properties | None:
        """Return the policy's document in force, and its tags."""
        aws = around.aws
        found = aws.find("iam", "get_policy", PolicyArn=resource_id)
        policy = None if found is None else found.block("Policy")
        if policy is None:
            return None
        version = aws.call(
            "iam",
            "get_policy_version",
            PolicyArn=resource_id,
            VersionId=policy.text("DefaultVersionId"),
        ).block("PolicyVersion")
        return {
            "name": policy.text("PolicyName"),
            "arn": resource_id,
            "description": policy.maybe_text("Description") or None,
            "path": policy.text("Path", "/"),
            "policy": from_iam(version or Block({}), "Document"),
            "policyId": policy.text("PolicyId"),
            "tagsAll": _tags(aws, resource_id),
        }

    def update(
        self, around: Surroundings, resource_id: str, olds: Block, news: Block
    ) -> None:
        """Put a new version in force, and set the tags."""
        aws = around.aws
        if olds.value("policy") != news.value("policy"):
            spare = self._spare_versions(aws, resource_id)
            # One is in force, and one more is to come.
            for version in spare[_MOST_VERSIONS - 2 :]:
                _forget(aws, resource_id, version)
            aws.call(
                "iam",
                "create_policy_version",
                PolicyArn=resource_id,
                PolicyDocument=as_text(news.value("policy")),
                SetAsDefault=True,
            )
        self._retag(aws, resource_id, tagging.tags_of(news))

    def delete(
        self, around: Surroundings, resource_id: str, state: Block, *, force: bool
    ) -> None:
        """Delete the policy; IAM refuses while somebody bears it."""
        aws = around.aws
        if aws.find("iam", "get_policy", PolicyArn=resource_id) is None:
            return
        for version in self._spare_versions(aws, resource_id):
            _forget(aws, resource_id, version)
        aws.find("iam", "delete_policy", PolicyArn=resource_id)

    def id_of(self, around: Surroundings, inputs: Block) -> str:
        """Return the ARN that a policy of this name has."""
        identity = around.aws.call("sts", "get_caller_identity")
        path, name = inputs.text("path", "/"), inputs.text("name")
        return f"arn:aws:iam::{identity.text('Account')}:policy{path}{name}"

    def _spare_versions(self, aws: Aws, arn: str) -> list[str]:
        """Return the versions that are not in force, the newest first."""
        listed = aws.call("iam", "list_policy_versions", PolicyArn=arn)
        spare = [
            one.text("VersionId")
            for one in listed.blocks("Versions")
            if not one.flag("IsDefaultVersion")
        ]
        return sorted(spare, key=lambda version: -int(version.removeprefix("v")))

    def _retag(self, aws: Aws, arn: str, tags: dict[str, str]) -> None:
        now = _tags(aws, arn)
        if gone := sorted(now.keys() - tags.keys()):
            aws.call("iam", "untag_policy", PolicyArn=arn, TagKeys=gone)
        if tags and now != tags:
            aws.call("iam", "tag_policy", PolicyArn=arn, Tags=tagging.as_list(tags))


def _tags(aws: Aws, arn: str) -> Properties:
    listed = aws.call("iam", "list_policy_tags", PolicyArn=arn)
    return tagging.from_list(listed.blocks("Tags"))


def _forget(aws: Aws, arn: str, version: str) -> None:
    aws.find("iam", "delete_policy_version", PolicyArn=arn, VersionId=version)
