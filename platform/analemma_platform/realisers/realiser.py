"""What a realiser of one resource type is.

A type declares its properties. What a program sets and the declaration does not
name is refused: a property that is quietly dropped here would be missed only on
AWS.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from analemma_platform.engine.values import Properties, Value
from analemma_platform.realisers.aws import Aws
from analemma_platform.realisers.block import Block


@dataclass(frozen=True, slots=True)
class Property:
    """One input property.

    ``force_new``: only a replacement can change it. ``fields``: the properties
    of an object, or of each object in a list. ``ignored``: why it can be
    dropped here without anybody noticing, "" if it is obeyed.
    """

    required: bool = False
    force_new: bool = False
    default: Value = None
    fields: "Mapping[str, Property] | None" = None
    ignored: str = ""


@dataclass(frozen=True, slots=True)
class NameRule:
    """How a type is named when the program does not name it."""

    longest: int
    property: str = "name"
    prefix_property: str | None = "namePrefix"
    lower_case: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a realiser works with: AWS, and where assets are relative to."""

    aws: Aws
    directory: Path = field(default_factory=Path)


class Realiser(ABC):
    """Makes, reads, changes and deletes resources of one type.

    ``computed`` outputs are unknown before a create, ``volatile`` ones (a part
    of them) before any update.
    """

    token: ClassVar[str]
    properties: ClassVar[Mapping[str, Property]]
    name_rule: ClassVar[NameRule | None] = None
    computed: ClassVar[tuple[str, ...]] = ()
    volatile: ClassVar[tuple[str, ...]] = ()
    taggable: ClassVar[bool] = False
    regional: ClassVar[bool] = True

    @abstractmethod
    def create(self, around: Surroundings, inputs: Block) -> str:
        """Make the resource and return its id."""

    @abstractmethod
    def read(
        self, around: Surroundings, resource_id: str, state: Block
    ) -> Properties | None:
        """Return what AWS says of the resource, None when it is gone.

        The values are shaped as a program writes them; what AWS does not tell
        is left out. ``state`` is what was last known.
        """

    @abstractmethod
    def update(
        self, around: Surroundings, resource_id: str, olds: Block, news: Block
    ) -> None:
        """Make the resource as ``news`` says."""

    @abstractmethod
    def delete(
        self, around: Surroundings, resource_id: str, state: Block, *, force: bool
    ) -> None:
        """Delete the resource; that it is gone already is success."""

    @abstractmethod
    def id_of(self, around: Surroundings, inputs: Block) -> str | None:
        """Return the id a resource with ``inputs`` has, if there is one.

        None for what is a setting of something else: it is always there.
        """

    def drifted(
        self, inputs: Properties, before: Properties, now: Properties
    ) -> Properties:
        """Return ``inputs`` changed where a drift shows in another output's name."""
        return inputs
