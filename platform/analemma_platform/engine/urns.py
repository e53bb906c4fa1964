"""URNs: what a resource is called across deployments.

``urn:pulumi:<stack>::<project>::<parent types$type>::<name>``. The parent's
types are part of it and its name is not, and the stack itself is no parent:
both are Pulumi's rules, and a state written by either engine names alike.
"""

from dataclasses import dataclass
from typing import NewType

Urn = NewType("Urn", str)
"""A resource's identity within its project and stack."""

STACK_TYPE = "pulumi:pulumi:Stack"
STACK_REFERENCE_TYPE = "pulumi:pulumi:StackReference"
PROVIDER_PREFIX = "pulumi:providers:"


@dataclass(frozen=True, slots=True)
class Namespace:
    """The project and stack that every URN of a deployment starts with."""

    project: str
    stack: str

    def urn(self, parent: str, type_token: str, name: str) -> Urn:
        """Return the URN of ``name`` under the URN ``parent`` ("" for none)."""
        return join(self.stack, self.project, parent, type_token, name)

    def root(self) -> Urn:
        """Return the URN of the stack itself."""
        return self.urn("", STACK_TYPE, f"{self.project}-{self.stack}")


def join(stack: str, project: str, parent: str, type_token: str, name: str) -> Urn:
    """Return a URN from all its parts; ``parent`` is a URN or ""."""
    above = qualified_type(parent) if parent else ""
    prefix = f"{above}$" if above and above != STACK_TYPE else ""
    return Urn(f"urn:pulumi:{stack}::{project}::{prefix}{type_token}::{name}")


def qualified_type(urn: str) -> str:
    """Return the parents' types and the own one, joined by ``$``."""
    return urn.split("::", 3)[2]


def type_of(urn: str) -> str:
    """Return the resource's own type token."""
    return qualified_type(urn).rsplit("$", 1)[-1]


def name_of(urn: str) -> str:
    """Return the name the program gave the resource."""
    return urn.split("::", 3)[3]


def package_of(type_token: str) -> str:
    """Return the package a type belongs to: ``aws`` of ``aws:s3/bucket:Bucket``."""
    if type_token.startswith(PROVIDER_PREFIX):
        return type_token.removeprefix(PROVIDER_PREFIX)
    return type_token.split(":", 1)[0]


def is_provider(type_token: str) -> bool:
    """Tell whether the resource is itself a configured provider."""
    return type_token.startswith(PROVIDER_PREFIX)
