import json
import re

import pytest

from analemma.errors import ConfigInvalid
from analemma_platform.engine.autonaming import Autonaming
from analemma_platform.engine.urns import Namespace

SPACE = Namespace("shop", "dev")
URN = SPACE.urn("", "aws:s3/bucket:Bucket", "pages")


def proposed(setting: object, salt: bytes = b"salt", attempt: str = "") -> str | None:
    text = None if setting is None else json.dumps(setting)
    return Autonaming(text, SPACE, salt).naming(URN, attempt).proposed


def test_without_a_setting_the_provider_names() -> None:
    assert proposed(None) is None
    assert proposed({"mode": "default"}) is None


def test_a_pattern_is_filled_in() -> None:
    name = proposed({"pattern": "${project}-${name}.${stack}-${hex(6)}-${num(3)}"})
    assert name is not None
    assert re.fullmatch(r"shop-pages\.dev-[0-9a-f]{6}-[0-9]{3}", name)


def test_random_parts_repeat_within_a_deployment_and_differ_between_attempts() -> None:
    pattern = {"pattern": "${alphanum(12)}"}
    assert proposed(pattern) == proposed(pattern)
    assert proposed(pattern) != proposed(pattern, attempt="old-id")
    assert proposed(pattern) != proposed(pattern, salt=b"other")


def test_verbatim_is_the_programs_own_name() -> None:
    assert proposed({"mode": "verbatim"}) == "pages"


def test_disabled_leaves_it_to_the_program() -> None:
    assert Autonaming('{"mode": "disabled"}', SPACE, b"").naming(URN).disabled


def test_a_provider_and_a_type_may_have_rules_of_their_own() -> None:
    rules = {
        "mode": "verbatim",
        "providers": {
            "aws": {
                "pattern": "aws-${name}",
                "resources": {"aws:s3/bucket:Bucket": {"pattern": "bucket-${name}"}},
            }
        },
    }
    assert proposed(rules) == "bucket-pages"
    del rules["providers"]["aws"]["resources"]  # type: ignore[index] # a dict above
    assert proposed(rules) == "aws-pages"


@pytest.mark.parametrize(
    "setting", [[], "x", {"mode": "maybe"}, {"pattern": "${colour}"}]
)
def test_an_unknown_setting_is_refused(setting: object) -> None:
    with pytest.raises(ConfigInvalid, match="pulumi:autonaming"):
        proposed(setting)
