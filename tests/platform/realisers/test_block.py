import pytest

from analemma_platform.engine.failures import ProviderFailure
from analemma_platform.realisers.block import Block
from analemma_platform.realisers.documents import as_text
from analemma_platform.realisers.wire_case import camel, pascal

BLOCK = Block(
    {
        "text": "x",
        "number": 5,
        "real": 1.5,
        "flag": True,
        "inner": {"deep": [{"wrong": "x"}]},
        "texts": ["a", "b"],
        "map": {"a": "b"},
        "gone": None,
    },
    "root",
)


def test_each_accessor_returns_what_it_says() -> None:
    assert BLOCK.text("text") == "x"
    assert BLOCK.text("absent", "y") == "y"
    assert BLOCK.number("number", 1) == 5
    assert BLOCK.number("absent", 1) == 1
    assert BLOCK.maybe_real("real") == 1.5
    assert BLOCK.flag("flag")
    assert not BLOCK.flag("absent")
    assert BLOCK.texts("texts") == ["a", "b"]
    assert BLOCK.text_map("map") == {"a": "b"}
    assert BLOCK.blocks("absent") == []
    assert BLOCK.block("gone") is None
    assert not BLOCK.has("gone")


def test_a_value_of_another_kind_is_named_by_its_path() -> None:
    inner = BLOCK.block("inner")
    assert inner is not None
    (deep,) = inner.blocks("deep")
    with pytest.raises(
        ProviderFailure, match=r"^root\.inner\.deep\[0\]\.wrong must be true or false$"
    ):
        deep.flag("wrong")
    with pytest.raises(ProviderFailure, match=r"^root\.absent is missing$"):
        BLOCK.text("absent")


@pytest.mark.parametrize(
    ("accessor", "name"),
    [
        ("text", "number"),
        ("maybe_number", "flag"),
        ("maybe_number", "real"),
        ("maybe_real", "text"),
        ("block", "text"),
        ("blocks", "text"),
        ("blocks", "texts"),
        ("texts", "map"),
        ("texts", "text"),
        ("text_map", "inner"),
        ("text_map", "texts"),
    ],
)
def test_no_accessor_takes_what_it_is_not(accessor: str, name: str) -> None:
    with pytest.raises(ProviderFailure, match="must be"):
        getattr(BLOCK, accessor)(name)


def test_names_go_to_aws_and_come_back() -> None:
    odd = {"id": "ID"}
    ours = {"rules": [{"id": "x", "daysAfter": 3, "gone": None}]}
    theirs = {"Rules": [{"ID": "x", "DaysAfter": 3}]}
    assert pascal(ours, odd) == theirs
    assert camel(theirs, odd) == {"rules": [{"id": "x", "daysAfter": 3}]}


def test_a_document_is_json_text_or_an_object() -> None:
    assert as_text('{"a":  1}') == '{"a":  1}'
    assert as_text({"b": 1, "a": 2}) == '{"a": 2, "b": 1}'
    for wrong in ("{", 5):
        with pytest.raises(ProviderFailure, match="document"):
            as_text(wrong)
