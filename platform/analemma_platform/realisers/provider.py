"""The ``aws`` provider of the embedded cloud: a table of realisers.

Never real AWS: it has one endpoint, which must be on this machine, and it hands
nothing of a program's provider settings to boto3 but the region.
"""

import ipaddress
import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from analemma.errors import ConfigInvalid
from analemma_platform.engine.changes import changed_names, same
from analemma_platform.engine.failures import ProviderFailure, Unsupported
from analemma_platform.engine.provider import Checked, Difference, Naming, Realised
from analemma_platform.engine.urns import Urn, type_of
from analemma_platform.engine.values import UNKNOWN, Properties, Value
from analemma_platform.realisers import tagging
from analemma_platform.realisers.aws import Aws
from analemma_platform.realisers.block import Block
from analemma_platform.realisers.lookups import LOOKUPS
from analemma_platform.realisers.naming import named
from analemma_platform.realisers.realiser import Property, Realiser, Surroundings
from analemma_platform.realisers.table import REALISERS
from analemma_platform.realisers.validation import failures, with_defaults

PACKAGE = "aws"

_ALWAYS_OURS = "the embedded cloud is always its own endpoint and account"
_SETTINGS: Mapping[str, Property] = {
    "region": Property(required=True),
    "defaultTags": Property(fields={"tags": Property()}),
    **{
        name: Property(ignored=_ALWAYS_OURS)
        for name in (
            "accessKey",
            "endpoints",
            "profile",
            "s3UsePathStyle",
            "secretKey",
            "skipCredentialsValidation",
            "skipMetadataApiCheck",
            "skipRegionValidation",
            "skipRequestingAccountId",
            "version",
        )
    },
}


class AwsProvider:
    """Realises ``aws:…`` resources on one emulated AWS."""

    def __init__(self, endpoint: str, settings: Properties, directory: Path) -> None:
        """Take the provider's ``settings``; assets are relative to ``directory``.

        Raises:
            ConfigInvalid: no region, or an endpoint that is not on this machine.
            Unsupported: a setting that would be ignored and matters.
        """
        require_loopback(endpoint)
        parsed = {name: _parsed(value) for name, value in settings.items()}
        if not isinstance(parsed.get("region"), str):
            raise ConfigInvalid("aws:region is missing in the stack's configuration")
        wrong = failures("pulumi:providers:aws", _SETTINGS, parsed)
        if wrong:
            raise Unsupported("; ".join(wrong))
        block = Block(parsed)
        tags = block.block("defaultTags")
        self._default_tags = {} if tags is None else tags.text_map("tags")
        self._region = block.text("region")
        self._around = Surroundings(Aws(endpoint, self._region), directory)

    def check(
        self, urn: Urn, news: Properties, olds: Properties, naming: Naming
    ) -> Checked:
        """Validate ``news``, give them defaults, tags and a name."""
        realiser = _realiser(urn)
        properties = _all_properties(realiser)
        wrong = list(failures(realiser.token, properties, news))
        inputs = with_defaults(properties, news)
        region = inputs.pop("region", self._region)
        if region not in (self._region, UNKNOWN):
            wrong.append(f"region {region!r} is not the provider's, {self._region!r}")
        if realiser.name_rule is not None:
            name, problem = named(realiser.name_rule, urn, inputs, olds, naming)
            inputs[realiser.name_rule.property] = name
            wrong.extend([] if problem is None else [problem])
        if realiser.taggable:
            inputs = tagging.with_all_tags(inputs, self._default_tags)
        return Checked(inputs, tuple(wrong))

    def diff(self, urn: Urn, olds: Properties, news: Properties) -> Difference:
        """Compare inputs; a name that stays makes a replacement delete first."""
        realiser = _realiser(urn)
        changed = changed_names(olds, news)
        properties = _all_properties(realiser)
        replaces = tuple(
            name
            for name in changed
            if name in properties and properties[name].force_new
        )
        rule = realiser.name_rule
        keeps_name = rule is None or olds.get(rule.property) == news.get(rule.property)
        return Difference(changed, replaces, bool(replaces) and keeps_name)

    def preview_create(self, urn: Urn, inputs: Properties) -> Properties:
        """Return the inputs, and unknowns for what only AWS can say."""
        realiser = _realiser(urn)
        known: Properties = {"region": self._region} if realiser.regional else {}
        return {**known, **inputs, **dict.fromkeys(realiser.computed, UNKNOWN)}

    def create(self, urn: Urn, inputs: Properties) -> Realised:
        """Make the resource, wholly or not at all.

        What has its name already is somebody else's, and left alone.
        """
        realiser = _realiser(urn)
        if (other := self.find(urn, inputs)) is not None:
            raise ProviderFailure(
                f"{urn}: {other.id} exists already and is not this stack's; "
                "delete it or choose another name"
            )
        try:
            resource_id = realiser.create(self._around, Block(inputs))
        except ProviderFailure:
            if (half := self.find(urn, inputs)) is not None:
                self.delete(urn, half.id, half.outputs, force=True)
            raise
        return Realised(resource_id, self._outputs(realiser, resource_id, inputs))

    def find(self, urn: Urn, inputs: Properties) -> Realised | None:
        """Return the resource that ``inputs`` name, whoever made it."""
        realiser = _realiser(urn)
        resource_id = realiser.id_of(self._around, Block(inputs))
        if resource_id is None:
            return None
        outputs = self.read(urn, resource_id, inputs)
        return None if outputs is None else Realised(resource_id, outputs)

    def read(self, urn: Urn, resource_id: str, state: Properties) -> Properties | None:
        """Return the outputs as they are now."""
        realiser = _realiser(urn)
        found = realiser.read(self._around, resource_id, Block(state))
        return None if found is None else self._merged(realiser, state, found)

    def preview_update(
        self, urn: Urn, outputs: Properties, olds: Properties, news: Properties
    ) -> Properties:
        """Return the outputs with the new inputs, volatile ones unknown."""
        realiser = _realiser(urn)
        kept = {name: v for name, v in outputs.items() if name not in olds}
        return {**kept, **news, **dict.fromkeys(realiser.volatile, UNKNOWN)}

    def update(
        self, urn: Urn, resource_id: str, olds: Properties, news: Properties
    ) -> Properties:
        """Change the resource."""
        realiser = _realiser(urn)
        realiser.update(self._around, resource_id, Block(olds), Block(news))
        return self._outputs(realiser, resource_id, news)

    def delete(
        self, urn: Urn, resource_id: str, state: Properties, *, force: bool
    ) -> None:
        """Delete the resource."""
        _realiser(urn).delete(self._around, resource_id, Block(state), force=force)

    def drifted(
        self, urn: Urn, inputs: Properties, before: Properties, now: Properties
    ) -> Properties:
        """Return ``inputs`` as ``now`` implies."""
        changed = changed_names(before, now)
        follows = dict(inputs)
        for name in changed:
            if name in inputs and name in now:
                follows[name] = now[name]
            elif name in inputs:
                del follows[name]
        return _realiser(urn).drifted(follows, before, now)

    def invoke(self, token: str, args: Properties) -> Properties:
        """Call a function such as ``aws:index/getRegion:getRegion``."""
        lookup = LOOKUPS.get(token)
        if lookup is None:
            raise Unsupported(f"the embedded cloud does not know function {token}")
        return lookup(self._around.aws, Block(args, token))

    def _outputs(
        self, realiser: Realiser, resource_id: str, inputs: Properties
    ) -> Properties:
        found = realiser.read(self._around, resource_id, Block(inputs))
        return self._merged(realiser, inputs, found or {})

    def _merged(
        self, realiser: Realiser, known: Properties, found: Properties
    ) -> Properties:
        merged: Properties = {
            # Where AWS only writes it otherwise, the program's own text stays.
            name: known[name] if same(known.get(name), value) else value
            for name, value in {**known, **found}.items()
            if value is not None
        }
        all_tags = found.get(tagging.TAGS_ALL)
        if realiser.taggable and isinstance(all_tags, dict):
            declared = known.get(tagging.TAGS)
            declared = declared if isinstance(declared, dict) else {}
            own = tagging.own_tags(all_tags, self._default_tags, declared)
            if own or declared:
                merged[tagging.TAGS] = own
        if realiser.regional:
            merged["region"] = self._region
        return merged


def require_loopback(endpoint: str) -> None:
    """Refuse an endpoint that is not on this machine.

    Raises:
        ConfigInvalid: it could be real AWS, or anybody's.
    """
    host = urlsplit(endpoint).hostname or ""
    if host == "localhost":
        return
    try:
        if ipaddress.ip_address(host).is_loopback:
            return
    except ValueError:
        pass
    raise ConfigInvalid(
        f"the embedded cloud only talks to this machine, not to {endpoint!r}"
    )


def _realiser(urn: Urn) -> Realiser:
    token = type_of(urn)
    realiser = REALISERS.get(token)
    if realiser is None:
        raise Unsupported(f"{urn}: the embedded cloud does not know type {token}")
    return realiser


def _all_properties(realiser: Realiser) -> Mapping[str, Property]:
    extra: dict[str, Property] = {}
    if realiser.taggable:
        extra[tagging.TAGS] = Property()
    if realiser.regional:
        extra["region"] = Property(force_new=True)
    rule = realiser.name_rule
    if rule is not None:
        extra[rule.property] = Property(force_new=True)
        if rule.prefix_property is not None:
            extra[rule.prefix_property] = Property(force_new=True)
    return {**extra, **realiser.properties}


def _parsed(value: Value) -> Value:
    """Return a provider setting as it was meant: all but texts come as JSON."""
    if not isinstance(value, str) or value[:1] not in '[{"tf':
        return value
    try:
        parsed: Value = json.loads(value)
    except ValueError:
        return value
    return parsed
