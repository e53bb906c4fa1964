"""A deployment that fails half way says so, keeps what it did, and continues."""

import dataclasses
import os
import signal
import threading

import pulumi
import pytest

from analemma.errors import ConfigInvalid, Rejected
from analemma_platform.engine.failures import DeploymentFailed
from analemma_platform.engine.halt import Halt
from analemma_platform.engine.plan import Phase, StepEvent
from analemma_platform.engine.state import StackState
from engine_shelf import Box, Workshop, changes_of


def chain() -> None:
    first = Box("first")
    second = Box("second", label=first.address)
    Box("third", label=second.address)


def test_a_refusal_keeps_what_was_made_and_the_next_up_goes_on_from_there(
    workshop: Workshop,
) -> None:
    workshop.shelf.refused = {"second"}
    with pytest.raises(DeploymentFailed, match="refuses second") as failed:
        workshop.engine(chain).up()
    assert [step.name for step in failed.value.steps] == ["first"]
    assert len(workshop.shelf.boxes) == 1
    workshop.shelf.refused = set()
    result = workshop.engine(chain).up()
    assert changes_of(result) == {"second": "create", "third": "create"}


def test_after_a_refusal_nothing_is_deleted(workshop: Workshop) -> None:
    workshop.engine(chain).up()
    workshop.shelf.refused = {"new"}
    with pytest.raises(DeploymentFailed):
        workshop.engine(lambda: Box("new") and None).up()
    assert len(workshop.shelf.boxes) == 3
    workshop.shelf.refused = set()
    result = workshop.engine(lambda: Box("new") and None).up()
    assert changes_of(result) == {
        "new": "create",
        "first": "delete",
        "second": "delete",
        "third": "delete",
    }


def test_a_failed_update_is_tried_again(workshop: Workshop) -> None:
    workshop.engine(lambda: Box("b", label="one") and None).up()
    workshop.shelf.refused = {"b"}
    with pytest.raises(DeploymentFailed):
        workshop.engine(lambda: Box("b", label="two") and None).up()
    workshop.shelf.refused = set()
    assert changes_of(workshop.engine(lambda: Box("b", label="two") and None).up()) == {
        "b": "update"
    }


def test_a_failed_deletion_leaves_the_rest_for_the_next_destroy(
    workshop: Workshop,
) -> None:
    workshop.engine(chain).up()
    workshop.shelf.refused = {"second"}
    with pytest.raises(DeploymentFailed, match="refuses second"):
        workshop.engine().destroy()
    assert len(workshop.shelf.boxes) == 2
    workshop.shelf.refused = set()
    workshop.engine().destroy()
    assert workshop.shelf.boxes == {}


def test_a_replaced_resource_that_would_not_go_goes_next_time(
    workshop: Workshop,
) -> None:
    def program(colour: str) -> None:
        Box("b", colour=colour)

    workshop.engine(lambda: program("red")).up()
    provider_delete = {"b"}

    def refuse_deletion(event: object) -> None:
        workshop.shelf.refused = (
            provider_delete if len(workshop.shelf.boxes) == 2 else set()
        )

    with pytest.raises(DeploymentFailed):
        workshop.engine(lambda: program("blue")).up(refuse_deletion)
    assert len(workshop.shelf.boxes) == 2
    workshop.shelf.refused = set()
    result = workshop.engine(lambda: program("blue")).up()
    assert changes_of(result) == {"b": "delete"}
    assert [box["colour"] for box in workshop.shelf.boxes.values()] == ["blue"]


def test_interrupted_by_the_keyboard_it_ends_what_runs_and_starts_no_more(
    workshop: Workshop,
) -> None:
    def press(event: StepEvent) -> None:
        if event.phase is Phase.STARTED:
            os.kill(os.getpid(), signal.SIGINT)
            pressed.wait(timeout=30)

    pressed = threading.Event()
    halted = Halt.because

    def because(halt: Halt, reason: BaseException) -> None:
        halted(halt, reason)
        pressed.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Halt, "because", because)
        with pytest.raises(DeploymentFailed, match="interrupted by the keyboard"):
            workshop.engine(chain).up(press)
    assert [call for call in workshop.shelf.calls if call[0] == "create"] == [
        ("create", "first")
    ]
    assert changes_of(workshop.engine(chain).up()) == {
        "second": "create",
        "third": "create",
    }


class Killed(BaseException):
    """Ends the engine where a kill -9 would: nothing more is written."""


def test_killed_at_any_write_the_next_up_finishes_with_every_name_once(
    workshop: Workshop,
) -> None:
    def program() -> None:
        first = Box("first", name="one")
        Box("second", name="two", label=first.address)

    write = workshop.store.write
    for last_write in range(1, 12):
        workshop.shelf.boxes.clear()
        workshop.store.delete()
        writes = 0

        def write_some(state: StackState, last_write: int = last_write) -> None:
            nonlocal writes
            writes += 1
            if writes > last_write:
                raise Killed
            write(state)

        engine = workshop.engine(program)
        engine._store = FlakyStore(workshop, write_some)  # type: ignore[assignment] # same methods
        try:
            engine.up()
        except (DeploymentFailed, Killed):
            workshop.engine(program).up()
        assert workshop.shelf.names() == ["one", "two"]
        assert workshop.engine(program).up().changes_nothing
        if writes <= last_write:
            return
    pytest.fail("the deployment never ran to its end")


class FlakyStore:
    def __init__(self, workshop: Workshop, write: object) -> None:
        self.read = workshop.store.read
        self.write = write


def test_what_a_killed_deployment_made_unseen_is_made_anew(
    workshop: Workshop,
) -> None:
    workshop.engine(lambda: Box("b", name="n") and None).up()
    state = workshop.store.read()
    assert state is not None
    unsure = tuple(
        dataclasses.replace(r, id="", outputs={}, pending_create=True)
        if r.type == "shelf:index:Box"
        else r
        for r in state.resources
    )
    workshop.store.write(dataclasses.replace(state, resources=unsure))
    result = workshop.engine(lambda: Box("b", name="n") and None).up()
    assert changes_of(result) == {"b": "create"}
    assert workshop.shelf.names() == ["n"]


def test_two_resources_of_one_name_are_refused(workshop: Workshop) -> None:
    def program() -> None:
        Box("twin")
        Box("twin")

    with pytest.raises(DeploymentFailed, match=r"duplicate resource .*::twin"):
        workshop.engine(program).up()


def test_an_error_in_the_program_names_file_and_line(workshop: Workshop) -> None:
    source = workshop.folder / "__main__.py"
    source.write_text("import pulumi\n\nraise ValueError('the sky\\nfalls')\n")
    with pytest.raises(DeploymentFailed) as failed:
        workshop.engine().preview()
    assert str(failed.value) == "__main__.py:3: ValueError: the sky falls"


def test_an_error_inside_an_apply_fails_the_deployment(workshop: Workshop) -> None:
    def program() -> None:
        def trip(address: str) -> str:
            raise LookupError(f"nothing at {address}")

        Box("second", label=Box("first").address.apply(trip))

    with pytest.raises(DeploymentFailed, match="nothing at shelf/box-1"):
        workshop.engine(program).up()
    assert changes_of(workshop.engine(lambda: Box("first") and None).up()) == {}


def test_a_program_that_rejects_its_settings_is_rejected_as_a_whole(
    workshop: Workshop,
) -> None:
    def program() -> None:
        raise ConfigInvalid("Pulumi.dev.yaml: analemma:env: tier is missing")

    with pytest.raises(ConfigInvalid, match="tier is missing"):
        workshop.engine(program).up()


def test_a_run_error_of_pulumi_is_told_in_its_own_words(workshop: Workshop) -> None:
    def program() -> None:
        raise pulumi.RunError("the stack file is wrong")

    with pytest.raises(Exception, match="the stack file is wrong"):
        workshop.engine(program).preview()


def test_the_run_after_a_failed_one_is_a_fresh_one(workshop: Workshop) -> None:
    for _ in range(3):
        workshop.shelf.refused = {"first"}
        with pytest.raises(DeploymentFailed):
            workshop.engine(chain).up()
        workshop.shelf.refused = set()
        assert workshop.engine(lambda: None).preview().steps == ()


def test_an_unknown_stack_to_refer_to_is_named(workshop: Workshop) -> None:
    def program() -> None:
        pulumi.StackReference("organization/other/dev")

    with pytest.raises(Rejected, match="organization/other/dev"):
        workshop.engine(program).preview()
