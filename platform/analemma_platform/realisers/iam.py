"""IAM roles and the policies written into them."""

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

_HOUR_SECONDS = 3600
_SEPARATOR = ":"


class Role(Realiser):
    """``aws:iam/role:Role``; its id is its name."""

    token = "aws:iam/role:Role"  # noqa: S105 - a type token
    name_rule = NameRule(64)
    properties: ClassVar[Mapping[str, Property]] = {
        "assumeRolePolicy": Property(required=True),
        "description": Property(),
        "forceDetachPolicies": Property(default=False),
        "maxSessionDuration": Property(default=_HOUR_SECONDS),
        "path": Property(default="/", force_new=True),
    }
    computed = ("arn", "createDate", "uniqueId")
    taggable = True
    regional = False

    def create(self, around: Surroundings, inputs: Block) -> str:
        """Make the role."""
        name = inputs.text("name")
        tags = tagging.as_list(tagging.tags_of(inputs))
        around.aws.call(
            "iam",
            "create_role",
            RoleName=name,
            Path=inputs.text("path", "/"),
            AssumeRolePolicyDocument=as_text(inputs.value("assumeRolePolicy")),
            Description=inputs.maybe_text("description"),
            MaxSessionDuration=inputs.number("maxSessionDuration", _HOUR_SECONDS),
            Tags=tags or None,
        )
        return name

    def read(
        self, around: Surroundings, resource_id: str, state: Block
    ) -> Properties | None:
        """Return the role, its trust policy and its tags."""
        found = around.aws.find("iam", "get_role", RoleName=resource_id)
        role = None if found is None else found.block("Role")
        if role is None:
            return None
        return {
            "name": resource_id,
            "arn": role.text("Arn"),
            "assumeRolePolicy": from_iam(role, "AssumeRolePolicyDocument"),
            "createDate": role.maybe_text("CreateDate"),
            "description": role.maybe_text("Description") or None,
            "maxSessionDuration": role.number("MaxSessionDuration", _HOUR_SECONDS),
            "path": role.text("Path", "/"),
            "uniqueId": role.text("RoleId"),
            "tagsAll": tagging.from_list(role.blocks("Tags")),
        }

    def update(
        self, around: Surroundings, resource_id: str, olds: Block, news: Block
    ) -> None:
        """Change trust policy, description, session length and tags."""
        aws = around.aws
        aws.call(
            "iam",
            "update_assume_role_policy",
            RoleName=resource_id,
            PolicyDocument=as_text(news.value("assumeRolePolicy")),
        )
        aws.call(
            "iam",
            "update_role",
            RoleName=resource_id,
            Description=news.text("description", ""),
            MaxSessionDuration=news.number("maxSessionDuration", _HOUR_SECONDS),
        )
        self._retag(aws, resource_id, tagging.tags_of(news))

    def delete(
        self, around: Surroundings, resource_id: str, state: Block, *, force: bool
    ) -> None:
        """Delete the role; with ``force`` whatever hangs on it goes first."""
        aws = around.aws
        if force or state.flag("forceDetachPolicies"):
            _detach(aws, resource_id)
        aws.find("iam", "delete_role", RoleName=resource_id)

    def id_of(self, around: Surroundings, inputs: Block) -> str:
        """Return the role's name."""
        return inputs.text("name")

    def _retag(self, aws: Aws, name: str, tags: dict[str, str]) -> None:
        listed = aws.call("iam", "list_role_tags", RoleName=name)
        now = {tag.text("Key"): tag.text("Value") for tag in listed.blocks("Tags")}
        if gone := tagging.removed(now, tags):
            aws.call("iam", "untag_role", RoleName=name, TagKeys=gone)
        if tags and now != tags:
            aws.call("iam", "tag_role", RoleName=name, Tags=tagging.as_list(tags))


class RolePolicy(Realiser):
    """``aws:iam/rolePolicy:RolePolicy``; its id is ``role:name``."""

    token = "aws:iam/rolePolicy:RolePolicy"  # noqa: S105 - a type token
    name_rule = NameRule(128)
    properties: ClassVar[Mapping[str, Property]] = {
        "policy": Property(required=True),
        "role": Property(required=True, force_new=True),
    }
    regional = False

    def create(self, around: Surroundings, inputs: Block) -> str:
        """Write the policy into its role."""
        self._put(around.aws, inputs)
        return self.id_of(around, inputs)

    def read(
        self, around: Surroundings, resource_id: str, state: Block
    ) -> Properties | None:
        """Return the policy's document."""
        role, _, name = resource_id.partition(_SEPARATOR)
        found = around.aws.find(
            "iam", "get_role_policy", RoleName=role, PolicyName=name
        )
        if found is None:
            return None
        policy = from_iam(found, "PolicyDocument")
        return {"role": role, "name": name, "policy": policy}

    def update(
        self, around: Surroundings, resource_id: str, olds: Block, news: Block
    ) -> None:
        """Write the new document over the old one."""
        self._put(around.aws, news)

    def delete(
        self, around: Surroundings, resource_id: str, state: Block, *, force: bool
    ) -> None:
        """Take the policy out of its role."""
        role, _, name = resource_id.partition(_SEPARATOR)
        around.aws.find("iam", "delete_role_policy", RoleName=role, PolicyName=name)

    def id_of(self, around: Surroundings, inputs: Block) -> str:
        """Return role and name; a role's name holds no colon."""
        return f"{inputs.text('role')}{_SEPARATOR}{inputs.text('name')}"

    def _put(self, aws: Aws, inputs: Block) -> None:
        aws.call(
            "iam",
            "put_role_policy",
            RoleName=inputs.text("role"),
            PolicyName=inputs.text("name"),
            PolicyDocument=as_text(inputs.value("policy")),
        )


def _detach(aws: Aws, role: str) -> None:
    written = aws.find("iam", "list_role_policies", RoleName=role)
    for name in [] if written is None else written.texts("PolicyNames"):
        aws.find("iam", "delete_role_policy", RoleName=role, PolicyName=name)
    attached = aws.find("iam", "list_attached_role_policies", RoleName=role)
    for policy in [] if attached is None else attached.blocks("AttachedPolicies"):
        arn = policy.text("PolicyArn")
        aws.find("iam", "detach_role_policy", RoleName=role, PolicyArn=arn)
