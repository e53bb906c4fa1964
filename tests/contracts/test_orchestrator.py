"""What both orchestrators promise: they obey transitions, each in the same way.

The embedded loop and the state machine on Step Functions get the same scripted
slices. Neither knows what a run is; all they know is here.
"""

import itertools
from collections.abc import Iterator

import pytest

from emulator_fixture import Emulator
from emulator_fixture import emulator_server as emulator_server
from kernel_embedded import EmbeddedOrchestrator
from kernel_script import REF, RETRY, Orchestrator, Script
from kernel_step_functions import DeployedMachine, StepFunctionsOrchestrator

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def deployed(
    emulator_server: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DeployedMachine]:
    emulator_server.scale_waits(0.01)
    yield DeployedMachine(emulator_server, tmp_path_factory.mktemp("scripts"))
    emulator_server.reset()
    emulator_server.scale_waits(1)


@pytest.fixture(params=["embedded", "step functions"])
def orchestrator(request: pytest.FixtureRequest) -> Orchestrator:
    if request.param == "embedded":
        return EmbeddedOrchestrator()
    return StepFunctionsOrchestrator(request.getfixturevalue("deployed"))


@pytest.fixture
def script() -> Script:
    return Script(f"run-{next(_numbers)}")


def joins(orchestrator: Orchestrator) -> list[str | None]:
    return [event.get("joins") for event in orchestrator.calls("slice")]


def test_continue_runs_another_slice_at_once(
    orchestrator: Orchestrator, script: Script
) -> None:
    orchestrator.start(script.say("continue").say("continue").done())

    assert orchestrator.rest() == "done"
    assert joins(orchestrator) == [None, None, None]
    assert {
        (event["run_id"], event["owner"]) for event in orchestrator.calls("slice")
    } == {(script.run_id, "local")}


def test_fan_out_runs_every_batch_and_then_a_slice_that_joins_it(
    orchestrator: Orchestrator, script: Script
) -> None:
    orchestrator.start(script.fan_out(5).say("continue").fan_out(2).done())

    assert orchestrator.rest() == "done"
    first, second = script.steps[0], script.steps[2]
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert joins(orchestrator) == [None, first["ref"], None, second["ref"]]
    workers = orchestrator.calls("worker")
    assert sorted(event["batch"] for event in workers) == [0, 0, 1, 1, 2, 3, 4]
    assert {event["ref"] for event in workers} == {REF}


def test_waits_for_every_approval_whatever_the_order_of_the_answers(
    orchestrator: Orchestrator, script: Script
) -> None:
    orchestrator.start(script.ask("ap-1", "ap-2", "ap-3").done())

    assert orchestrator.rest() == "waiting"
    assert sorted(each["approval_id"] for each in orchestrator.calls("park")) == [
        "ap-1",
        "ap-2",
        "ap-3",
    ]
    for approval in ("ap-2", "ap-3"):
        orchestrator.answer(approval)
        assert orchestrator.rest() == "waiting"
    assert len(orchestrator.calls("slice")) == 1
    orchestrator.answer("ap-1")
    assert orchestrator.rest() == "done"
    assert joins(orchestrator) == [None, None]


def test_sleeps_and_runs_a_slice_after(
    orchestrator: Orchestrator, script: Script
) -> None:
    orchestrator.start(script.say("sleep", seconds=7).say("sleep", seconds=3).done())

    assert orchestrator.rest() == "done"
    assert orchestrator.slept_seconds() == [7, 3]
    assert len(orchestrator.calls("slice")) == 3


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("done", {}),
        ("failed", {}),
        ("terminated", {"reason": "tokens"}),
    ],
)
def test_an_end_ends_the_run_with_its_own_status_and_nothing_runs_after(
    orchestrator: Orchestrator, script: Script, kind: str, fields: dict[str, str]
) -> None:
    orchestrator.start(script.say("continue").say(kind, ref=REF, **fields))

    assert orchestrator.rest() == kind
    assert len(orchestrator.calls("slice")) == 2
    assert orchestrator.calls("bury") == []


@pytest.mark.parametrize("error", ["StoreUnavailable", "ProviderUnavailable"])
def test_a_retryable_error_is_repeated_and_the_run_goes_on(
    orchestrator: Orchestrator, script: Script, error: str
) -> None:
    script.raises(error, RETRY.max_attempts).say("continue").raises(error).done()
    orchestrator.start(script)

    assert orchestrator.rest() == "done"
    assert len(orchestrator.calls("slice")) == RETRY.max_attempts + 3


def test_a_retryable_error_is_given_up_on_after_the_policys_attempts(
    orchestrator: Orchestrator, script: Script
) -> None:
    orchestrator.start(script.raises("StoreUnavailable", 9))

    assert orchestrator.rest() == "gave up"
    assert orchestrator.failure() == "StoreUnavailable"
    assert len(orchestrator.calls("slice")) == RETRY.max_attempts + 1


@pytest.mark.parametrize("error", ["RunNotFound", "InputInvalid", "PageMissing"])
def test_an_error_that_would_come_again_is_not_repeated(
    orchestrator: Orchestrator, script: Script, error: str
) -> None:
    orchestrator.start(script.raises(error, 2))

    assert orchestrator.rest() == "gave up"
    assert orchestrator.failure() == error
    assert len(orchestrator.calls("slice")) == 1


def test_a_joining_slice_that_is_repeated_still_knows_what_it_joins(
    orchestrator: Orchestrator, script: Script
) -> None:
    orchestrator.start(script.fan_out(1).raises("StoreUnavailable").done())

    assert orchestrator.rest() == "done"
    fan_out = script.steps[0]
    assert isinstance(fan_out, dict)
    assert joins(orchestrator) == [None, fan_out["ref"], fan_out["ref"]]


def test_renew_goes_on(orchestrator: Orchestrator, script: Script) -> None:
    orchestrator.start(script.say("continue").say("renew", generation=2).done())

    assert orchestrator.rest() == "done"
    assert len(orchestrator.calls("slice")) == 3


def test_renew_starts_a_fresh_execution_named_after_run_and_generation(
    deployed: DeployedMachine, script: Script
) -> None:
    orchestrator = StepFunctionsOrchestrator(deployed)
    orchestrator.start(script.say("renew", generation=2).done())

    assert orchestrator.rest() == "done"
    first, second = (event["execution"] for event in orchestrator.calls("slice"))
    assert first.endswith(f":{script.run_id}")
    assert second.endswith(f":{script.run_id}-2")


@pytest.mark.parametrize("error", ["StoreUnavailable", "ValueError"])
def test_a_worker_that_dies_neither_stops_its_siblings_nor_the_run(
    deployed: DeployedMachine, script: Script, error: str
) -> None:
    orchestrator = StepFunctionsOrchestrator(deployed)
    script.worker_errors[1] = error
    orchestrator.start(script.fan_out(3).done())

    assert orchestrator.rest() == "done"
    asked = [event["batch"] for event in orchestrator.calls("worker")]
    tries = 1 + (RETRY.max_attempts if error == "StoreUnavailable" else 0)
    assert sorted(asked) == [0, *[1] * tries, 2]


def test_what_crosses_step_functions_is_small(
    deployed: DeployedMachine, script: Script
) -> None:
    orchestrator = StepFunctionsOrchestrator(deployed)
    script.fan_out(40).ask("ap-1").say("sleep", seconds=1).say("continue").done()
    orchestrator.start(script)
    assert orchestrator.rest() == "waiting"
    orchestrator.answer("ap-1")
    assert orchestrator.rest() == "done"

    sizes = orchestrator.sizes()

    assert len(sizes) > 20
    assert max(sizes) < 2048


def test_an_unknown_transition_ends_the_execution_with_a_name(
    deployed: DeployedMachine, script: Script
) -> None:
    run = deployed.start(script.say("dream"))

    assert run.ended()["error"] == "Analemma.UnknownTransition"
