"""JSONPath, reference paths and intrinsic functions, without a server."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analemma_platform.emulator.step_functions.choice import (
    RuleInvalid,
    matches,
    parse_rule,
)
from analemma_platform.emulator.step_functions.failures import StateFailed
from analemma_platform.emulator.step_functions.intrinsics import evaluate, parse_call
from analemma_platform.emulator.step_functions.paths import (
    PathInvalid,
    PathMissing,
    parse_path,
    parse_reference,
    present,
    read,
    write,
)
from analemma_platform.emulator.step_functions.templates import check_template, fill

DATA = {
    "a": {"b": [10, 20, 30, {"c": 1}]},
    "odd name": {"it's": 5},
    "n": None,
    "all": [{"c": 2}, {"c": 3}],
}
CONTEXT = {"Execution": {"Id": "arn"}}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
names = st.text(st.characters(categories=("L",)), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", DATA),
        ("$.a.b[0]", 10),
        ("$.a.b[-1].c", 1),
        ("$['odd name'][\"it's\"]", 5),
        ("$.n", None),
        ("$.all[*].c", [2, 3]),
        ("$.a.b[1:3]", [20, 30]),
        ("$.a.b[0,2]", [10, 30]),
        ("$..c", [1, 2, 3]),
        ("$.all[5:]", []),
        ("$['a','n']", [DATA["a"], None]),
        ("$$.Execution.Id", "arn"),
        ("$$", CONTEXT),
    ],
)
def test_path_finds(path, found):
    assert read(parse_path(path), DATA, CONTEXT) == found


@pytest.mark.parametrize("path", ["$.x", "$.a.b[9]", "$.a.b.c", "$.n.x", "$$.Task"])
def test_definite_path_that_finds_nothing_is_an_error(path):
    assert not present(parse_path(path), DATA, CONTEXT)
    with pytest.raises(PathMissing, match=r"could not be found"):
        read(parse_path(path), DATA, CONTEXT)


@pytest.mark.parametrize(
    "path",
    ["", "a.b", "$.", "$a", "$.a[", "$.a[?(@.b)]", "$.a]", "$variable.x", "$.a..b["],
)
def test_what_is_no_path_is_refused(path):
    with pytest.raises(PathInvalid):
        parse_path(path)


@given(st.lists(names, min_size=1, max_size=4), json_values, json_values)
def test_what_is_written_at_a_path_is_read_there(fields, original, result):
    data = {"kept": original}
    path = "$.z." + ".".join(fields)
    written = write(path, data, result)
    assert read(parse_path(path), written, {}) == result
    assert written["kept"] == original
    assert data == {"kept": original}


def test_writing_through_something_that_is_no_object_fails():
    with pytest.raises(StateFailed, match="ResultPathMatchFailure"):
        write("$.a.b", {"a": 1}, 2)
    with pytest.raises(StateFailed, match="ResultPathMatchFailure"):
        write("$.a", [1], 2)


@pytest.mark.parametrize("path", ["$.a[*]", "$$.a", "$.a[0]", "$..a"])
def test_result_path_is_made_of_field_names(path):
    with pytest.raises(PathInvalid):
        parse_reference(path)


@given(json_values)
def test_template_without_dynamic_keys_stands_for_itself(value):
    template = {"fixed": {"deep": value}} if not _dynamic(value) else {}
    assert fill(check_template(template), {}, {}) == template


def _dynamic(value: object) -> bool:
    return ".$" in json.dumps(value)


def test_template_is_filled_at_every_depth():
    template = {"list": [{"x.$": "$.n"}, "$.n"], "deep": {"y.$": "$.all[0]"}}
    assert fill(template, DATA, CONTEXT) == {
        "list": [{"x": None}, "$.n"],
        "deep": {"y": {"c": 2}},
    }


@pytest.mark.parametrize(
    "template", [{"a.$": 1}, {"a.$": "b"}, [{"a.$": "States.X()"}]]
)
def test_template_with_a_dynamic_key_and_no_expression_is_refused(template):
    with pytest.raises(PathInvalid):
        check_template(template)


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("States.Array(1, 'a', true, null, $.n)", [1, "a", True, None, None]),
        ("States.ArrayContains($.all, $.all[1])", True),
        ("States.ArrayRange(1, 9, 2)", [1, 3, 5, 7, 9]),
        ("States.ArrayRange(3, 1, -1)", [3, 2, 1]),
        ("States.ArrayUnique(States.Array(1, 1, 2))", [1, 2]),
        ("States.Base64Decode(States.Base64Encode('é'))", "é"),
        ("States.Hash('a', 'SHA-1')", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
        ("States.JsonMerge($.all[0], States.StringToJson('{\"d\":1}'), false)", None),
        ("States.JsonToString($.all)", '[{"c":2},{"c":3}]'),
        ("States.MathAdd(1.6, 1)", 3),
        ("States.StringSplit('a.b+c', '.+')", ["a", "b", "c"]),
        (r"States.Format('{}\\{}', 'a)', $$.Execution.Id)", r"a)\arn"),
    ],
)
def test_intrinsic_function_computes(call, value):
    if value is None:
        value = {"c": 2, "d": 1}
    assert evaluate(parse_call(call), DATA, CONTEXT) == value


@pytest.mark.parametrize(
    "call",
    [
        "States.ArrayGetItem($.all, 9)",
        "States.Format('{}')",
        "States.Format('', 1)",
        "States.MathAdd('a', 1)",
        "States.Hash('a', 'CRC')",
        "States.StringToJson('{')",
        "States.ArrayLength(1)",
        "States.JsonMerge($.all[0], $.all[1], true)",
        "States.ArrayRange(1, 9999, 1)",
        "States.UUID(1)",
    ],
)
def test_unfit_arguments_are_an_intrinsic_failure(call):
    with pytest.raises(StateFailed, match=r"States\.IntrinsicFailure"):
        evaluate(parse_call(call), DATA, CONTEXT)


@pytest.mark.parametrize(
    "text",
    [
        "States.No()",
        "States.Array(",
        "States.Array(1 2)",
        "States.Array(,1)",
        "States.Array(1) x",
        "States.Array(x)",
        "$.a",
    ],
)
def test_what_is_no_call_is_refused(text):
    with pytest.raises(PathInvalid):
        parse_call(text)


def test_uuid_and_random_numbers_are_what_they_say():
    assert len(evaluate(parse_call("States.UUID()"), {}, {})) == 36
    drawn = parse_call("States.MathRandom(1, 3, 7)")
    assert evaluate(drawn, {}, {}) == evaluate(drawn, {}, {})
    assert evaluate(drawn, {}, {}) in (1, 2)


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ({"Variable": "$.s", "StringMatches": "a*.log"}, True),
        ({"Variable": "$.s", "StringMatches": "a\\*.log"}, False),
        ({"Variable": "$.s", "StringLessThan": "b"}, True),
        ({"Variable": "$.s", "StringEqualsPath": "$.s"}, True),
        ({"Variable": "$.s", "NumericEquals": 1}, False),
        ({"Variable": "$.n", "NumericLessThanEquals": 3}, True),
        ({"Variable": "$.n", "NumericGreaterThanPath": "$.m"}, True),
        ({"Variable": "$.t", "BooleanEquals": True}, True),
        ({"Variable": "$.t", "NumericEquals": 1}, False),
        ({"Variable": "$.at", "TimestampLessThan": "2030-01-01T00:00:00Z"}, True),
        ({"Variable": "$.at", "IsTimestamp": True}, True),
        ({"Variable": "$.s", "IsTimestamp": True}, False),
        ({"Variable": "$.null", "IsNull": True}, True),
        ({"Variable": "$.n", "IsNumeric": True}, True),
        ({"Variable": "$.t", "IsNumeric": True}, False),
        ({"Variable": "$.s", "IsString": False}, False),
        ({"Variable": "$.t", "IsBoolean": True}, True),
        ({"Variable": "$.gone", "IsPresent": False}, True),
        ({"Variable": "$.null", "IsPresent": True}, True),
    ],
)
def test_comparison_holds(rule, holds):
    data = {
        "s": "a1.log",
        "n": 3,
        "m": 2.5,
        "t": True,
        "at": "2029-01-01T00:00:00+01:00",
        "null": None,
    }
    assert matches(parse_rule(rule), data, {}) is holds


@pytest.mark.parametrize(
    "rule",
    [
        {"Variable": "$.a"},
        {"NumericEquals": 1},
        {"Variable": "$.a", "NumericEquals": 1, "StringEquals": "a"},
        {"Variable": "$.a", "NumericEqual": 1},
        {"Variable": "$.a", "IsPresent": "yes"},
        {"Variable": "$.a", "StringEqualsPath": 1},
        {"And": []},
        {"Not": {"Variable": "$.a", "IsNull": True, "Next": "B"}},
    ],
)
def test_what_is_no_rule_is_refused(rule):
    with pytest.raises(RuleInvalid):
        parse_rule(rule)
