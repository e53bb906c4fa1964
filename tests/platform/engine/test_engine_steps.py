"""What a deployment does to resources, told by a program on a shelf of boxes."""

import pulumi
import pytest

from analemma_platform.engine.failures import DeploymentFailed, Protected
from analemma_platform.engine.plan import Op, Phase, StepEvent
from engine_shelf import Box, Crate, Workshop, changes_of, ops


def two_boxes(label: str = "plain", colour: str = "red") -> None:
    first = Box("first", label=label, colour=colour)
    Box("second", label=first.address)
    pulumi.export("address", first.address)


def test_a_preview_says_what_up_would_do_and_changes_nothing(
    workshop: Workshop,
) -> None:
    plan = workshop.engine(two_boxes).preview()
    assert ops(plan) == {"first": "create", "second": "create"}
    assert plan.counts[Op.CREATE] == 2
    assert workshop.shelf.boxes == {}
    assert not workshop.store.path.exists()


def test_up_makes_what_the_program_declares_and_returns_its_outputs(
    workshop: Workshop,
) -> None:
    result = workshop.engine(two_boxes).up()
    assert changes_of(result) == {"first": "create", "second": "create"}
    assert result.outputs == {"address": "shelf/box-1"}
    labels = [box["label"] for box in workshop.shelf.boxes.values()]
    assert labels == ["plain", "shelf/box-1"]


def test_up_again_changes_nothing_and_calls_the_cloud_for_nothing(
    workshop: Workshop,
) -> None:
    workshop.engine(two_boxes).up()
    state = workshop.store.read()
    workshop.shelf.calls.clear()
    result = workshop.engine(two_boxes).up()
    assert ops(result) == {"first": "same", "second": "same"}
    assert result.changes_nothing
    assert workshop.shelf.calls == []
    assert workshop.store.read() == state


def test_a_changed_property_updates_that_resource_and_no_other(
    workshop: Workshop,
) -> None:
    workshop.engine(two_boxes).up()
    plan = workshop.engine(lambda: two_boxes("fancy")).preview()
    (step,) = [step for step in plan.steps if step.op is Op.UPDATE]
    assert step.changed == ("label",)
    assert [(c.path, c.before, c.after) for c in step.changes] == [
        ("label", "plain", "fancy")
    ]
    result = workshop.engine(lambda: two_boxes("fancy")).up()
    assert changes_of(result) == {"first": "update"}
    assert workshop.shelf.calls[-1] == ("update", "first")


def test_a_replacement_makes_the_new_one_before_the_old_one_goes(
    workshop: Workshop,
) -> None:
    workshop.engine(two_boxes).up()
    workshop.shelf.calls.clear()
    result = workshop.engine(lambda: two_boxes(colour="blue")).up()
    assert workshop.shelf.calls == [
        ("create", "first"),
        ("update", "second"),
        ("delete", "first"),
    ]
    assert [(s.op.value, s.name) for s in result.steps] == [
        ("replace", "first"),
        ("update", "second"),
        ("delete", "first"),
    ]
    assert len(workshop.shelf.boxes) == 2


def test_a_preview_knows_that_a_replacement_changes_what_depends_on_it(
    workshop: Workshop,
) -> None:
    workshop.engine(two_boxes).up()
    plan = workshop.engine(lambda: two_boxes(colour="blue")).preview()
    assert [(s.op.value, s.name) for s in plan.steps] == [
        ("replace", "first"),
        ("update", "second"),
        ("delete", "first"),
    ]
    (update,) = [step for step in plan.steps if step.op is Op.UPDATE]
    assert update.changes[0].after == "(known after up)"


def named(colour: str) -> None:
    first = Box("first", name="the-box", colour=colour)
    # The colour of the second hangs on the first, so it cannot stay either.
    Box("second", colour=first.address)
    Box("third", label=first.address)


def test_with_a_fixed_name_the_old_one_goes_first_and_so_does_what_falls_with_it(
    workshop: Workshop,
) -> None:
    workshop.engine(lambda: named("red")).up()
    workshop.shelf.calls.clear()
    preview = workshop.engine(lambda: named("blue")).preview()
    result = workshop.engine(lambda: named("blue")).up()
    assert workshop.shelf.calls[:3] == [
        ("delete", "second"),
        ("delete", "first"),
        ("create", "first"),
    ]
    expected = {"first": "replace", "second": "replace", "third": "update"}
    assert changes_of(result) == expected
    assert changes_of(preview) == expected
    assert workshop.engine(lambda: named("blue")).up().changes_nothing


def test_what_fell_with_a_replacement_and_is_no_longer_wanted_is_told_as_deleted(
    workshop: Workshop,
) -> None:
    workshop.engine(lambda: named("red")).up()
    result = workshop.engine(
        lambda: Box("first", name="the-box", colour="blue") and None
    ).up()
    assert changes_of(result) == {
        "first": "replace",
        "second": "delete",
        "third": "delete",
    }
    assert workshop.shelf.names() == ["the-box"]


def test_what_the_program_no_longer_declares_is_deleted(workshop: Workshop) -> None:
    workshop.engine(two_boxes).up()
    result = workshop.engine(lambda: None).up()
    assert [(s.op.value, s.name) for s in result.steps] == [
        ("delete", "second"),
        ("delete", "first"),
    ]
    assert workshop.shelf.boxes == {}


def test_destroy_deletes_dependents_first_and_leaves_no_state(
    workshop: Workshop,
) -> None:
    def chain() -> None:
        above = Box("0")
        for number in range(1, 6):
            above = Box(str(number), label=above.address)

    workshop.engine(chain).up()
    result = workshop.engine().destroy()
    assert [step.name for step in result.steps] == ["5", "4", "3", "2", "1", "0"]
    assert workshop.shelf.boxes == {}
    assert not workshop.store.path.exists()


def test_destroying_nothing_is_done_at_once(workshop: Workshop) -> None:
    assert workshop.engine().destroy().steps == ()


def test_refresh_notices_a_change_by_hand_and_the_next_up_repairs_it(
    workshop: Workshop,
) -> None:
    workshop.engine(two_boxes).up()
    box = next(iter(workshop.shelf.boxes.values()))
    wanted = dict(box)
    box["label"] = "scribbled on"
    refreshed = workshop.engine().refresh()
    (drift,) = [step for step in refreshed.steps if step.op is Op.REFRESH]
    assert drift.changed == ("label",)
    assert drift.changes[0].after == "scribbled on"
    result = workshop.engine(two_boxes).up()
    assert changes_of(result) == {drift.name: "update"}
    assert wanted in workshop.shelf.boxes.values()


def test_refresh_notices_what_is_gone_and_the_next_up_makes_it_anew(
    workshop: Workshop,
) -> None:
    workshop.engine(lambda: Box("only") and None).up()
    workshop.shelf.boxes.clear()
    assert changes_of(workshop.engine().refresh()) == {"only": "delete"}
    assert changes_of(workshop.engine(lambda: Box("only") and None).up()) == {
        "only": "create"
    }


def test_a_refresh_without_drift_changes_nothing(workshop: Workshop) -> None:
    workshop.engine(two_boxes).up()
    before = workshop.store.read()
    assert changes_of(workshop.engine().refresh()) == {}
    assert workshop.store.read() == before


def protected_box(**props: str) -> None:
    Box("free")
    Box("kept", pulumi.ResourceOptions(protect=True), **props)


def test_destroy_refuses_a_protected_resource_before_it_deletes_anything(
    workshop: Workshop,
) -> None:
    workshop.engine(protected_box).up()
    workshop.shelf.calls.clear()
    with pytest.raises(Protected, match="::kept is protected; nothing was deleted"):
        workshop.engine().destroy()
    assert workshop.shelf.calls == []
    assert len(workshop.shelf.boxes) == 2


def test_destroy_by_force_deletes_a_protected_resource(workshop: Workshop) -> None:
    workshop.engine(protected_box).up()
    workshop.engine().destroy(force=True)
    assert workshop.shelf.boxes == {}


def test_a_protected_resource_is_neither_replaced_nor_dropped(
    workshop: Workshop,
) -> None:
    workshop.engine(protected_box).up()
    for program in (lambda: protected_box(colour="blue"), lambda: None):
        with pytest.raises((Protected, DeploymentFailed), match="is protected"):
            workshop.engine(program).up()
    assert len(workshop.shelf.boxes) == 2
    assert workshop.engine(protected_box).up().changes_nothing


def test_protection_taken_off_in_the_program_lets_it_go(workshop: Workshop) -> None:
    workshop.engine(protected_box).up()

    def unprotected() -> None:
        Box("free")
        Box("kept")

    workshop.engine(unprotected).up()
    workshop.engine().destroy()
    assert workshop.shelf.boxes == {}


def test_components_hold_their_children_and_their_outputs(workshop: Workshop) -> None:
    result = workshop.engine(lambda: Crate("crate") and None).up()
    assert changes_of(result) == {"crate": "create", "crate-box": "create"}
    state = workshop.store.read()
    assert state is not None
    crate, box = sorted(
        (r for r in state.resources if "Crate" in r.urn), key=lambda r: r.custom
    )
    assert box.parent == crate.urn
    assert box.urn.endswith("shelf:index:Crate$shelf:index:Box::crate-box")
    assert crate.outputs == {"address": box.outputs["address"]}


def test_every_step_is_told_when_it_starts_and_when_it_ends(
    workshop: Workshop,
) -> None:
    events: list[StepEvent] = []
    workshop.engine(lambda: Box("only") and None).up(events.append)
    assert [(event.step.name, event.phase) for event in events] == [
        ("only", Phase.STARTED),
        ("only", Phase.DONE),
    ]
    assert events[1].seconds >= events[0].seconds == 0


def test_a_changed_region_replaces_everything_and_deletes_where_it_was(
    workshop: Workshop,
) -> None:
    workshop.config = {"shelf:region": "left"}
    workshop.engine(two_boxes).up()
    assert workshop.engine(two_boxes).up().changes_nothing
    workshop.config = {"shelf:region": "right"}
    result = workshop.engine(two_boxes).up()
    assert [s.op.value for s in result.steps] == ["replace"] * 2 + ["delete"] * 2
    assert workshop.shelf.deleted_in == ["left", "left"]
