"""What every resource type owes the engine, on the emulated AWS."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from analemma_platform.engine.failures import ProviderFailure
from analemma_platform.engine.provider import Naming
from analemma_platform.engine.urns import Namespace, Urn
from analemma_platform.engine.values import UNKNOWN, Properties
from analemma_platform.realisers.provider import AwsProvider
from analemma_platform.realisers.table import REALISERS
from engine_cases import CASES, Case, id_of_before

SPACE = Namespace("project", "dev")
SETTINGS = {
    case.noun for case in CASES if REALISERS[case.token].properties.get("bucket")
}

NAMELESS = SETTINGS | {"Key"}
"""What no input names, so that it cannot be found or be in the way."""

INBORN = {"BucketServerSideEncryptionConfiguration", "BucketVersioning"}
"""What every bucket has by default, so that it is never not there."""


@dataclass
class Bench:
    """One case on one provider; its resource, if any, is made and deleted."""

    provider: AwsProvider
    case: Case
    folder: Path
    urn: Urn
    ids: dict[str, str]

    def checked(self, inputs: Properties, olds: Properties | None = None) -> Properties:
        naming = Naming(uuid.uuid4().bytes)
        checked = self.provider.check(self.urn, inputs, olds or {}, naming)
        assert not checked.failures
        return checked.inputs

    def inputs(self) -> Properties:
        return self.checked(self.declared())

    def declared(self) -> Properties:
        return self.resolved(self.case.inputs(self.folder))

    def changed(self, olds: Properties) -> Properties:
        return self.checked(self.resolved(self.case.changed(self.folder)), olds)

    def resolved(self, inputs: Properties) -> Properties:
        return {
            name: self.ids.get(value, value) if isinstance(value, str) else value
            for name, value in inputs.items()
        }


@pytest.fixture(params=CASES, ids=lambda case: case.noun)
def bench(
    request: pytest.FixtureRequest, provider: AwsProvider, code: Path
) -> Iterator[Bench]:
    case: Case = request.param
    made: list[tuple[Urn, str, Properties]] = []
    ids: dict[str, str] = {}
    for number, (token, inputs) in enumerate(case.before):
        urn = SPACE.urn("", token, f"before-{number}")
        checked = provider.check(urn, inputs, {}, Naming(b"0" * 32))
        realised = provider.create(urn, checked.inputs)
        made.append((urn, realised.id, realised.outputs))
        ids[id_of_before(number)] = realised.id
    yield Bench(provider, case, code, SPACE.urn("", case.token, case.noun), ids)
    for urn, resource_id, outputs in reversed(made):
        provider.delete(urn, resource_id, outputs, force=True)


def test_every_type_of_the_table_has_a_case() -> None:
    assert {case.token for case in CASES} == set(REALISERS)


def test_what_was_created_reads_back_the_same(bench: Bench) -> None:
    inputs = bench.inputs()
    made = bench.provider.create(bench.urn, inputs)
    try:
        assert made.id
        assert bench.provider.read(bench.urn, made.id, made.outputs) == made.outputs
        wanted = {name: made.outputs.get(name) for name in inputs}
        assert not bench.provider.diff(bench.urn, inputs, wanted).changed
    finally:
        bench.provider.delete(bench.urn, made.id, made.outputs, force=True)


def test_an_update_reaches_the_cloud_and_is_then_no_change(bench: Bench) -> None:
    olds = bench.inputs()
    made = bench.provider.create(bench.urn, olds)
    try:
        news = bench.changed(olds)
        difference = bench.provider.diff(bench.urn, olds, news)
        assert difference.changed
        assert not difference.replaces
        outputs = bench.provider.update(bench.urn, made.id, olds, news)
        found = bench.provider.read(bench.urn, made.id, outputs)
        assert found == outputs
        wanted = {name: outputs.get(name) for name in news}
        assert not bench.provider.diff(bench.urn, news, wanted).changed
    finally:
        bench.provider.delete(bench.urn, made.id, made.outputs, force=True)


def test_an_update_back_leaves_what_was_there_before(bench: Bench) -> None:
    olds = bench.inputs()
    made = bench.provider.create(bench.urn, olds)
    try:
        news = bench.changed(olds)
        bench.provider.update(bench.urn, made.id, olds, news)
        outputs = bench.provider.update(bench.urn, made.id, news, olds)
        wanted = {name: outputs.get(name) for name in olds}
        assert not bench.provider.diff(bench.urn, olds, wanted).changed
    finally:
        bench.provider.delete(bench.urn, made.id, made.outputs, force=True)


def test_deleting_twice_is_deleting_once(bench: Bench) -> None:
    made = bench.provider.create(bench.urn, bench.inputs())
    for _ in range(2):
        bench.provider.delete(bench.urn, made.id, made.outputs, force=False)
    found = bench.provider.read(bench.urn, made.id, made.outputs)
    assert found is None or bench.case.noun in INBORN


def test_a_preview_knows_all_outputs_and_only_the_later_ones_are_unknown(
    bench: Bench,
) -> None:
    inputs = bench.inputs()
    previewed = bench.provider.preview_create(bench.urn, inputs)
    made = bench.provider.create(bench.urn, inputs)
    try:
        later = {name for name, value in previewed.items() if value == UNKNOWN}
        known = previewed.keys() - later
        assert later <= made.outputs.keys()
        assert not later & inputs.keys()
        assert {name: made.outputs.get(name) for name in known} == {
            name: previewed[name] for name in known
        }
    finally:
        bench.provider.delete(bench.urn, made.id, made.outputs, force=True)


def test_a_resource_is_found_by_its_inputs(bench: Bench) -> None:
    inputs = bench.inputs()
    made = bench.provider.create(bench.urn, inputs)
    found = bench.provider.find(bench.urn, inputs)
    bench.provider.delete(bench.urn, made.id, made.outputs, force=True)
    assert found == (None if bench.case.noun in NAMELESS else made)
    assert bench.provider.find(bench.urn, inputs) is None


def test_a_property_nobody_would_obey_is_refused_by_its_name(bench: Bench) -> None:
    inputs = {**bench.declared(), "gadget": 1}
    checked = bench.provider.check(bench.urn, inputs, {}, Naming(b"0" * 32))
    assert any("gadget" in failure for failure in checked.failures)


def test_a_required_property_that_is_missing_is_named(bench: Bench) -> None:
    required = [
        name
        for name, declared in REALISERS[bench.case.token].properties.items()
        if declared.required
    ]
    checked = bench.provider.check(bench.urn, {}, {}, Naming(b"0" * 32))
    assert [f"{name} is missing" for name in required] == list(checked.failures)


def test_what_somebody_else_made_is_neither_taken_nor_changed(bench: Bench) -> None:
    if bench.case.noun in NAMELESS:
        return
    inputs = bench.inputs()
    made = bench.provider.create(bench.urn, inputs)
    try:
        with pytest.raises(ProviderFailure, match="exists already"):
            bench.provider.create(bench.urn, inputs)
        assert bench.provider.read(bench.urn, made.id, made.outputs) == made.outputs
    finally:
        bench.provider.delete(bench.urn, made.id, made.outputs, force=True)
