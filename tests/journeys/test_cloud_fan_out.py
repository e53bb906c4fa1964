"""Many tasks of one superstep through the deployed state machine."""

from pathlib import Path

import pytest

from benchmarks.cloud.project import Wanted
from benchmarks.cloud.stack import deployed
from benchmarks.fan_out import ours
from benchmarks.fan_out.__main__ import main

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cloud")]

TASKS = 10_000
DEPLOYED = Path(ours.__file__).parent / "deployed"


@pytest.mark.timeout(300)
def test_calls_and_bytes_of_a_task_are_flat_from_a_hundred_tasks_up(
    capfd: pytest.CaptureFixture[str],
) -> None:
    code = main(["--tasks", "100", "400"])

    said = capfd.readouterr().out
    assert code == 0, said
    assert "PASS: flat" in said


@pytest.mark.whole
@pytest.mark.timeout(3600)
def test_ten_thousand_tasks_run_once_each_and_join_in_task_order(
    tmp_path: Path,
) -> None:
    with deployed(tmp_path, Wanted(DEPLOYED, [ours.WORKFLOW])) as stack:
        stack.watch_functions()
        found = ours.run(stack, TASKS)  # raises unless all results are in order

    # A task that ran twice would have tried to record its writes twice. Beside
    # the tasks' stand a dozen writes of the run itself.
    assert TASKS <= found.calls["dynamodb.UpdateItem"] <= TASKS + 20
